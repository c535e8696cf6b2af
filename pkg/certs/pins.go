package certs

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"slices"
	"strings"
)

// Pins are certificates and keys that a validation context names: any of them
// will do (DefaultCertValidator::verifyCertificate).
type Pins struct {
	// Hashes are verify_certificate_hash: SHA-256 of the certificate, in hex with
	// or without colons. Keys are verify_certificate_spki: SHA-256 of the public
	// key, in base64.
	Hashes, Keys []string
}

// None reports that nothing is pinned, so that everybody passes.
func (p Pins) None() bool { return len(p.Hashes)+len(p.Keys) == 0 }

// Match reports whether a leaf is pinned.
func (p Pins) Match(leaf *x509.Certificate) bool {
	if leaf == nil {
		return false
	}
	hash, key := PinsOf(leaf)
	sameHash := func(h string) bool { return strings.EqualFold(plainHex(h), hash) }
	return slices.ContainsFunc(p.Hashes, sameHash) || slices.Contains(p.Keys, key)
}

// PinsOf gives a leaf's hash and key as the two lists would have them.
func PinsOf(leaf *x509.Certificate) (hash, key string) {
	sum := sha256.Sum256(leaf.RawSubjectPublicKeyInfo)
	return fingerprint(leaf), base64.StdEncoding.EncodeToString(sum[:])
}

// withColons is how long a SHA-256 in hex is with a colon between its bytes:
// only then does Envoy take them out.
const withColons = 3*sha256.Size - 1

func plainHex(s string) string {
	if len(s) == withColons {
		return strings.ReplaceAll(s, ":", "")
	}
	return s
}
