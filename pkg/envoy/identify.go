package envoy

import "io"

// Kind says what a file of admin output turned out to be.
type Kind string

// The kinds of files that DecodeAny knows.
const (
	KindConfigDump Kind = "config dump"
	KindClusters   Kind = "clusters"
	KindCerts      Kind = "certs"
	KindStats      Kind = "stats"
	KindServerInfo Kind = "server info"
	KindZtunnel    Kind = "ztunnel dump"
	KindOther      Kind = "other"
)

// NotReadError says that bytes were recognised and why they were not (or not wholly) read.
type NotReadError struct {
	What string // what the bytes are: "a ztunnel config dump"
	Why  string // why they are not read
	Next string // what the user can do next
}

// Error is one sentence.
func (e *NotReadError) Error() string { return e.What + ": " + e.Why + "; " + e.Next }

// DecodeAny works out what the bytes are and reads them. With a NotReadError the Proxy holds
// what could be read nevertheless (node, versions).
func DecodeAny(r io.Reader, in *Interner) (*Proxy, Kind, error) {
	return &Proxy{}, KindOther, &NotReadError{What: "file", Why: "not recognised", Next: "give an Envoy config dump"}
}
