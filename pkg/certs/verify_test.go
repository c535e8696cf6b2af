package certs_test

import (
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mtls-doctor/kubectl-mtls-doctor/internal/testca"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/certs"
)

func TestVerifyFixtures(t *testing.T) {
	for _, f := range testca.Fixtures(at) {
		for _, opts := range []certs.VerifyOptions{asServer(), asClient()} {
			err := certs.Verify(f.Leaf.Chain, certs.NewBundle(f.Trust...), opts)
			if got := verdictOf(t, err).Reason; string(got) != f.Reason {
				t.Errorf("%s as %s: %q, want %q (%v)", f.Name, opts.Role, got, f.Reason, err)
			}
		}
	}
}

// verifyCase is one path with the verdict that Envoy gives and words that the
// detail must hold.
type verifyCase struct {
	name   string
	chain  certs.Chain
	bundle *certs.Bundle
	edit   func(*certs.VerifyOptions)
	want   verdict
	detail string
}

func (c verifyCase) run(t *testing.T) {
	opts := asServer()
	if c.edit != nil {
		c.edit(&opts)
	}
	err := certs.Verify(c.chain, c.bundle, opts)
	if diff := cmp.Diff(c.want, verdictOf(t, err)); diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	if c.detail != "" && !strings.Contains(err.Error(), c.detail) {
		t.Errorf("error %q lacks %q", err, c.detail)
	}
}

func runAll(t *testing.T, cases []verifyCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, c.run)
	}
}

func bad(reason certs.Reason, depth, text string) verdict {
	return verdict{reason, int(depth[0] - '0'), x509Text(depth, text)}
}

func TestVerifyDates(t *testing.T) {
	root := testca.New(at)
	second := func(n int) func(*certs.VerifyOptions) {
		return func(o *certs.VerifyOptions) { o.At = at.Add(time.Duration(n) * time.Second) }
	}
	leaf := root.Leaf("shop/server", testca.Valid(at, at.Add(time.Minute))).Chain
	expired := bad(certs.Expired, "0", "certificate has expired")
	oldCA := root.Intermediate(testca.Expired(at))
	oldRoot := testca.New(at, testca.Expired(at.Add(-time.Hour)))
	runAll(t, []verifyCase{
		{"a second before", leaf, trust(root), second(-1), bad(certs.NotYetValid, "0", "certificate is not yet valid"), "valid from 2026-11-23T21:30:00Z, which is 1s ahead"},
		{"first second", leaf, trust(root), second(0), verdict{}, ""},
		{"last second", leaf, trust(root), second(59), verdict{}, ""},
		{"at notAfter", leaf, trust(root), second(60), expired, "expired at 2026-11-23T21:31:00Z, 0s ago"},
		{"a minute late", leaf, trust(root), second(120), expired, "1m0s ago"},
		{"fractions do not count", leaf, trust(root), func(o *certs.VerifyOptions) { o.At = at.Add(59*time.Second + 999*time.Millisecond) }, verdict{}, ""},
		{"intermediate", oldCA.Leaf("a/b").Chain, trust(root), nil, bad(certs.Expired, "1", "certificate has expired"), `"CN=intermediate,O=cluster.local"`},
		{"anchor", oldRoot.Leaf("a/b").Chain, trust(oldRoot), nil, bad(certs.Expired, "1", "certificate has expired"), "1h0m0s ago"},
		{"intermediate before the leaf", oldCA.Leaf("a/b", testca.Expired(at)).Chain, trust(root), nil, bad(certs.Expired, "1", "certificate has expired"), ""},
		{"root above an intermediate anchor", oldRoot.Intermediate().Leaf("a/b").Chain[:1], trust(oldRoot, oldRoot.Intermediate()), nil, bad(certs.Expired, "2", "certificate has expired"), ""},
		{"allowed", leaf, trust(root), func(o *certs.VerifyOptions) { o.At, o.AllowExpired = at.Add(time.Hour), true }, verdict{}, ""},
	})
}

