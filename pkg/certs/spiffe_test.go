package certs_test

import (
	"crypto/x509"
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/internal/testca"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/certs"
)

func TestVerifySPIFFE(t *testing.T) {
	a, b := testca.New(at), testca.New(at, testca.TrustDomain("b.example"))
	sub := a.Intermediate()
	bundle := certs.NewSPIFFEBundle(map[string]*certs.Bundle{"cluster.local": trust(a), "b.example": trust(b), "empty.example": nil})
	only := func(cas ...*testca.CA) *certs.Bundle {
		return certs.NewSPIFFEBundle(map[string]*certs.Bundle{"cluster.local": trust(cas...)})
	}
	leaf := func(opts ...testca.Option) certs.Chain { return a.Leaf("shop/server", opts...).Chain }
	noStore := func(r certs.Reason) verdict { return verdict{r, 0, "verify cert failed: no trust bundle store"} }
	precheck := func(r certs.Reason) verdict { return verdict{r, 0, "verify cert failed: cert precheck"} }
	noLocal := bad(certs.UnknownRoot, "0", "unable to get local issuer certificate")
	runAll(t, []verifyCase{
		{"own domain", leaf(), bundle, nil, verdict{}, ""},
		{"federated domain", b.Leaf("shop/server").Chain, bundle, nil, verdict{}, ""},
		{"through an intermediate", sub.Leaf("a/b").Chain, bundle, nil, verdict{}, ""},
		{"root of the other domain", leaf(testca.OtherTrustDomain("b.example")), bundle, nil, noLocal, ""},
		{"unknown domain", leaf(testca.OtherTrustDomain("c.example")), bundle, nil, noStore(certs.WrongTrustDomain), `anchors for ["b.example" "cluster.local" "empty.example"], not for "c.example"`},
		{"domain without anchors", leaf(testca.OtherTrustDomain("empty.example")), bundle, nil, verdict{Reason: certs.NoBundle}, `"empty.example" is empty`},
		{"no URI", leaf(testca.NoSPIFFE()), bundle, nil, noStore(certs.NotSPIFFE), ""},
		{"other scheme", leaf(testca.URIs("https://cluster.local/x")), bundle, nil, noStore(certs.NotSPIFFE), "https://cluster.local/x"},
		{"no path", leaf(testca.URIs("spiffe://cluster.local")), bundle, nil, noStore(certs.NotSPIFFE), ""},
		{"the first URI counts", leaf(testca.TwoURIs()), bundle, nil, verdict{}, ""},
		{"a CA as leaf", leaf(testca.MarkCA()), bundle, nil, precheck(certs.NotACA), ""},
		{"CRL signing", leaf(testca.KeyUsage(x509.KeyUsageDigitalSignature | x509.KeyUsageCRLSign)), bundle, nil, precheck(certs.KeyUsage), ""},
		{"no key usage", leaf(testca.KeyUsage(0)), bundle, nil, precheck(certs.KeyUsage), "no key usage"},
		{"no purpose is checked", leaf(testca.WrongEKU()), bundle, nil, verdict{}, ""},
		{"expired", leaf(testca.Expired(at)), bundle, nil, bad(certs.Expired, "0", "certificate has expired"), ""},
		{"expired is allowed", leaf(testca.Expired(at)), bundle, func(o *certs.VerifyOptions) { o.AllowExpired = true }, verdict{}, ""},
		{"an intermediate is no anchor", sub.Leaf("a/b").Chain, only(sub), nil, bad(certs.UnknownRoot, "1", "unable to get issuer certificate"), "not its root"},
		{"an intermediate with its root is", sub.Leaf("a/b").Chain[:1], only(sub, a), nil, verdict{}, ""},
		{"the leaf is no anchor", leaf(), certs.NewSPIFFEBundle(map[string]*certs.Bundle{"cluster.local": certs.NewBundle(leaf()...)}), nil, noLocal, ""},
		{"empty SPIFFE bundle", leaf(), certs.NewSPIFFEBundle(nil), nil, noStore(certs.WrongTrustDomain), ""},
	})
}
