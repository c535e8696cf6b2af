package certs

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha1" // read-only: BoringSSL still accepts SHA-1 signatures of certificates
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
)

// minRSABits is the shortest RSA key with which crypto/rsa verifies.
const minRSABits = 1024

// signatureFailure checks that issuer signed c, and names what is wrong.
func (v verifier) signatureFailure(issuer, c *x509.Certificate, depth int) *VerifyError {
	err := checkSignature(issuer, c)
	if err == nil {
		return nil
	}
	reason, detail := whySignature(issuer, c, err)
	if reason == BadSignature && v.signedByNamesake(c) {
		detail = fmt.Sprintf("another CA %q of the trust bundle did sign it, but Envoy tries only the first of that name", issuer.Subject.String())
	}
	failure := fail(reason, c, depth, "certificate signature failure", detail)
	failure.Err = err
	return failure
}

// signedByNamesake: a CA got a new key under its old name, both are in the
// bundle, and no key identifier tells them apart.
func (v verifier) signedByNamesake(c *x509.Certificate) bool {
	return slices.ContainsFunc(v.anchors, func(a *x509.Certificate) bool {
		return issued(a, c) && checkSignature(a, c) == nil
	})
}

func whySignature(issuer, c *x509.Certificate, err error) (Reason, string) {
	var insecure x509.InsecureAlgorithmError
	switch key, isRSA := issuer.PublicKey.(*rsa.PublicKey); {
	case errors.As(err, &insecure), errors.Is(err, x509.ErrUnsupportedAlgorithm):
		return UnsupportedAlgorithm, fmt.Sprintf("it is signed with %s, which Envoy does not accept", c.SignatureAlgorithm)
	case isRSA && key.N.BitLen() < minRSABits:
		return WeakKey, fmt.Sprintf("its issuer's RSA key has %d bits, too few to check a signature with", key.N.BitLen())
	}
	return BadSignature, fmt.Sprintf(
		"the signature does not fit the key of %q: the CA has a new key under its old name, or the certificate was altered",
		issuer.Subject.String())
}

// checkSignature is X509_verify. It does not ask whether issuer is a CA.
func checkSignature(issuer, c *x509.Certificate) error {
	return verifySignature(issuer, c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature)
}

// verifySignature verifies that of a certificate or of a revocation list.
func verifySignature(issuer *x509.Certificate, by x509.SignatureAlgorithm, signed, signature []byte) error {
	switch by {
	case x509.SHA1WithRSA, x509.ECDSAWithSHA1:
		return verifySHA1(issuer, by, signed, signature)
	}
	return issuer.CheckSignature(by, signed, signature)
}

// verifySHA1 exists because crypto/x509 refuses SHA-1 and BoringSSL does not.
func verifySHA1(issuer *x509.Certificate, by x509.SignatureAlgorithm, signed, signature []byte) error {
	sum := sha1.Sum(signed)
	switch key := issuer.PublicKey.(type) {
	case *rsa.PublicKey:
		if by == x509.SHA1WithRSA {
			return rsa.VerifyPKCS1v15(key, crypto.SHA1, sum[:], signature)
		}
	case *ecdsa.PublicKey:
		if by == x509.ECDSAWithSHA1 && ecdsa.VerifyASN1(key, sum[:], signature) {
			return nil
		}
	}
	return errors.New("SHA-1 signature does not verify")
}

// ownSignature tells whether c is its own issuer and really signed itself.
func ownSignature(c *x509.Certificate) bool {
	return selfIssued(c) && checkSignature(c, c) == nil
}
