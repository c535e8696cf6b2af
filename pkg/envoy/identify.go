package envoy

import (
	"fmt"
	"io"
)

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
	What string // what the bytes are: "a ztunnel dump"
	Why  string // why they are not read
	Next string // what the user can do next
}

// Error is one sentence.
func (e *NotReadError) Error() string {
	return fmt.Sprintf("this is %s, which is not read: %s; %s", e.What, e.Why, e.Next)
}

// DecodeAny works out what the bytes are and reads them. With an error the Proxy holds what
// could be read nevertheless (node and versions of a dump that is too old, the part before
// the cut of one that is cut short). Success always means content.
func DecodeAny(r io.Reader, in *Interner) (*Proxy, Kind, error) {
	d := NewDecoder(in)
	err := d.readAny(r)
	kind := d.seen
	if kind == "" {
		kind = KindOther
	}
	if err == nil {
		err = d.hollow()
	}
	return d.Proxy(), kind, err
}

// hollow is the error for input that was read and had nothing in it.
func (d *Decoder) hollow() error {
	switch p := d.proxy; {
	case d.seen == "":
		return &NotReadError{"a document of unknown kind", "it has none of the sections of Envoy's admin output", giveDump}
	case p.Read == 0:
		return &NotReadError{"a " + string(d.seen) + " without content", "none of the sections that matter is in it", giveDump}
	}
	return nil
}

// unexpected is the error for admin output of another kind than was asked for.
func unexpected(got, want Kind) error {
	if got == "" {
		return &NotReadError{"a document of unknown kind", "the output of " + string(want) + " was expected", giveDump}
	}
	return &NotReadError{"the output of " + string(got), "the output of " + string(want) + " was expected", "check which file is which; what it says was kept"}
}

// tooOld is the error for API v2.
func tooOld(p *Proxy) error {
	what := "a dump of xDS API v2"
	if v := p.Node.IstioVersion; v != "" {
		what += " (Istio " + v + ")"
	}
	return &NotReadError{
		what,
		"Istio up to 1.5 speaks that API, it is too old to be judged; only node and versions were read",
		"upgrade the proxy, or give a dump of Istio 1.6 or newer",
	}
}

func severalProxies() error {
	return &NotReadError{"the output of several proxies in one file", "what belongs to which cannot be told apart", "give one file per proxy"}
}
