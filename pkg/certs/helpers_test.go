package certs_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/mtls-doctor/kubectl-mtls-doctor/internal/testca"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/certs"
)

// at is the clock of these tests.
var at = time.Date(2026, 11, 23, 21, 30, 0, 0, time.UTC)

func asServer() certs.VerifyOptions {
	return certs.VerifyOptions{At: at, Role: certs.ServerCertificate}
}

func asClient() certs.VerifyOptions {
	return certs.VerifyOptions{At: at, Role: certs.ClientCertificate}
}

func testdata(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func chainOf(t testing.TB, data []byte) certs.Chain {
	t.Helper()
	chain, err := certs.ParseChain(data)
	if err != nil {
		t.Fatal(err)
	}
	return chain
}

func bundleOf(t testing.TB, data []byte) *certs.Bundle {
	t.Helper()
	bundle, err := certs.ParseBundle(data)
	if err != nil {
		t.Fatal(err)
	}
	return bundle
}

func trust(cas ...*testca.CA) *certs.Bundle {
	var anchors []*x509.Certificate
	for _, ca := range cas {
		anchors = append(anchors, ca.Certificate)
	}
	return certs.NewBundle(anchors...)
}

// verdict is what tests compare of a verification.
type verdict struct {
	Reason certs.Reason
	Depth  int
	Text   string
}

// verdictOf gives the zero verdict if there is no error.
func verdictOf(t testing.TB, err error) verdict {
	t.Helper()
	if err == nil {
		return verdict{}
	}
	var failure *certs.VerifyError
	if !errors.As(err, &failure) {
		t.Fatalf("%T is no *VerifyError: %v", err, err)
	}
	return verdict{failure.Reason, failure.Depth, failure.EnvoyText}
}

// p224 is a self-signed certificate on a curve that testca does not do.
func p224(t testing.TB) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: at, NotAfter: at.Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// x509Text is Envoy's line for a failure of X509_verify_cert.
func x509Text(depth, text string) string {
	return "verify cert failed: X509_verify_cert: certificate verification error at depth " + depth + ": " + text
}
