package certs_test

import (
	"crypto/x509"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mtls-doctor/kubectl-mtls-doctor/internal/testca"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/certs"
)

func TestCheckOwn(t *testing.T) {
	root := testca.New(at)
	leaf := func(opts ...testca.Option) certs.Chain { return root.Leaf("a/b", opts...).Chain }
	encipherment := testca.KeyUsage(x509.KeyUsageKeyEncipherment)
	for name, test := range map[string]struct {
		chain certs.Chain
		want  verdict
	}{
		"P-256": {leaf(), verdict{}}, "P-384": {leaf(testca.P384()), verdict{}}, "P-521": {leaf(testca.P521()), verdict{}},
		"Ed25519":                    {leaf(testca.Ed25519()), verdict{}},
		"RSA 2048":                   {leaf(testca.RSA(2048)), verdict{}},
		"expired":                    {leaf(testca.Expired(at)), verdict{}},
		"RSA 1024":                   {leaf(testca.RSA(1024)), verdict{certs.WeakKey, 0, "only RSA certificates with 2048-bit or larger keys are supported"}},
		"RSA 2047":                   {leaf(testca.RSA(2047)), verdict{certs.WeakKey, 0, "only RSA certificates with 2048-bit or larger keys are supported"}},
		"P-256 without signature":    {leaf(encipherment), verdict{certs.KeyUsage, 0, "UNKNOWN_CERTIFICATE_TYPE"}},
		"RSA 2048 without signature": {leaf(encipherment, testca.RSA(2048)), verdict{}},
		"P-224":                      {certs.Chain{p224(t)}, verdict{certs.UnsupportedAlgorithm, 0, "only P-256, P-384 or P-521 ECDSA certificates are supported"}},
		"nothing":                    {nil, verdict{Reason: certs.NoCertificate}},
	} {
		if diff := cmp.Diff(test.want, verdictOf(t, certs.CheckOwn(test.chain))); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestCheckOwnUnknownKey(t *testing.T) {
	err := certs.CheckOwn(certs.Chain{{PublicKeyAlgorithm: x509.DSA}})
	if got := verdictOf(t, err).Reason; got != certs.UnsupportedAlgorithm {
		t.Errorf("DSA: %v", err)
	}
}
