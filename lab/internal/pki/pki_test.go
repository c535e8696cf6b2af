package pki

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"testing"
	"time"
)

func TestIssue(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	ca, err := New("lab", now)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ca.Key()
	if err != nil {
		t.Fatal(err)
	}
	if ca, err = Load(ca.PEM(), key); err != nil {
		t.Fatal(err)
	}
	pair, err := ca.Issue(pkix.Name{CommonName: "server"}, time.Hour, now, "127.0.0.1", "kubernetes", "spiffe://cluster.local/ns/a/sa/b")
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := tls.X509KeyPair(pair.Cert, pair.Key)
	if err != nil {
		t.Fatal(err)
	}
	if len(loaded.Leaf.IPAddresses) != 1 || len(loaded.Leaf.URIs) != 1 {
		t.Errorf("addresses %v, URIs %v; want one each", loaded.Leaf.IPAddresses, loaded.Leaf.URIs)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(ca.PEM()) {
		t.Fatal("the authority is no certificate")
	}
	for at, valid := range map[time.Duration]bool{0: true, 59 * time.Minute: true, 61 * time.Minute: false} {
		_, err := loaded.Leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: "kubernetes", CurrentTime: now.Add(at)})
		if (err == nil) != valid {
			t.Errorf("after %v: %v, want valid: %t", at, err, valid)
		}
	}
}
