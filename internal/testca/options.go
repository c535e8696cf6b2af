package testca

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"net"
	"net/url"
	"time"
)

// Option changes one thing of the certificate that is minted.
type Option func(*spec)

// spec gathers the options of one certificate.
type spec struct {
	seed, trustDomain string
	key               keyKind
	bare, withRoot    bool
	selfSigned        bool
	badSignature      bool
	noAuthority       bool
	edits             []func(*x509.Certificate, world)
}

func newSpec(opts []Option) spec {
	var s spec
	for _, o := range opts {
		o(&s)
	}
	return s
}

func (s *spec) apply(t *x509.Certificate, w world) {
	for _, edit := range s.edits {
		edit(t, w)
	}
}

// edit is an Option that changes the template.
func edit(f func(t *x509.Certificate)) Option {
	return func(s *spec) {
		s.edits = append(s.edits, func(t *x509.Certificate, _ world) { f(t) })
	}
}

// Seed gives another key and serial number under the same name: a CA that was
// replaced, a certificate that was renewed.
func Seed(seed string) Option { return func(s *spec) { s.seed = seed } }

// TrustDomain sets a root's trust domain, and so the names of its CAs.
func TrustDomain(td string) Option { return func(s *spec) { s.trustDomain = td } }

// Valid sets the dates.
func Valid(from, to time.Time) Option {
	return edit(func(t *x509.Certificate) { t.NotBefore, t.NotAfter = from.UTC(), to.UTC() })
}

// Expired lets the certificate end at at, after a day: at that very second it
// is expired for Envoy.
func Expired(at time.Time) Option { return Valid(at.Add(-24*time.Hour), at) }

// NotYetValid lets the certificate begin an hour after at.
func NotYetValid(at time.Time) Option {
	return Valid(at.Add(time.Hour), at.Add(25*time.Hour))
}

// EKU sets the extended key usages; none leaves the extension out.
func EKU(usages ...x509.ExtKeyUsage) Option {
	return edit(func(t *x509.Certificate) { t.ExtKeyUsage = usages })
}

// WrongEKU allows code signing only.
func WrongEKU() Option { return EKU(x509.ExtKeyUsageCodeSigning) }

// KeyUsage sets the key usage; 0 leaves the extension out.
func KeyUsage(usage x509.KeyUsage) Option {
	return edit(func(t *x509.Certificate) { t.KeyUsage = usage })
}

// URIs replaces the URI SANs.
func URIs(uris ...string) Option {
	return edit(func(t *x509.Certificate) {
		t.URIs = nil
		for _, u := range uris {
			t.URIs = append(t.URIs, mustURL(u))
		}
	})
}

// NoSPIFFE gives a leaf a DNS name instead of a SPIFFE ID.
func NoSPIFFE() Option {
	return edit(func(t *x509.Certificate) { t.URIs, t.DNSNames = nil, []string{"server.shop.svc"} })
}

// TwoURIs gives a leaf a second SPIFFE ID.
func TwoURIs() Option {
	return func(s *spec) {
		s.edits = append(s.edits, func(t *x509.Certificate, w world) {
			t.URIs = append(t.URIs, mustURL("spiffe://"+w.trustDomain+"/ns/other/sa/other"))
		})
	}
}

// OtherTrustDomain moves a leaf's SPIFFE ID to another trust domain.
func OtherTrustDomain(td string) Option {
	return edit(func(t *x509.Certificate) {
		for i, u := range t.URIs {
			t.URIs[i] = &url.URL{Scheme: u.Scheme, Host: td, Path: u.Path}
		}
	})
}

// DNS adds DNS SANs.
func DNS(names ...string) Option {
	return edit(func(t *x509.Certificate) { t.DNSNames = append(t.DNSNames, names...) })
}

// IPs adds IP SANs.
func IPs(ips ...net.IP) Option {
	return edit(func(t *x509.Certificate) { t.IPAddresses = append(t.IPAddresses, ips...) })
}

// Emails adds mail SANs.
func Emails(addresses ...string) Option {
	return edit(func(t *x509.Certificate) { t.EmailAddresses = append(t.EmailAddresses, addresses...) })
}

// Subject sets the distinguished name.
func Subject(name pkix.Name) Option {
	return edit(func(t *x509.Certificate) { t.Subject = name })
}

// NotCA takes the CA mark from an intermediate.
func NotCA() Option {
	return edit(func(t *x509.Certificate) { t.IsCA, t.MaxPathLen = false, 0 })
}

// MarkCA gives a leaf the mark of a CA.
func MarkCA() Option {
	return edit(func(t *x509.Certificate) { t.IsCA, t.MaxPathLen = true, -1 })
}

// PathLen allows n intermediates below a CA.
func PathLen(n int) Option {
	return edit(func(t *x509.Certificate) { t.MaxPathLen, t.MaxPathLenZero = n, n == 0 })
}

// PermitURIs allows only URIs of these domains below a CA. A leading dot allows
// every subdomain.
func PermitURIs(domains ...string) Option {
	return edit(func(t *x509.Certificate) {
		t.PermittedDNSDomainsCritical, t.PermittedURIDomains = true, domains
	})
}

// ExcludeURIs forbids URIs of these domains below a CA.
func ExcludeURIs(domains ...string) Option {
	return edit(func(t *x509.Certificate) {
		t.PermittedDNSDomainsCritical, t.ExcludedURIDomains = true, domains
	})
}

// Constrain lets a test set any name constraint.
func Constrain(f func(t *x509.Certificate)) Option { return edit(f) }

// UnknownCritical adds a critical extension that nobody knows.
func UnknownCritical() Option {
	return edit(func(t *x509.Certificate) {
		t.ExtraExtensions = append(t.ExtraExtensions, pkix.Extension{
			Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 99999, 1}, Critical: true, Value: []byte{5, 0},
		})
	})
}

// Extension adds any extension.
func Extension(e pkix.Extension) Option {
	return edit(func(t *x509.Certificate) { t.ExtraExtensions = append(t.ExtraExtensions, e) })
}

// NoAuthorityKeyID leaves the authority key identifier out, as some CAs do:
// issuers of one name can then not be told apart.
func NoAuthorityKeyID() Option { return func(s *spec) { s.noAuthority = true } }

// MissingIntermediate lets a leaf's chain be the leaf alone.
func MissingIntermediate() Option { return func(s *spec) { s.bare = true } }

// WithRoot adds the root to the chain, as istiod does.
func WithRoot() Option { return func(s *spec) { s.withRoot = true } }

// SelfSigned signs a leaf with its own key.
func SelfSigned() Option { return func(s *spec) { s.selfSigned = true } }

// BadSignature breaks the signature.
func BadSignature() Option { return func(s *spec) { s.badSignature = true } }

// SignedWith sets the signature algorithm, which must suit the issuer's key.
func SignedWith(a x509.SignatureAlgorithm) Option {
	return edit(func(t *x509.Certificate) { t.SignatureAlgorithm = a })
}

// RSA uses an RSA key of so many bits, 1024 at least.
func RSA(bits int) Option { return func(s *spec) { s.key = keyRSA + keyKind(bits) } }

// P384 uses an ECDSA key on P-384.
func P384() Option { return func(s *spec) { s.key = keyP384 } }

// P521 uses an ECDSA key on P-521.
func P521() Option { return func(s *spec) { s.key = keyP521 } }

// Ed25519 uses an Ed25519 key.
func Ed25519() Option { return func(s *spec) { s.key = keyEd25519 } }