func TestVerifyRoots(t *testing.T) {
	root, other := testca.New(at), testca.New(at, testca.TrustDomain("other.example"))
	replaced := testca.New(at, testca.Seed("new key"))
	sub := root.Intermediate()
	lone := root.Leaf("a/b", testca.SelfSigned(), testca.KeyUsage(0))
	noLocal := func(depth string, r certs.Reason) verdict {
		return bad(r, depth, "unable to get local issuer certificate")
	}
	runAll(t, []verifyCase{
		{"root", root.Leaf("a/b").Chain, trust(root), nil, verdict{}, ""},
		{"one of many", root.Leaf("a/b").Chain, trust(other, replaced, root), nil, verdict{}, ""},
		{"chain with root", root.Leaf("a/b", testca.WithRoot()).Chain, trust(root), nil, verdict{}, ""},
		{"intermediate", sub.Leaf("a/b").Chain, trust(root), nil, verdict{}, ""},
		{"chain in disorder", disorder(sub.Leaf("a/b", testca.WithRoot()).Chain), trust(root), nil, verdict{}, ""},
		{"intermediate is the anchor", sub.Leaf("a/b").Chain, trust(sub), nil, verdict{}, ""},
		{"intermediate only in the bundle", sub.Leaf("a/b", testca.MissingIntermediate()).Chain, trust(root, sub), nil, verdict{}, ""},
		{"leaf is the anchor", sub.Leaf("a/b").Chain[:1], certs.NewBundle(sub.Leaf("a/b").Certificate()), nil, verdict{}, ""},
		{"self-signed leaf is the anchor", lone.Chain, certs.NewBundle(lone.Chain...), nil, verdict{}, ""},
		{"self-signed leaf", lone.Chain, trust(root), nil, bad(certs.SelfSignedInChain, "0", "self signed certificate"), "self-signed"},
		{"self-signed leaf that may not sign", root.Leaf("a/b", testca.SelfSigned()).Chain, trust(root), nil, noLocal("0", certs.SelfSignedInChain), "signed itself"},
		{"unknown", other.Leaf("a/b").Chain, trust(root), nil, noLocal("0", certs.UnknownRoot), `its issuer "CN=root,O=other.example" is neither in the trust bundle nor sent`},
		{"unknown above an intermediate", other.Intermediate().Leaf("a/b").Chain, trust(root), nil, noLocal("1", certs.UnknownRoot), ""},
		{"unknown root sent", other.Leaf("a/b", testca.WithRoot()).Chain, trust(root), nil, bad(certs.SelfSignedInChain, "1", "self signed certificate in certificate chain"), `"CN=root,O=other.example"`},
		{"unknown root sent above an intermediate", other.Intermediate().Leaf("a/b", testca.WithRoot()).Chain, trust(root), nil, bad(certs.SelfSignedInChain, "2", "self signed certificate in certificate chain"), ""},
		{"replaced under its name", replaced.Leaf("a/b").Chain, trust(root), nil, noLocal("0", certs.UnknownRoot), "the trust bundle holds a CA named \"CN=root,O=cluster.local\", but with another key identifier"},
		{"replaced without identifiers", replaced.Leaf("a/b", testca.NoAuthorityKeyID()).Chain, trust(root), nil, bad(certs.BadSignature, "0", "certificate signature failure"), "new key under its old name"},
		{"right one among namesakes", replaced.Leaf("a/b").Chain, trust(root, replaced), nil, verdict{}, ""},
		{"first of namesakes without identifiers", replaced.Leaf("a/b", testca.NoAuthorityKeyID()).Chain, trust(replaced, root), nil, verdict{}, ""},
		{"second of namesakes without identifiers", replaced.Leaf("a/b", testca.NoAuthorityKeyID()).Chain, trust(root, replaced), nil, bad(certs.BadSignature, "0", "certificate signature failure"), "tries only the first of that name"},
		{"missing intermediate", sub.Leaf("a/b", testca.MissingIntermediate()).Chain, trust(root), nil, noLocal("0", certs.UnknownRoot), ""},
		{"missing intermediate seen elsewhere", sub.Leaf("a/b", testca.MissingIntermediate()).Chain, trust(root), known(nil, sub.Certificate), noLocal("0", certs.MissingIntermediate), `does not send its intermediate "CN=intermediate,O=cluster.local"`},
		{"seen elsewhere under another root", sub.Leaf("a/b", testca.MissingIntermediate()).Chain, trust(other), known(sub.Certificate), noLocal("0", certs.UnknownRoot), ""},
		{"seen elsewhere is not its issuer", other.Leaf("a/b").Chain, trust(root), known(sub.Certificate, other.Certificate), noLocal("0", certs.UnknownRoot), ""},
		{"empty chain", nil, trust(root), nil, verdict{Reason: certs.NoCertificate}, "no certificate"},
		{"empty bundle", root.Leaf("a/b").Chain, trust(), nil, verdict{Reason: certs.NoBundle}, "no trust anchor"},
	})
}

func disorder(chain certs.Chain) certs.Chain {
	return append(certs.Chain{chain[0], chain[len(chain)-1]}, chain[1:]...)
}

func known(list ...*x509.Certificate) func(*certs.VerifyOptions) {
	return func(o *certs.VerifyOptions) { o.Known = list }
}

