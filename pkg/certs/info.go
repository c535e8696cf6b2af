package certs

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"time"
)

// Info is what people want to know of a certificate, ready for JSON. Times are
// UTC.
type Info struct {
	Subject            string    `json:"subject"`
	Issuer             string    `json:"issuer"`
	Serial             string    `json:"serial"` // lower case hex, no leading zeros
	NotBefore          time.Time `json:"notBefore"`
	NotAfter           time.Time `json:"notAfter"`
	KeyType            string    `json:"keyType"`           // RSA, ECDSA, Ed25519, or what crypto/x509 calls it
	KeyBits            int       `json:"keyBits,omitempty"` // 0 if not known
	Curve              string    `json:"curve,omitempty"`   // ECDSA: P-256 …
	SignatureAlgorithm string    `json:"signatureAlgorithm"`
	URIs               []string  `json:"uris,omitempty"`
	DNSNames           []string  `json:"dnsNames,omitempty"`
	IPs                []string  `json:"ips,omitempty"`
	Emails             []string  `json:"emails,omitempty"`
	IsCA               bool      `json:"isCA,omitempty"`       // basicConstraints CA:TRUE
	SelfSigned         bool      `json:"selfSigned,omitempty"` // signed with its own key
	SHA256             string    `json:"sha256"`               // of the DER, lower case hex
}

// Describe reads the facts off a certificate; nil gives the zero Info.
func Describe(c *x509.Certificate) Info {
	if c == nil {
		return Info{}
	}
	keyType, bits, curve := keyOf(c)
	return Info{
		Subject:            c.Subject.String(),
		Issuer:             c.Issuer.String(),
		Serial:             serial(c),
		NotBefore:          c.NotBefore.UTC(),
		NotAfter:           c.NotAfter.UTC(),
		KeyType:            keyType,
		KeyBits:            bits,
		Curve:              curve,
		SignatureAlgorithm: c.SignatureAlgorithm.String(),
		URIs:               uriSANs(c),
		DNSNames:           c.DNSNames,
		IPs:                ipStrings(c),
		Emails:             c.EmailAddresses,
		IsCA:               c.BasicConstraintsValid && c.IsCA,
		SelfSigned:         ownSignature(c),
		SHA256:             fingerprint(c),
	}
}

// Lifetime is the time from notBefore to notAfter.
func (i Info) Lifetime() time.Duration { return i.NotAfter.Sub(i.NotBefore) }

// UsedAt is the share of the lifetime that has passed at t: below 0 before
// notBefore, above 1 after notAfter. A certificate without a lifetime is all
// used. Istio renews at about half (SECRET_GRACE_PERIOD_RATIO 0.5, ± jitter).
func (i Info) UsedAt(t time.Time) float64 {
	life := i.Lifetime()
	if life <= 0 {
		return 1
	}
	return float64(t.Sub(i.NotBefore)) / float64(life)
}

func keyOf(c *x509.Certificate) (kind string, bits int, curve string) {
	switch k := c.PublicKey.(type) {
	case *rsa.PublicKey:
		return "RSA", k.N.BitLen(), ""
	case *ecdsa.PublicKey:
		return "ECDSA", k.Params().BitSize, k.Params().Name
	case ed25519.PublicKey:
		return "Ed25519", len(k) * 8, ""
	}
	return c.PublicKeyAlgorithm.String(), 0, ""
}

func serial(c *x509.Certificate) string {
	if c.SerialNumber == nil {
		return ""
	}
	return fmt.Sprintf("%x", c.SerialNumber)
}

func ipStrings(c *x509.Certificate) []string {
	var ips []string
	for _, ip := range c.IPAddresses {
		ips = append(ips, ip.String())
	}
	return ips
}
