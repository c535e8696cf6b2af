package certs_test

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"net"
	"time"

	"github.com/mtls-doctor/kubectl-mtls-doctor/internal/testca"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/certs"
)

// serverName is in every leaf, because crypto/tls wants a host name of servers.
const serverName = "server.shop.svc"

// judgeCase is one chain that a verifier with the given anchors meets.
type judgeCase struct {
	leafKind, pathKind string
	role               certs.Role
	leaf               *testca.Leaf
	trust              []*x509.Certificate
	spiffe             bool // judged by Envoy's SPIFFE validator

	crl      []byte // PEM; in the bundle or beside it
	inBundle bool
	leafOnly bool
	pins     certs.Pins
	text     string // the end of Envoy's words, where the case knows them
}

func (c judgeCase) name() string {
	how := map[bool]string{true: " by SPIFFE"}[c.spiffe]
	return fmt.Sprintf("%s, %s, as %s%s", c.leafKind, c.pathKind, c.role, how)
}

func (c judgeCase) verify(now time.Time) error {
	opts := certs.VerifyOptions{At: now, Role: c.role, LeafCRLOnly: c.leafOnly}
	if c.crl != nil && !c.inBundle {
		opts.CRL = certs.ParseCRL(c.crl)
	}
	if len(c.trust) > 0 {
		if err := certs.Verify(c.leaf.Chain, c.bundle(), opts); err != nil {
			return err
		}
	}
	if !c.pins.None() && !c.pins.Match(c.leaf.Chain[0]) {
		return &certs.VerifyError{Reason: certs.NotPinned, EnvoyText: "verify cert failed: cert hash and spki"}
	}
	return nil
}

// spiffeDomains are the keys of the bundle when a case is judged by SPIFFE's
// rules; all have the case's anchors.
var spiffeDomains = []string{testca.DefaultTrustDomain, "other.example"}

func (c judgeCase) bundle() *certs.Bundle {
	anchors := certs.NewBundle(c.trust...)
	if c.inBundle {
		anchors = mustBundle(append(testca.PEM(c.trust...), c.crl...))
	}
	if !c.spiffe {
		return anchors
	}
	domains := map[string]*certs.Bundle{}
	for _, td := range spiffeDomains {
		domains[td] = anchors
	}
	return certs.NewSPIFFEBundle(domains)
}

func mustBundle(data []byte) *certs.Bundle {
	b, err := certs.ParseBundle(data)
	if err != nil {
		panic(err)
	}
	return b
}

type leafKind struct {
	name    string
	options []testca.Option
}

func leafKinds(now time.Time) []leafKind {
	kind := func(name string, options ...testca.Option) leafKind { return leafKind{name, options} }
	return []leafKind{
		kind("sound"),
		kind("ends now", testca.Expired(now)),
		kind("expired", testca.Expired(now.Add(-time.Hour))),
		kind("not yet valid", testca.NotYetValid(now)),
		kind("server only", testca.EKU(x509.ExtKeyUsageServerAuth)),
		kind("client only", testca.EKU(x509.ExtKeyUsageClientAuth)),
		kind("code signing", testca.WrongEKU()),
		kind("any usage", testca.EKU(x509.ExtKeyUsageAny)),
		kind("no usages", testca.EKU(), testca.KeyUsage(0)),
		kind("encipherment only", testca.KeyUsage(x509.KeyUsageKeyEncipherment)),
		kind("altered", testca.BadSignature()),
		kind("unknown critical", testca.UnknownCritical()),
		kind("Ed25519", testca.Ed25519()),
		kind("P-384", testca.P384()),
		kind("SHA-1", testca.SignedWith(x509.ECDSAWithSHA1)),
		kind("self-signed", testca.SelfSigned()),
		kind("self-signed without usages", testca.SelfSigned(), testca.KeyUsage(0)),
		kind("no identifiers", testca.NoAuthorityKeyID()),
		kind("with root", testca.WithRoot()),
		kind("bare", testca.MissingIntermediate()),
		kind("marked CA", testca.MarkCA()),
		kind("with subject", testca.Subject(pkix.Name{Organization: []string{"shop"}})),
		kind("with IP", testca.IPs(net.IPv4(10, 0, 0, 1))),
		kind("with mail", testca.Emails("root@shop.example")),
		kind("authority by serial", testca.NoAuthorityKeyID(), authorityBySerial(7)),
		kind("no SPIFFE ID", testca.NoSPIFFE()),
		kind("two URIs", testca.TwoURIs()),
		kind("other trust domain", testca.OtherTrustDomain("other.example")),
		kind("unknown trust domain", testca.OtherTrustDomain("nowhere.example")),
		kind("trust domain alone", testca.URIs("spiffe://"+testca.DefaultTrustDomain)),
		kind("CRL signing", testca.KeyUsage(x509.KeyUsageDigitalSignature|x509.KeyUsageCRLSign)),
	}
}

type pathKind struct {
	name  string
	ca    *testca.CA
	trust []*testca.CA
}

