package certs

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// Errors of Chain.Identity, held by an *IdentityError.
var (
	// ErrNoSPIFFEURI: the leaf has no URI SAN that begins with spiffe://.
	ErrNoSPIFFEURI = errors.New("no spiffe:// URI in the subject alternative names")
	// ErrSeveralURIs: an X.509-SVID must have exactly one URI SAN (X509-SVID
	// standard, section 2).
	ErrSeveralURIs = errors.New("several URIs in the subject alternative names, an X.509-SVID has one")
)

// Chain is what a proxy presents: the leaf first, then the intermediates, as
// in the file.
type Chain []*x509.Certificate

// ParseChain reads a chain from PEM (any number of certificates; other blocks
// are skipped, private keys are never kept) or DER (one certificate or several
// in a row). Text around PEM blocks is ignored, as in Envoy. The error names
// the block; it wraps ErrNoCertificate if there is none.
func ParseChain(data []byte) (Chain, error) {
	m, err := parse(data)
	if err != nil {
		return nil, fmt.Errorf("certificate chain: %w", err)
	}
	return m.certs, nil
}

// Leaf is the first certificate, nil for an empty chain.
func (c Chain) Leaf() *x509.Certificate {
	if len(c) == 0 {
		return nil
	}
	return c[0]
}

// Identity is the SPIFFE ID of the leaf. The error is an *IdentityError.
func (c Chain) Identity() (ID, error) {
	if len(c) == 0 {
		return ID{}, &IdentityError{Err: ErrNoCertificate}
	}
	uris := uriSANs(c[0])
	switch {
	case !hasSPIFFE(uris):
		return ID{}, &IdentityError{URIs: uris, Err: ErrNoSPIFFEURI}
	case len(uris) > 1:
		return ID{}, &IdentityError{URIs: uris, Err: ErrSeveralURIs}
	}
	id, err := ParseID(uris[0])
	if err != nil {
		return ID{}, &IdentityError{URIs: uris, Err: err}
	}
	return id, nil
}

// Fingerprint is SHA-256 over all certificates in order, in hex: a key for
// memoising. It is "" for an empty chain.
func (c Chain) Fingerprint() string {
	if len(c) == 0 {
		return ""
	}
	h := sha256.New()
	for _, cert := range c {
		h.Write(cert.Raw)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// IdentityError says why a leaf is no X.509-SVID.
type IdentityError struct {
	URIs []string // the leaf's URI SANs
	Err  error    // ErrNoCertificate, ErrNoSPIFFEURI, ErrSeveralURIs or an error of ParseID
}

// Error names the URIs that were found.
func (e *IdentityError) Error() string {
	if len(e.URIs) == 0 {
		return "not a SPIFFE identity: " + e.Err.Error()
	}
	return fmt.Sprintf("not a SPIFFE identity: %v (URIs: %q)", e.Err, e.URIs)
}

// Unwrap gives the cause.
func (e *IdentityError) Unwrap() error { return e.Err }

// Reason is NoCertificate for an empty chain, else NotSPIFFE.
func (e *IdentityError) Reason() Reason {
	if errors.Is(e.Err, ErrNoCertificate) {
		return NoCertificate
	}
	return NotSPIFFE
}

func hasSPIFFE(uris []string) bool {
	for _, u := range uris {
		if strings.HasPrefix(u, idScheme) {
			return true
		}
	}
	return false
}
