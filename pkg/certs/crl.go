package certs

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ErrCRL says that a revocation list that Envoy was given cannot be read, so
// that nobody can tell what it revokes.
var ErrCRL = errors.New("revocation list cannot be read")

// CRL holds the revocation lists of a file, or those that stand in a trust
// bundle. Nil is none. One that holds no list is there all the same: Envoy
// then misses a list for every certificate.
type CRL struct {
	lists []*x509.RevocationList
	sums  []string
	err   error
}

// ParseCRL reads crl of a validation context: PEM blocks of the label X509
// CRL; anything else is ignored, as by Envoy. What cannot be read is
// remembered, and Verify then fails with ErrCRL.
func ParseCRL(data []byte) *CRL {
	c := new(CRL)
	for i, part := range pemParts(data) {
		switch block, _ := pem.Decode(part); {
		case block == nil:
			c.err = fmt.Errorf("%w: PEM block %d (%s) is malformed", ErrCRL, i+1, label(part))
		case block.Type == crlLabel:
			c.add(block.Bytes)
		}
	}
	return c
}

func (c *CRL) add(der []byte) {
	sum := sha256.Sum256(der)
	c.sums = append(c.sums, hex.EncodeToString(sum[:]))
	list, err := x509.ParseRevocationList(der)
	if err != nil {
		c.err = fmt.Errorf("%w: %w", ErrCRL, err)
		return
	}
	c.lists = append(c.lists, list)
}

// Fingerprint is the same for the same lists in the same order: SHA-256 in
// hex, "" for nil.
func (c *CRL) Fingerprint() string {
	if c == nil {
		return ""
	}
	sum := sha256.Sum256([]byte(strings.Join(c.sums, "\n")))
	return hex.EncodeToString(sum[:])
}

// problem is an ErrCRL, or nil.
func (c *CRL) problem() error {
	if c == nil {
		return nil
	}
	return c.err
}

// mergeCRLs is nil if all are.
func mergeCRLs(all ...*CRL) *CRL {
	var out *CRL
	for _, c := range all {
		switch {
		case c == nil:
		case out == nil:
			out = &CRL{lists: slices.Clone(c.lists), sums: slices.Clone(c.sums), err: c.err}
		default:
			out.lists, out.sums = append(out.lists, c.lists...), append(out.sums, c.sums...)
			out.err = errors.Join(out.err, c.err)
		}
	}
	return out
}