func pathKinds(now time.Time) []pathKind {
	root, other, replaced := testca.New(now), testca.New(now, testca.TrustDomain("other.example")), testca.New(now, testca.Seed("replaced"))
	kind := func(name string, ca *testca.CA, trust ...*testca.CA) pathKind { return pathKind{name, ca, trust} }
	below := func(name string, opts ...testca.Option) pathKind {
		return kind(name, root.Intermediate(append(opts, testca.Seed(name))...), root)
	}
	alone := func(name string, opts ...testca.Option) pathKind {
		ca := testca.New(now, append(opts, testca.Seed(name))...)
		return kind(name, ca, ca)
	}
	deep := func(name string, n int) pathKind {
		return kind(name, root.Intermediate(testca.PathLen(n), testca.Seed(name)).Intermediate(), root)
	}
	sub := root.Intermediate()
	return []pathKind{
		kind("root", root, root),
		kind("other root", other, root),
		kind("both roots", other, root, other),
		kind("replaced root", replaced, root),
		kind("new and old root", replaced, root, replaced),
		kind("intermediate", sub, root),
		kind("intermediate as anchor", sub, sub),
		kind("intermediate and root as anchors", sub, sub, root),
		kind("intermediate of other root", other.Intermediate(), root),
		below("expired intermediate", testca.Expired(now.Add(-time.Hour))),
		below("intermediate not yet valid", testca.NotYetValid(now)),
		below("intermediate no CA", testca.NotCA()),
		below("intermediate may not sign", testca.KeyUsage(x509.KeyUsageCRLSign)),
		below("intermediate for clients", testca.EKU(x509.ExtKeyUsageClientAuth)),
		below("intermediate altered", testca.BadSignature()),
		below("intermediate for another domain", testca.PermitURIs("other.example")),
		below("intermediate for the domain", testca.PermitURIs(testca.DefaultTrustDomain)),
		below("intermediate for the parent domain", testca.PermitURIs("local")),
		below("intermediate excludes the domain", testca.ExcludeURIs(testca.DefaultTrustDomain)),
		below("intermediate for hosts elsewhere", testca.Constrain(func(t *x509.Certificate) { t.PermittedDNSDomains = []string{"example.com"} })),
		below("intermediate for an IP range", testca.Constrain(permitIPs)),
		below("intermediate for a mail domain", testca.Constrain(func(t *x509.Certificate) { t.PermittedEmailAddresses = []string{"shop.example"} })),
		below("intermediate for other mail", testca.Constrain(func(t *x509.Certificate) { t.PermittedEmailAddresses = []string{"a@shop.example", ".shop.example"} })),
		below("intermediate excludes hosts", testca.Constrain(func(t *x509.Certificate) { t.ExcludedDNSDomains = []string{"shop.svc"} })),
		below("intermediate for an organisation", testca.Extension(organisationOnly("SHOP"))),
		below("intermediate for another organisation", testca.Extension(organisationOnly("other"))),
		kind("root spelled differently", named(now, "Mesh  CA"), named(now, "mesh ca")),
		alone("expired root", testca.Expired(now.Add(-time.Hour))),
		alone("root for clients", testca.EKU(x509.ExtKeyUsageClientAuth)),
		alone("root no CA", testca.NotCA()),
		alone("root may not sign", testca.KeyUsage(x509.KeyUsageCRLSign)),
		deep("path length kept", 1),
		deep("path length exceeded", 0),
	}
}

func named(now time.Time, cn string) *testca.CA {
	return testca.New(now, testca.Seed("named"), testca.Subject(pkix.Name{CommonName: cn}))
}

func permitIPs(t *x509.Certificate) {
	t.PermittedIPRanges = []*net.IPNet{{IP: net.IPv4(10, 0, 0, 0).To4(), Mask: net.CIDRMask(8, 32)}}
}

// authorityBySerial is an authority key identifier that names a serial number.
func authorityBySerial(n byte) testca.Option {
	der := mustMarshal([]asn1.RawValue{{Class: 2, Tag: 2, Bytes: []byte{n}}})
	return testca.Extension(pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 35}, Value: der})
}

// organisationOnly is a name constraint on the subject.
func organisationOnly(o string) pkix.Extension {
	name := mustMarshal(pkix.Name{Organization: []string{o}}.ToRDNSequence())
	base := mustMarshal(asn1.RawValue{Class: 2, Tag: 4, IsCompound: true, Bytes: name})
	tree := mustMarshal(asn1.RawValue{Tag: 16, IsCompound: true, Bytes: base})
	der := mustMarshal([]asn1.RawValue{{Class: 2, Tag: 0, IsCompound: true, Bytes: tree}})
	return pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 30}, Critical: true, Value: der}
}

func mustMarshal(v any) []byte {
	der, err := asn1.Marshal(v)
	if err != nil {
		panic(err)
	}
	return der
}

// judgeCases crosses every kind of leaf with every kind of path and both roles.
func judgeCases(now time.Time) []judgeCase {
	var cases []judgeCase
	for _, p := range pathKinds(now) {
		var anchors []*x509.Certificate
		for _, ca := range p.trust {
			anchors = append(anchors, ca.Certificate)
		}
		for _, l := range leafKinds(now) {
			leaf := p.ca.Leaf("shop/server", append(l.options, testca.DNS(serverName))...)
			for _, role := range []certs.Role{certs.ServerCertificate, certs.ClientCertificate} {
				cases = append(cases, judgeCase{leafKind: l.name, pathKind: p.name, role: role, leaf: leaf, trust: anchors})
			}
		}
	}
	return cases
}
