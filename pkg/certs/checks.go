package certs

import (
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"slices"
	"time"
)

// handledCritical are the extensions that BoringSSL understands when they are
// critical (X509_supported_extension).
var handledCritical = []asn1.ObjectIdentifier{
	oidKeyUsage, oidSAN, oidNameConstraints,
	{2, 5, 29, 19}, // basic constraints
	{2, 5, 29, 32}, // certificate policies
	{2, 5, 29, 33}, // policy mappings
	{2, 5, 29, 36}, // policy constraints
	{2, 5, 29, 37}, // extended key usage
	{2, 5, 29, 54}, // inhibit any policy
}

// checkExtensions is check_chain_extensions: only what the peer sent is
// looked at, anchors are trusted as they are.
func (v verifier) checkExtensions(p path) *VerifyError {
	below := 0 // certificates below this one that count for path lengths
	for depth, c := range p.certs[:p.anchored] {
		if failure := v.checkOne(c, depth, below); failure != nil {
			return failure
		}
		if depth == 0 || !selfIssued(c) {
			below++
		}
	}
	return nil
}

func (v verifier) checkOne(c *x509.Certificate, depth, below int) *VerifyError {
	if oid := unhandledCritical(c); oid != "" {
		return fail(Other, c, depth, "unhandled critical extension", "it has the critical extension "+oid+", which Envoy does not know")
	}
	if depth > 0 && !(c.BasicConstraintsValid && c.IsCA) {
		return fail(NotACA, c, depth, "invalid CA certificate", "it stands as an issuer in the chain but is no CA (basicConstraints)")
	}
	if failure := v.checkPurpose(c, depth); failure != nil {
		return failure
	}
	if limit, ok := pathLimit(c); ok && depth > 1 && below > limit+1 {
		return fail(PathLength, c, depth, "path length constraint exceeded", fmt.Sprintf(
			"it allows %d intermediates below it, the chain has %d", limit, below-1))
	}
	return nil
}

func unhandledCritical(c *x509.Certificate) string {
	for _, e := range c.Extensions {
		if e.Critical && !slices.ContainsFunc(handledCritical, e.Id.Equal) {
			return e.Id.String()
		}
	}
	return ""
}

// pathLimit gives pathLenConstraint if there is one.
func pathLimit(c *x509.Certificate) (int, bool) {
	set := c.BasicConstraintsValid && (c.MaxPathLen > 0 || c.MaxPathLenZero)
	return c.MaxPathLen, set
}

// checkPurpose is X509_check_purpose for ssl_server and ssl_client: the
// extended usage of every certificate that has one, the plain usage of the
// leaf.
func (v verifier) checkPurpose(c *x509.Certificate, depth int) *VerifyError {
	const text = "unsupported certificate purpose"
	if v.purpose == x509.ExtKeyUsageAny {
		return nil
	}
	if restricted(c) && !slices.Contains(c.ExtKeyUsage, v.purpose) {
		return fail(KeyUsage, c, depth, text, fmt.Sprintf(
			"its extended key usage does not include %sAuth", v.opts.Role))
	}
	if depth == 0 && !allows(c, v.uses) {
		return fail(KeyUsage, c, depth, text, fmt.Sprintf("its key usage does not suit a TLS %s", v.opts.Role))
	}
	return nil
}

func restricted(c *x509.Certificate) bool {
	return len(c.ExtKeyUsage)+len(c.UnknownExtKeyUsage) > 0
}

// checkSignaturesAndDates is internal_verify: from the anchor down to the
// leaf, of each certificate first the signature, then the dates.
func (v verifier) checkSignaturesAndDates(p path) *VerifyError {
	top := len(p.certs) - 1
	for depth := top; depth >= 0; depth-- {
		c := p.certs[depth]
		if depth < top {
			if failure := v.signatureFailure(p.certs[depth+1], c, depth); failure != nil {
				return failure
			}
		}
		if failure := v.checkDates(c, depth); failure != nil {
			return failure
		}
	}
	return nil
}

// checkDates compares whole seconds: valid from notBefore on, expired at
// notAfter itself (X509_cmp_time_posix).
func (v verifier) checkDates(c *x509.Certificate, depth int) *VerifyError {
	now := v.opts.At.Unix()
	switch {
	case v.opts.AllowExpired:
		return nil
	case c.NotBefore.Unix() > now:
		return fail(NotYetValid, c, depth, "certificate is not yet valid", fmt.Sprintf(
			"valid from %s, which is %s ahead", stamp(c.NotBefore), span(c.NotBefore.Sub(v.opts.At))))
	case c.NotAfter.Unix() <= now:
		return fail(Expired, c, depth, "certificate has expired", fmt.Sprintf(
			"expired at %s, %s ago", stamp(c.NotAfter), span(v.opts.At.Sub(c.NotAfter))))
	}
	return nil
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func span(d time.Duration) time.Duration { return d.Truncate(time.Second) }
