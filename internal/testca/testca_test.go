package testca_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mtls-doctor/kubectl-mtls-doctor/internal/testca"
)

var at = time.Date(2026, 11, 23, 21, 30, 0, 0, time.UTC)

func TestSameCallsGiveSameBytes(t *testing.T) {
	mint := func() []byte {
		root := testca.New(at)
		sub := root.Intermediate()
		return bytes.Join([][]byte{
			root.PEM(), sub.PEM(), sub.Leaf("shop/server", testca.WithRoot()).PEM(),
			root.Leaf("shop/client", testca.P384()).PEM(), root.Leaf("shop/client", testca.P521()).PEM(),
			root.Leaf("shop/client", testca.Ed25519()).PEM(),
		}, nil)
	}
	if diff := cmp.Diff(string(mint()), string(mint())); diff != "" {
		t.Error(diff)
	}
}

func TestSeedGivesAnotherKeyUnderTheSameName(t *testing.T) {
	a, b := testca.New(at).Certificate, testca.New(at, testca.Seed("b")).Certificate
	if !bytes.Equal(a.RawSubject, b.RawSubject) {
		t.Errorf("subjects differ: %s, %s", a.Subject, b.Subject)
	}
	if bytes.Equal(a.RawSubjectPublicKeyInfo, b.RawSubjectPublicKeyInfo) {
		t.Error("the keys are the same")
	}
	if a.SerialNumber.Cmp(b.SerialNumber) == 0 {
		t.Error("the serial numbers are the same")
	}
}

func TestLeaf(t *testing.T) {
	root := testca.New(at, testca.TrustDomain("mesh.example"))
	sub := root.Intermediate()
	tests := []struct {
		name      string
		leaf      *testca.Leaf
		wantURIs  []string
		wantChain int
	}{
		{"short name", root.Leaf("shop/server"), []string{"spiffe://mesh.example/ns/shop/sa/server"}, 1},
		{"whole ID", root.Leaf("spiffe://a/b"), []string{"spiffe://a/b"}, 1},
		{"under intermediate", sub.Leaf("shop/server"), []string{"spiffe://mesh.example/ns/shop/sa/server"}, 2},
		{"bare", sub.Leaf("shop/server", testca.MissingIntermediate()), []string{"spiffe://mesh.example/ns/shop/sa/server"}, 1},
		{"with root", sub.Leaf("shop/server", testca.WithRoot()), []string{"spiffe://mesh.example/ns/shop/sa/server"}, 3},
		{"no identity", root.Leaf("shop/server", testca.NoSPIFFE()), nil, 1},
		{
			"two identities", root.Leaf("shop/server", testca.TwoURIs()),
			[]string{"spiffe://mesh.example/ns/shop/sa/server", "spiffe://mesh.example/ns/other/sa/other"},
			1,
		},
		{"moved", root.Leaf("shop/server", testca.OtherTrustDomain("b")), []string{"spiffe://b/ns/shop/sa/server"}, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.wantURIs, uris(test.leaf.Certificate())); diff != "" {
				t.Error(diff)
			}
			if got := len(test.leaf.Chain); got != test.wantChain {
				t.Errorf("chain of %d, want %d", got, test.wantChain)
			}
			if certs := parse(t, test.leaf.PEM()); len(certs) != test.wantChain {
				t.Errorf("PEM holds %d, want %d", len(certs), test.wantChain)
			}
		})
	}
}

func TestValidity(t *testing.T) {
	root := testca.New(at)
	tests := []struct {
		name string
		cert *x509.Certificate
		want bool
	}{
		{"root", root.Certificate, true},
		{"intermediate", root.Intermediate().Certificate, true},
		{"leaf", root.Leaf("a/b").Certificate(), true},
		{"expired", root.Leaf("a/b", testca.Expired(at.Add(-time.Second))).Certificate(), false},
		{"not yet valid", root.Leaf("a/b", testca.NotYetValid(at)).Certificate(), false},
	}
	for _, test := range tests {
		if got := !at.Before(test.cert.NotBefore) && !at.After(test.cert.NotAfter); got != test.want {
			t.Errorf("%s: valid %t (%s to %s)", test.name, got, test.cert.NotBefore, test.cert.NotAfter)
		}
	}
}

// Every chain that is meant to be sound makes crypto/tls content, and so does
// its key.
func TestTLS(t *testing.T) {
	root := testca.New(at)
	for name, leaf := range map[string]*testca.Leaf{
		"P-256": root.Leaf("a/b"), "P-384": root.Leaf("a/b", testca.P384()), "P-521": root.Leaf("a/b", testca.P521()),
		"Ed25519": root.Leaf("a/b", testca.Ed25519()), "RSA": root.Leaf("a/b", testca.RSA(1024)),
	} {
		t.Run(name, func(t *testing.T) {
			pair, err := tls.X509KeyPair(leaf.PEM(), leaf.KeyPEM())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(pair.Certificate, leaf.TLS().Certificate); diff != "" {
				t.Error(diff)
			}
			pool := x509.NewCertPool()
			pool.AddCert(root.Certificate)
			_, err = leaf.Certificate().Verify(x509.VerifyOptions{Roots: pool, CurrentTime: at})
			if err != nil {
				t.Error(err)
			}
		})
	}
}

func TestFixturesAreNamedOnceAndDiffer(t *testing.T) {
	names, chains := map[string]bool{}, map[string]string{}
	for _, f := range testca.Fixtures(at) {
		if names[f.Name] {
			t.Errorf("%s: twice", f.Name)
		}
		names[f.Name] = true
		key := string(f.Leaf.DER()) + string(testca.PEM(f.Trust...))
		if twin, ok := chains[key]; ok {
			t.Errorf("%s is the same as %s", f.Name, twin)
		}
		chains[key] = f.Name
	}
	if got := testca.MustFixture(at, "expired").Reason; got != "expired" {
		t.Errorf("fixture expired has reason %q", got)
	}
}

func TestMustFixturePanicsOnUnknownName(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	testca.MustFixture(at, "no such defect")
}

func uris(c *x509.Certificate) []string {
	var all []string
	for _, u := range c.URIs {
		all = append(all, u.String())
	}
	return all
}

func parse(t *testing.T, data []byte) []*x509.Certificate {
	t.Helper()
	var certs []*x509.Certificate
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		certs = append(certs, cert)
	}
	return certs
}