func TestVerifyUsage(t *testing.T) {
	root := testca.New(at)
	client := func(o *certs.VerifyOptions) { o.Role = certs.ClientCertificate }
	leaf := func(opts ...testca.Option) certs.Chain { return root.Leaf("a/b", opts...).Chain }
	under := func(opts ...testca.Option) certs.Chain { return root.Intermediate(opts...).Leaf("a/b").Chain }
	server, clientAuth, anyUsage := testca.EKU(x509.ExtKeyUsageServerAuth), testca.EKU(x509.ExtKeyUsageClientAuth), testca.EKU(x509.ExtKeyUsageAny)
	purpose := bad(certs.KeyUsage, "0", "unsupported certificate purpose")
	purpose1 := bad(certs.KeyUsage, "1", "unsupported certificate purpose")
	usageBit := verdict{certs.KeyUsage, 0, "KEY_USAGE_BIT_INCORRECT"}
	runAll(t, []verifyCase{
		{"server for server", leaf(server), trust(root), nil, verdict{}, ""},
		{"server for client", leaf(server), trust(root), client, purpose, "does not include clientAuth"},
		{"client for client", leaf(clientAuth), trust(root), client, verdict{}, ""},
		{"client for server", leaf(clientAuth), trust(root), nil, purpose, "does not include serverAuth"},
		{"any is not enough", leaf(anyUsage), trust(root), nil, purpose, ""},
		{"no extension", leaf(testca.EKU()), trust(root), nil, verdict{}, ""},
		{"intermediate narrows", under(clientAuth), trust(root), nil, purpose1, ""},
		{"intermediate with both", under(testca.EKU(x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth)), trust(root), nil, verdict{}, ""},
		{"anchor is not asked", testca.New(at, clientAuth).Leaf("a/b").Chain, trust(testca.New(at, clientAuth)), nil, verdict{}, ""},
		{"encipherment only", leaf(testca.KeyUsage(x509.KeyUsageKeyEncipherment)), trust(root), nil, usageBit, "digitalSignature"},
		{"signature only", leaf(testca.KeyUsage(x509.KeyUsageDigitalSignature)), trust(root), client, verdict{}, ""},
		{"no key usage", leaf(testca.KeyUsage(0)), trust(root), client, verdict{}, ""},
		{"usage before dates", leaf(testca.WrongEKU(), testca.Expired(at)), trust(root), nil, purpose, ""},
		{"issuer may not sign", under(testca.KeyUsage(x509.KeyUsageCRLSign)), trust(root), nil, bad(certs.KeyUsage, "0", "unable to get local issuer certificate"), "the peer's chain holds its issuer"},
		{"anchor may not sign", root.Leaf("a/b").Chain, trust(testca.New(at, testca.KeyUsage(x509.KeyUsageCRLSign))), nil, bad(certs.KeyUsage, "0", "unable to get local issuer certificate"), "the trust bundle holds its issuer"},
	})
}

func TestVerifyCAs(t *testing.T) {
	root := testca.New(at)
	chain := func(opts ...testca.Option) certs.Chain {
		return root.Intermediate(opts...).Intermediate().Leaf("a/b").Chain
	}
	unknownCritical := bad(certs.Other, "1", "unhandled critical extension")
	depth := func(n uint32) func(*certs.VerifyOptions) {
		return func(o *certs.VerifyOptions) { o.MaxDepth = n }
	}
	plain := root.Intermediate().Leaf("a/b").Chain
	noLocal := bad(certs.PathLength, "1", "unable to get local issuer certificate")
	runAll(t, []verifyCase{
		{"no CA", root.Intermediate(testca.NotCA()).Leaf("a/b").Chain, trust(root), nil, bad(certs.NotACA, "1", "invalid CA certificate"), "basicConstraints"},
		{"no CA as anchor", testca.New(at, testca.NotCA()).Leaf("a/b").Chain, trust(testca.New(at, testca.NotCA())), nil, verdict{}, ""},
		{"length kept", chain(testca.PathLen(1)), trust(root), nil, verdict{}, ""},
		{"length exceeded", chain(testca.PathLen(0)), trust(root), nil, bad(certs.PathLength, "2", "path length constraint exceeded"), "allows 0 intermediates below it, the chain has 1"},
		{"length of an anchor is not asked", testca.New(at, testca.PathLen(0)).Intermediate().Leaf("a/b").Chain, trust(testca.New(at, testca.PathLen(0))), nil, verdict{}, ""},
		{"critical and unknown", root.Intermediate(testca.UnknownCritical()).Leaf("a/b").Chain, trust(root), nil, unknownCritical, "1.3.6.1.4.1.99999.1"},
		{"depth enough", plain, trust(root), depth(2), verdict{}, ""},
		{"depth too small", plain, trust(root), depth(1), noLocal, "max_verify_depth 1"},
		{"depth beyond reason", plain, trust(root), depth(1 << 31), verdict{}, ""},
	})
}

