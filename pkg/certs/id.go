package certs

import (
	"errors"
	"fmt"
	"strings"
)

// Errors of ParseID, wrapped with the text that was read. The rules are those
// of the SPIFFE-ID standard (sections 2.1 to 2.4), as go-spiffe applies them.
var (
	// ErrEmptyID: there is nothing to read.
	ErrEmptyID = errors.New("cannot be empty")
	// ErrIDTooLong: more than 2048 bytes.
	ErrIDTooLong = errors.New("cannot be longer than 2048 bytes")
	// ErrWrongScheme: it does not begin with spiffe://, in lower case.
	ErrWrongScheme = errors.New("scheme is not spiffe://")
	// ErrMissingTrustDomain: nothing stands between spiffe:// and the path.
	ErrMissingTrustDomain = errors.New("trust domain is missing")
	// ErrTrustDomainTooLong: the trust domain has more than 255 bytes.
	ErrTrustDomainTooLong = errors.New("trust domain cannot be longer than 255 bytes")
	// ErrBadTrustDomainChar: user info, a port, upper case or percent encoding.
	ErrBadTrustDomainChar = errors.New("trust domain may hold only lower case letters, digits, dots, dashes and underscores")
	// ErrBadPathChar: a query, a fragment, percent encoding or the like.
	ErrBadPathChar = errors.New("path may hold only letters, digits, dots, dashes, underscores and slashes")
	// ErrEmptySegment: two slashes in a row.
	ErrEmptySegment = errors.New("path has an empty segment")
	// ErrDotSegment: a segment is "." or "..".
	ErrDotSegment = errors.New("path has a dot segment")
	// ErrTrailingSlash: the last byte is a slash.
	ErrTrailingSlash = errors.New("path ends in a slash")
)

const (
	idScheme         = "spiffe://"
	maxIDBytes       = 2048
	maxTrustDomBytes = 255
)

// ID is a SPIFFE identity, for example
// spiffe://cluster.local/ns/shop/sa/server. IDs are comparable; the zero ID is
// no identity.
type ID struct {
	text string
	host int // where the trust domain ends in text
}

// ParseID reads a SPIFFE ID. The error wraps one of the Err… values above.
func ParseID(s string) (ID, error) {
	host, err := checkID(s)
	if err != nil {
		return ID{}, fmt.Errorf("SPIFFE ID %.200q: %w", s, err)
	}
	return ID{text: s, host: host}, nil
}

// String gives the ID as it was read, "" for the zero ID.
func (id ID) String() string { return id.text }

// IsZero tells whether there is no identity.
func (id ID) IsZero() bool { return id.text == "" }

// TrustDomain gives the part between spiffe:// and the path.
func (id ID) TrustDomain() string {
	if id.IsZero() {
		return ""
	}
	return id.text[len(idScheme):id.host]
}

// Path gives what follows the trust domain, with its leading slash; "" if the
// ID names a trust domain only.
func (id ID) Path() string { return id.text[id.host:] }

// Namespace gives <ns> of Istio's form spiffe://<td>/ns/<ns>/sa/<sa>
// (pkg/spiffe of istio), and "" for any other form.
func (id ID) Namespace() string {
	ns, _ := id.istio()
	return ns
}

// ServiceAccount gives <sa> of Istio's form spiffe://<td>/ns/<ns>/sa/<sa>, and
// "" for any other form.
func (id ID) ServiceAccount() string {
	_, sa := id.istio()
	return sa
}

// MarshalText makes an ID a string in JSON.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.text), nil }

func (id ID) istio() (namespace, serviceAccount string) {
	seg := strings.Split(id.Path(), "/")
	if len(seg) != 5 || seg[1] != "ns" || seg[3] != "sa" {
		return "", ""
	}
	return seg[2], seg[4]
}

// checkID applies the standard and returns where the trust domain ends.
func checkID(s string) (host int, err error) {
	switch {
	case s == "":
		return 0, ErrEmptyID
	case len(s) > maxIDBytes:
		return 0, ErrIDTooLong
	case !strings.HasPrefix(s, idScheme):
		return 0, ErrWrongScheme
	}
	domain, _, _ := strings.Cut(s[len(idScheme):], "/")
	if err := checkTrustDomain(domain); err != nil {
		return 0, err
	}
	host = len(idScheme) + len(domain)
	return host, checkPath(s[host:])
}

func checkTrustDomain(domain string) error {
	switch {
	case domain == "":
		return ErrMissingTrustDomain
	case len(domain) > maxTrustDomBytes:
		return ErrTrustDomainTooLong
	case strings.ContainsFunc(domain, badTrustDomainChar):
		return ErrBadTrustDomainChar
	}
	return nil
}

// checkPath wants "" or segments that each follow a slash.
func checkPath(path string) error {
	if path == "" {
		return nil
	}
	if strings.HasSuffix(path, "/") {
		return ErrTrailingSlash
	}
	for seg := range strings.SplitSeq(path[1:], "/") {
		if err := checkSegment(seg); err != nil {
			return err
		}
	}
	return nil
}

func checkSegment(seg string) error {
	switch {
	case seg == "":
		return ErrEmptySegment
	case seg == "." || seg == "..":
		return ErrDotSegment
	case strings.ContainsFunc(seg, badPathChar):
		return ErrBadPathChar
	}
	return nil
}

func badTrustDomainChar(r rune) bool {
	return badPathChar(r) || 'A' <= r && r <= 'Z'
}

func badPathChar(r rune) bool {
	lower, upper, digit := 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9'
	return !lower && !upper && !digit && !strings.ContainsRune("-._", r)
}
