package certs

import (
	"crypto/x509"
	"fmt"
	"strings"
)

const (
	textPrecheck = "verify cert failed: cert precheck"
	textNoStore  = "verify cert failed: no trust bundle store"
)

// spiffeAnchors is the part of Envoy's SPIFFEValidator that comes before
// X509_verify_cert: precheck of the leaf, then the choice of the anchors by
// its trust domain (spiffe_validator.cc).
func spiffeAnchors(leaf *x509.Certificate, b *Bundle) (*Bundle, *VerifyError) {
	if failure := precheck(leaf); failure != nil {
		return nil, failure
	}
	uri, domain := envoyTrustDomain(leaf)
	if domain == "" {
		return nil, spiffeFailure(NotSPIFFE, leaf, textNoStore, fmt.Sprintf(
			"its first URI %q is no SPIFFE ID with a path, so no trust domain can be told", uri))
	}
	anchors, known := b.domains[domain]
	if !known {
		return nil, spiffeFailure(WrongTrustDomain, leaf, textNoStore, fmt.Sprintf(
			"the trust bundle has anchors for %q, not for %q", b.TrustDomains(), domain))
	}
	if len(anchors.Certificates()) > 0 {
		return anchors, nil
	}
	return nil, &VerifyError{Reason: NoBundle, Detail: fmt.Sprintf("the trust bundle of %q is empty", domain)}
}

// precheck is certificatePrecheck: the leaf is no CA, and a key usage is there
// that allows neither certificate nor CRL signing. (A leaf without the
// extension fails too: X509_get_key_usage then gives all bits.)
func precheck(leaf *x509.Certificate) *VerifyError {
	switch {
	case leaf.BasicConstraintsValid && leaf.IsCA:
		return spiffeFailure(NotACA, leaf, textPrecheck, "it is a CA certificate, which SPIFFE forbids for a leaf")
	case !hasKeyUsage(leaf):
		return spiffeFailure(KeyUsage, leaf, textPrecheck, "it has no key usage, which SPIFFE validation demands")
	case leaf.KeyUsage&(x509.KeyUsageCertSign|x509.KeyUsageCRLSign) != 0:
		return spiffeFailure(KeyUsage, leaf, textPrecheck, "its key usage allows signing certificates or CRLs, which SPIFFE forbids for a leaf")
	}
	return nil
}

// envoyTrustDomain is getTrustBundleStore with extractTrustDomain: the first
// URI counts, and it needs a slash behind the trust domain.
func envoyTrustDomain(leaf *x509.Certificate) (uri, domain string) {
	uris := uriSANs(leaf)
	if len(uris) == 0 {
		return "", ""
	}
	rest, ok := strings.CutPrefix(uris[0], idScheme)
	domain, _, hasPath := strings.Cut(rest, "/")
	if !ok || !hasPath {
		return uris[0], ""
	}
	return uris[0], domain
}

func spiffeFailure(reason Reason, leaf *x509.Certificate, text, detail string) *VerifyError {
	return &VerifyError{Reason: reason, Certificate: Describe(leaf), Detail: detail, EnvoyText: text}
}
