package certs

import (
	"cmp"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Bundle is a set of trust anchors. It does not change after it was made. A
// nil *Bundle is usable and means that there is no bundle.
type Bundle struct {
	certs   []*x509.Certificate
	crl     *CRL               // those that stood among the certificates
	domains map[string]*Bundle // only for a SPIFFE bundle
}

// ParseBundle reads trusted_ca: PEM or DER as in ParseChain, duplicates are
// dropped. Envoy rejects a bundle without a certificate, and
// so does this.
func ParseBundle(data []byte) (*Bundle, error) {
	m, err := parse(data)
	if err != nil {
		return nil, fmt.Errorf("trust bundle: %w", err)
	}
	b := NewBundle(m.certs...)
	b.crl = m.crl
	return b, nil
}

// NewBundle makes a bundle of certificates; nil ones and duplicates are
// dropped.
func NewBundle(certs ...*x509.Certificate) *Bundle {
	b := &Bundle{}
	for _, c := range certs {
		if c != nil && !b.holds(c) {
			b.certs = append(b.certs, c)
		}
	}
	return b
}

// NewSPIFFEBundle makes a bundle whose anchors depend on the trust domain of
// the peer, as in Envoy's SPIFFECertValidatorConfig (SPIRE writes those). A
// peer of a trust domain that is not a key fails.
func NewSPIFFEBundle(byTrustDomain map[string]*Bundle) *Bundle {
	domains := maps.Clone(byTrustDomain)
	if domains == nil {
		domains = map[string]*Bundle{} // still one that has anchors for nobody
	}
	return &Bundle{domains: domains}
}

// IsSPIFFE tells whether the peer's trust domain picks the anchors.
func (b *Bundle) IsSPIFFE() bool { return b != nil && b.domains != nil }

// TrustDomains lists the keys of a SPIFFE bundle, sorted.
func (b *Bundle) TrustDomains() []string {
	if b == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(b.domains))
}

// Domain gives the anchors for one trust domain of a SPIFFE bundle, nil if it
// has none.
func (b *Bundle) Domain(trustDomain string) *Bundle {
	if b == nil {
		return nil
	}
	return b.domains[trustDomain]
}

// Certificates lists the anchors: in the order of the file, or by trust domain
// for a SPIFFE bundle.
func (b *Bundle) Certificates() []*x509.Certificate {
	if b == nil {
		return nil
	}
	all := slices.Clone(b.certs)
	for _, td := range b.TrustDomains() {
		all = append(all, b.domains[td].Certificates()...)
	}
	return all
}

// CRL gives the revocation lists that the file held, of all trust domains for
// a SPIFFE bundle; nil without one. Envoy then demands a list for every
// certificate of a path.
func (b *Bundle) CRL() *CRL {
	if b == nil {
		return nil
	}
	all := []*CRL{b.crl}
	for _, td := range b.TrustDomains() {
		all = append(all, b.domains[td].CRL())
	}
	return mergeCRLs(all...)
}

// Fingerprint is the same for the same set of anchors (and trust domains) in
// any order: SHA-256 in hex, "" if there is no anchor. (The order matters to
// Verify only where anchors of one name lack key identifiers.)
func (b *Bundle) Fingerprint() string {
	lines := b.digests()
	if len(lines) == 0 {
		return ""
	}
	sum := sha256.Sum256([]byte(strings.Join(lines, "\n")))
	return hex.EncodeToString(sum[:])
}

func (b *Bundle) digests() []string {
	if b == nil {
		return nil
	}
	var lines []string
	for _, c := range b.certs {
		lines = append(lines, fingerprint(c))
	}
	for td, d := range b.domains {
		lines = append(lines, cmp.Or(d.Fingerprint(), "-")+" "+td)
	}
	slices.Sort(lines)
	return lines
}

func (b *Bundle) holds(cert *x509.Certificate) bool {
	return slices.ContainsFunc(b.certs, cert.Equal)
}

func fingerprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return hex.EncodeToString(sum[:])
}