func TestVerifySignatures(t *testing.T) {
	root := testca.New(at)
	rsaRoot := testca.New(at, testca.RSA(1024))
	sub := root.Intermediate(testca.BadSignature())
	signature := func(depth string) verdict { return bad(certs.BadSignature, depth, "certificate signature failure") }
	anyKey := func(o *certs.VerifyOptions) { o.AnyLeafKey = true }
	noSigAlg := verdict{certs.UnsupportedAlgorithm, 0, "SSLV3_ALERT_HANDSHAKE_FAILURE"}
	runAll(t, []verifyCase{
		{"leaf altered", root.Leaf("a/b", testca.BadSignature()).Chain, trust(root), nil, signature("0"), ""},
		{"intermediate altered", sub.Leaf("a/b").Chain, trust(root), nil, signature("1"), ""},
		{"signature before dates", root.Leaf("a/b", testca.BadSignature(), testca.Expired(at)).Chain, trust(root), nil, signature("0"), ""},
		{"SHA-1 with ECDSA", root.Leaf("a/b", testca.SignedWith(x509.ECDSAWithSHA1)).Chain, trust(root), nil, verdict{}, ""},
		{"SHA-1 with RSA", rsaRoot.Leaf("a/b", testca.SignedWith(x509.SHA1WithRSA)).Chain, trust(rsaRoot), nil, verdict{}, ""},
		{"SHA-1 altered", root.Leaf("a/b", testca.SignedWith(x509.ECDSAWithSHA1), testca.BadSignature()).Chain, trust(root), nil, signature("0"), ""},
		{"SHA-1 altered, RSA", rsaRoot.Leaf("a/b", testca.SignedWith(x509.SHA1WithRSA), testca.BadSignature()).Chain, trust(rsaRoot), nil, signature("0"), ""},
		{"PSS", rsaRoot.Leaf("a/b", testca.SignedWith(x509.SHA256WithRSAPSS)).Chain, trust(rsaRoot), nil, verdict{}, ""},
		{"RSA leaf of 1024 bits is accepted of a peer", root.Leaf("a/b", testca.RSA(1024)).Chain, trust(root), nil, verdict{}, ""},
		{"P-384", root.Leaf("a/b", testca.P384()).Chain, trust(root), nil, verdict{}, ""},
		{"P-521", root.Leaf("a/b", testca.P521()).Chain, trust(root), nil, noSigAlg, "P-521"},
		{"P-521 allowed", root.Leaf("a/b", testca.P521()).Chain, trust(root), anyKey, verdict{}, ""},
		{"Ed25519", root.Leaf("a/b", testca.Ed25519()).Chain, trust(root), nil, noSigAlg, "Ed25519"},
		{"Ed25519 CA", testca.New(at, testca.Ed25519()).Leaf("a/b").Chain, trust(testca.New(at, testca.Ed25519())), nil, verdict{}, ""},
	})
}

// Go mints neither MD5 signatures nor such short keys, so they are pretended.
func TestVerifyWeakSignatures(t *testing.T) {
	root := testca.New(at, testca.RSA(1024))
	leaf := *root.Leaf("a/b").Certificate()
	short := *root.Certificate
	short.PublicKey = &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 511), E: 65537}
	signature := x509Text("0", "certificate signature failure")
	for name, test := range map[string]struct {
		algorithm x509.SignatureAlgorithm
		anchor    x509.Certificate
		want      certs.Reason
	}{
		"MD5":       {x509.MD5WithRSA, *root.Certificate, certs.UnsupportedAlgorithm},
		"unknown":   {x509.UnknownSignatureAlgorithm, *root.Certificate, certs.UnsupportedAlgorithm},
		"short key": {x509.SHA256WithRSA, short, certs.WeakKey},
		"mismatch":  {x509.ECDSAWithSHA256, *root.Certificate, certs.BadSignature},
	} {
		cert := leaf
		cert.SignatureAlgorithm = test.algorithm
		err := certs.Verify(certs.Chain{&cert}, certs.NewBundle(&test.anchor), asServer())
		if got, want := verdictOf(t, err), (verdict{test.want, 0, signature}); got != want {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
		if errors.Unwrap(err) == nil {
			t.Errorf("%s: the cause is lost", name)
		}
	}
}

