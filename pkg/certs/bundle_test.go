package certs_test

import (
	"crypto/x509"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mtls-doctor/kubectl-mtls-doctor/internal/testca"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/certs"
)

func TestParseBundle(t *testing.T) {
	a, b := testca.New(at), testca.New(at, testca.Seed("b"))
	bundle := bundleOf(t, join(b.PEM(), a.PEM(), b.PEM()))
	if got := bundle.Certificates(); len(got) != 2 || !got[0].Equal(b.Certificate) || !got[1].Equal(a.Certificate) {
		t.Errorf("holds %d certificates", len(got))
	}
	if bundle.IsSPIFFE() || bundle.CRL() != nil || bundle.TrustDomains() != nil {
		t.Errorf("a plain bundle is %+v", bundle)
	}
}

func TestParseBundleErrors(t *testing.T) {
	for name, data := range map[string][]byte{"nothing": nil, "text": []byte("x"), "key": testca.New(at).Leaf("a/b").KeyPEM()} {
		bundle, err := certs.ParseBundle(data)
		if bundle != nil || !errors.Is(err, certs.ErrNoCertificate) || !strings.HasPrefix(err.Error(), "trust bundle: ") {
			t.Errorf("%s: %v, %v", name, bundle, err)
		}
	}
}

func TestBundleIsImmutable(t *testing.T) {
	a, b := testca.New(at), testca.New(at, testca.Seed("b"))
	list := []*x509.Certificate{a.Certificate, nil}
	bundle := certs.NewBundle(list...)
	before := bundle.Fingerprint()
	list[0] = b.Certificate
	bundle.Certificates()[0] = b.Certificate
	domains := map[string]*certs.Bundle{"td": bundle}
	spiffe := certs.NewSPIFFEBundle(domains)
	spiffeBefore := spiffe.Fingerprint()
	domains["other"] = trust(b)
	if bundle.Fingerprint() != before || spiffe.Fingerprint() != spiffeBefore {
		t.Error("a bundle changed from outside")
	}
}

func TestNilBundle(t *testing.T) {
	var b *certs.Bundle
	if b.Certificates() != nil || b.Fingerprint() != "" || b.IsSPIFFE() || b.CRL() != nil || b.TrustDomains() != nil || b.Domain("x") != nil {
		t.Error("the nil bundle holds something")
	}
	err := certs.Verify(testca.New(at).Leaf("a/b").Chain, b, asServer())
	if got := verdictOf(t, err).Reason; got != certs.NoBundle {
		t.Errorf("reason %q", got)
	}
}

func TestBundleFingerprint(t *testing.T) {
	a, b := testca.New(at), testca.New(at, testca.Seed("b"))
	if trust(a, b).Fingerprint() != trust(b, a, b).Fingerprint() {
		t.Error("depends on the order or on duplicates")
	}
	spiffe := func(m map[string]*certs.Bundle) string { return certs.NewSPIFFEBundle(m).Fingerprint() }
	prints := map[string]string{}
	for name, print := range map[string]string{
		"a": trust(a).Fingerprint(), "b": trust(b).Fingerprint(), "a b": trust(a, b).Fingerprint(), "none": trust().Fingerprint(),
		"x=a":         spiffe(map[string]*certs.Bundle{"x": trust(a)}),
		"y=a":         spiffe(map[string]*certs.Bundle{"y": trust(a)}),
		"x=a y=b":     spiffe(map[string]*certs.Bundle{"x": trust(a), "y": trust(b)}),
		"x=b y=a":     spiffe(map[string]*certs.Bundle{"x": trust(b), "y": trust(a)}),
		"x=nil y=a":   spiffe(map[string]*certs.Bundle{"x": nil, "y": trust(a)}),
		"x=a and nil": spiffe(map[string]*certs.Bundle{"x": trust(a), "y": nil}),
	} {
		if twin, ok := prints[print]; ok {
			t.Errorf("%s and %s have one fingerprint", name, twin)
		}
		prints[print] = name
	}
	if trust().Fingerprint() != "" {
		t.Error("an empty bundle has a fingerprint")
	}
}

func TestSPIFFEBundle(t *testing.T) {
	a, b := testca.New(at), testca.New(at, testca.Seed("b"))
	bundle := certs.NewSPIFFEBundle(map[string]*certs.Bundle{"z.example": trust(a), "a.example": trust(b)})
	if diff := cmp.Diff([]string{"a.example", "z.example"}, bundle.TrustDomains()); diff != "" {
		t.Error(diff)
	}
	if got := bundle.Certificates(); len(got) != 2 || !got[0].Equal(b.Certificate) {
		t.Errorf("certificates %d", len(got))
	}
	if !bundle.IsSPIFFE() || bundle.Domain("z.example") == nil || bundle.Domain("x") != nil {
		t.Error("domains are wrong")
	}
}

func FuzzParseBundle(f *testing.F) {
	root := testca.New(at)
	f.Add(root.PEM())
	f.Add(join(root.PEM(), root.Intermediate().PEM(), []byte("rest")))
	f.Add(root.Certificate.Raw)
	f.Add(testdata(f, "mesh-root.pem"))
	f.Add(block("X509 CRL", []byte{0x30, 0}))
	f.Fuzz(func(t *testing.T, data []byte) {
		bundle, err := certs.ParseBundle(data)
		if (err == nil) != (bundle != nil) {
			t.Fatalf("%v with error %v", bundle, err)
		}
		if err != nil {
			return
		}
		anchors := bundle.Certificates()
		if len(anchors) == 0 || bundle.Fingerprint() == "" {
			t.Fatal("empty success")
		}
		for _, a := range anchors {
			if err := certs.Verify(certs.Chain{a}, bundle, asServer()); errors.Is(err, certs.ErrNoTime) {
				t.Error(err)
			}
		}
	})
}
