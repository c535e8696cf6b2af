package certs_test

import (
	"crypto/x509"
	"encoding/json"
	"net"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mtls-doctor/kubectl-mtls-doctor/internal/testca"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/certs"
)

func TestDescribe(t *testing.T) {
	root := testca.New(at)
	leaf := root.Leaf("shop/server", testca.DNS("a.b"), testca.IPs(net.IPv4(10, 0, 0, 1), net.ParseIP("2001:db8::1")), testca.Emails("x@a.b"))
	got := certs.Describe(leaf.Certificate())
	want := certs.Info{
		Issuer: "CN=root,O=cluster.local", Serial: leaf.Certificate().SerialNumber.Text(16),
		NotBefore: at.Add(-2 * time.Hour), NotAfter: at.Add(22 * time.Hour),
		KeyType: "ECDSA", KeyBits: 256, Curve: "P-256", SignatureAlgorithm: "ECDSA-SHA256",
		URIs: []string{"spiffe://cluster.local/ns/shop/sa/server"}, DNSNames: []string{"a.b"},
		IPs: []string{"10.0.0.1", "2001:db8::1"}, Emails: []string{"x@a.b"},
		SHA256: got.SHA256,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestDescribeRealRoot(t *testing.T) {
	got := certs.Describe(chainOf(t, testdata(t, "mesh-root.pem")).Leaf())
	want := certs.Info{
		Subject: "O=cluster.local", Issuer: "O=cluster.local", Serial: got.Serial,
		NotBefore: time.Date(2026, 11, 23, 20, 9, 42, 0, time.UTC), NotAfter: time.Date(2036, 11, 20, 20, 9, 42, 0, time.UTC),
		KeyType: "RSA", KeyBits: 2048, SignatureAlgorithm: "SHA256-RSA", IsCA: true, SelfSigned: true, SHA256: got.SHA256,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestDescribeKeys(t *testing.T) {
	root := testca.New(at)
	tests := []struct {
		option testca.Option
		kind   string
		bits   int
		curve  string
	}{
		{testca.RSA(1024), "RSA", 1024, ""},
		{testca.P384(), "ECDSA", 384, "P-384"},
		{testca.P521(), "ECDSA", 521, "P-521"},
		{testca.Ed25519(), "Ed25519", 256, ""},
	}
	for _, test := range tests {
		i := certs.Describe(root.Leaf("a/b", test.option).Certificate())
		if i.KeyType != test.kind || i.KeyBits != test.bits || i.Curve != test.curve {
			t.Errorf("got %s %d %s, want %s %d %s", i.KeyType, i.KeyBits, i.Curve, test.kind, test.bits, test.curve)
		}
	}
}

func TestDescribeSelfSigned(t *testing.T) {
	root := testca.New(at)
	for name, test := range map[string]struct {
		cert *x509.Certificate
		want bool
	}{
		"root": {root.Certificate, true}, "intermediate": {root.Intermediate().Certificate, false},
		"leaf":                   {root.Leaf("a/b").Certificate(), false},
		"self-signed leaf":       {root.Leaf("a/b", testca.SelfSigned()).Certificate(), true},
		"same name, another key": {root.Intermediate(testca.Subject(root.Certificate.Subject)).Certificate, false},
	} {
		if got := certs.Describe(test.cert).SelfSigned; got != test.want {
			t.Errorf("%s: self-signed %t", name, got)
		}
	}
}

func TestDescribeNothing(t *testing.T) {
	if diff := cmp.Diff(certs.Info{}, certs.Describe(nil)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(certs.Info{KeyType: "0"}, certs.Describe(&x509.Certificate{}), cmp.FilterPath(
		func(p cmp.Path) bool { return p.String() == "SHA256" || p.String() == "SignatureAlgorithm" },
		cmp.Ignore())); diff != "" {
		t.Error(diff)
	}
}

func TestLifetime(t *testing.T) {
	i := certs.Describe(testca.New(at).Leaf("a/b", testca.Valid(at, at.Add(10*time.Hour))).Certificate())
	if i.Lifetime() != 10*time.Hour {
		t.Errorf("lifetime %s", i.Lifetime())
	}
	for after, want := range map[time.Duration]float64{-time.Hour: -0.1, 0: 0, 5 * time.Hour: 0.5, 10 * time.Hour: 1, 20 * time.Hour: 2} {
		if got := i.UsedAt(at.Add(after)); got != want {
			t.Errorf("after %s: %f, want %f", after, got, want)
		}
	}
	if got := (certs.Info{}).UsedAt(at); got != 1 {
		t.Errorf("no lifetime is %f used", got)
	}
}

func TestInfoJSON(t *testing.T) {
	data, err := json.Marshal(certs.Info{Subject: "O=x", Serial: "ab", NotAfter: at, KeyType: "RSA"})
	want := `{"subject":"O=x","issuer":"","serial":"ab","notBefore":"0001-01-01T00:00:00Z","notAfter":"2026-11-23T21:30:00Z","keyType":"RSA","signatureAlgorithm":"","sha256":""}`
	if err != nil || string(data) != want {
		t.Errorf("%s, %v", data, err)
	}
}