// Issuers are compared by a canonical form of their names.
func TestVerifyComparesNamesCanonically(t *testing.T) {
	name := func(raw ...string) testca.Option {
		n := pkix.Name{}
		for _, r := range raw {
			n.ExtraNames = append(n.ExtraNames, pkix.AttributeTypeAndValue{Type: asn1.ObjectIdentifier{2, 5, 4, 3}, Value: r})
		}
		return testca.Subject(n)
	}
	signer := testca.New(at, name("The  Mesh CA "))
	tests := []struct {
		anchor *testca.CA
		want   certs.Reason
	}{
		{testca.New(at, name("The  Mesh CA ")), ""},
		{testca.New(at, name("the mesh ca")), ""},
		{testca.New(at, name("the meshca")), certs.UnknownRoot},
		{testca.New(at, name("The Mesh CA", "x")), certs.UnknownRoot},
		{testca.New(at, name("Thé Mesh CA")), certs.UnknownRoot},
	}
	for _, test := range tests {
		err := certs.Verify(signer.Leaf("a/b").Chain, trust(test.anchor), asServer())
		if got := verdictOf(t, err).Reason; got != test.want {
			t.Errorf("%s: %q, want %q", test.anchor.Certificate.Subject, got, test.want)
		}
	}
}

func TestVerifyAuthorityKeyID(t *testing.T) {
	root := testca.New(at)
	serial, _ := asn1.Marshal(root.Certificate.SerialNumber)
	directory := func(name []byte) []byte {
		dir := asn1.RawValue{Class: 2, Tag: 4, IsCompound: true, Bytes: name}
		der, _ := asn1.Marshal(dir)
		return der
	}
	aki := func(issuer, serial []byte) testca.Option {
		der, _ := asn1.Marshal([]asn1.RawValue{
			{Class: 2, Tag: 1, IsCompound: true, Bytes: directory(issuer)},
			{Class: 2, Tag: 2, Bytes: serial},
		})
		return testca.Extension(pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 35}, Value: der})
	}
	name, otherName := root.Certificate.RawIssuer, testca.New(at, testca.TrustDomain("x")).Certificate.RawIssuer
	noLocal := bad(certs.UnknownRoot, "0", "unable to get local issuer certificate")
	leaf := func(o testca.Option) certs.Chain { return root.Leaf("a/b", testca.NoAuthorityKeyID(), o).Chain }
	runAll(t, []verifyCase{
		{"fits", leaf(aki(name, serial[2:])), trust(root), nil, verdict{}, ""},
		{"other serial", leaf(aki(name, []byte{7})), trust(root), nil, noLocal, "another serial number"},
		{"other issuer", leaf(aki(otherName, serial[2:])), trust(root), nil, noLocal, "another issuer"},
	})
}

func TestVerifyNeedsTimeAndRole(t *testing.T) {
	root := testca.New(at)
	chain := root.Leaf("a/b").Chain
	if err := certs.Verify(chain, trust(root), certs.VerifyOptions{Role: certs.ServerCertificate}); !errors.Is(err, certs.ErrNoTime) {
		t.Errorf("without time: %v", err)
	}
	for _, role := range []certs.Role{0, 3, -1} {
		if err := certs.Verify(chain, trust(root), certs.VerifyOptions{At: at, Role: role}); !errors.Is(err, certs.ErrNoRole) {
			t.Errorf("%s: %v", role, err)
		}
	}
}

func TestVerifyError(t *testing.T) {
	f := testca.MustFixture(at, "expired")
	err := certs.Verify(f.Leaf.Chain, certs.NewBundle(f.Trust...), asServer())
	want := "expired at depth 0 (spiffe://cluster.local/ns/shop/sa/server): expired at 2026-11-23T21:30:00Z, 0s ago"
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Error(diff)
	}
	err = certs.Verify(nil, nil, asServer())
	if diff := cmp.Diff("no-certificate: there is no certificate to verify", err.Error()); diff != "" {
		t.Error(diff)
	}
	if !errors.Is(err, certs.ErrNoCertificate) {
		t.Error("does not unwrap")
	}
}

func TestReasonsAreDistinct(t *testing.T) {
	seen := map[certs.Reason]bool{}
	for _, r := range certs.Reasons() {
		if seen[r] || r == "" || string(r) != strings.ToLower(string(r)) {
			t.Errorf("reason %q", r)
		}
		seen[r] = true
	}
	for _, f := range testca.Fixtures(at) {
		if f.Reason != "" && !seen[certs.Reason(f.Reason)] {
			t.Errorf("fixture %s has the unknown reason %q", f.Name, f.Reason)
		}
	}
}
