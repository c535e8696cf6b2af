package certs

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"slices"
)

// minOwnRSABits is what Envoy wants of a certificate that it presents itself.
const minOwnRSABits = 2048

// CheckOwn tells whether a proxy can load chain as its own certificate: nil,
// or a *VerifyError with NoCertificate, WeakKey, UnsupportedAlgorithm or
// KeyUsage. What it refuses, Envoy rejects with the secret (ContextImpl in
// source/common/tls/context_impl.cc: RSA from 2048 bits on; P-256, and since
// Envoy 1.33 P-384 and P-521, envoyproxy/envoy#36369; dates are not looked at).
func CheckOwn(chain Chain) error {
	leaf := chain.Leaf()
	if leaf == nil {
		return &VerifyError{Reason: NoCertificate, Detail: "there is no certificate to present", Err: ErrNoCertificate}
	}
	if failure := checkOwn(leaf); failure != nil {
		return failure
	}
	return nil
}

func checkOwn(leaf *x509.Certificate) *VerifyError {
	switch key := leaf.PublicKey.(type) {
	case *rsa.PublicKey:
		if bits := key.N.BitLen(); bits < minOwnRSABits {
			return ownFailure(WeakKey, leaf, "only RSA certificates with 2048-bit or larger keys are supported",
				fmt.Sprintf("its RSA key has %d bits, Envoy loads 2048 and more", bits))
		}
	case *ecdsa.PublicKey:
		return checkOwnECDSA(leaf, key.Params().Name)
	case ed25519.PublicKey:
	default:
		return ownFailure(UnsupportedAlgorithm, leaf, "UNKNOWN_CERTIFICATE_TYPE",
			fmt.Sprintf("Envoy does not load keys of type %s", leaf.PublicKeyAlgorithm))
	}
	return nil
}

func checkOwnECDSA(leaf *x509.Certificate, curve string) *VerifyError {
	if !slices.Contains([]string{"P-256", "P-384", "P-521"}, curve) {
		return ownFailure(UnsupportedAlgorithm, leaf, "only P-256, P-384 or P-521 ECDSA certificates are supported",
			fmt.Sprintf("its key is on the curve %s, Envoy loads P-256, P-384 and P-521", curve))
	}
	if !allows(leaf, x509.KeyUsageDigitalSignature) {
		return ownFailure(KeyUsage, leaf, "UNKNOWN_CERTIFICATE_TYPE", "its key usage lacks digitalSignature")
	}
	return nil
}

func ownFailure(reason Reason, leaf *x509.Certificate, text, detail string) *VerifyError {
	return &VerifyError{Reason: reason, Certificate: Describe(leaf), Detail: detail, EnvoyText: text}
}

// checkHandshakeKey is what libssl demands of a peer's leaf before its chain
// is verified: a key usage, if present, with digitalSignature
// (ssl_cert_check_key_usage, called from tls13_both.cc and, for clients under
// TLS 1.2, handshake_server.cc), and a key for which the default list of
// signature algorithms has one (kVerifySignatureAlgorithms in
// ssl/extensions.cc: RSA, P-256, P-384).
func checkHandshakeKey(leaf *x509.Certificate, opts VerifyOptions) *VerifyError {
	if !opts.AnyLeafKey && !defaultSignatureAlgorithm(leaf) {
		kind, _, curve := keyOf(leaf)
		return ownFailure(UnsupportedAlgorithm, leaf, "SSLV3_ALERT_HANDSHAKE_FAILURE", fmt.Sprintf(
			"Envoy's default signature algorithms do not include its key (%s %s)", kind, curve))
	}
	if !allows(leaf, x509.KeyUsageDigitalSignature) {
		return ownFailure(KeyUsage, leaf, "KEY_USAGE_BIT_INCORRECT", "its key usage lacks digitalSignature, which a TLS handshake needs")
	}
	return nil
}

func defaultSignatureAlgorithm(leaf *x509.Certificate) bool {
	switch key := leaf.PublicKey.(type) {
	case *rsa.PublicKey:
		return true
	case *ecdsa.PublicKey:
		return slices.Contains([]string{"P-256", "P-384"}, key.Params().Name)
	}
	return false
}
