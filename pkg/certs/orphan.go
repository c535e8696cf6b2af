package certs

import (
	"bytes"
	"crypto/x509"
	"fmt"
)

const (
	textNoLocalIssuer = "unable to get local issuer certificate"
	textNoIssuer      = "unable to get issuer certificate"
)

// orphan explains a path whose last certificate has no issuer. BoringSSL has
// one text for many causes; each is claimed only on evidence, and what cannot
// be told is UnknownRoot.
func (v verifier) orphan(p path, chain Chain) *VerifyError {
	depth := len(p.certs) - 1
	last := p.certs[depth]
	if p.anchored < len(p.certs) {
		return fail(UnknownRoot, last, depth, textNoIssuer, fmt.Sprintf(
			"the trust bundle holds the intermediate %q but not its root, which SPIFFE validation demands", last.Subject.String()))
	}
	reason, detail := v.whyOrphan(last, depth, chain)
	return fail(reason, last, depth, textNoLocalIssuer, detail)
}

func (v verifier) whyOrphan(last *x509.Certificate, depth int, chain Chain) (Reason, string) {
	if depth+1 >= v.maxLen {
		return PathLength, fmt.Sprintf("the path is longer than max_verify_depth %d allows", v.opts.MaxDepth)
	}
	issuer := last.Issuer.String()
	if ownSignature(last) {
		return SelfSignedInChain, "the certificate signed itself, though its key usage does not allow it to, and the trust bundle does not hold it"
	}
	if found := namesakes(last, v.anchors); len(found) > 0 {
		return whyNot(found[0], last, "the trust bundle")
	}
	if found := namesakes(last, chain); len(found) > 0 {
		return whyNot(found[0], last, "the peer's chain")
	}
	if v.knowsLink(last) {
		return MissingIntermediate, fmt.Sprintf(
			"the peer does not send its intermediate %q, which a root of the trust bundle issued", issuer)
	}
	return UnknownRoot, fmt.Sprintf("its issuer %q is neither in the trust bundle nor sent by the peer", issuer)
}

// whyNot explains why a certificate with the issuer's name is not the issuer.
func whyNot(candidate, last *x509.Certificate, where string) (Reason, string) {
	name := candidate.Subject.String()
	if what := readAuthorityKeyID(last.Extensions).mismatch(candidate); what != "" {
		return UnknownRoot, fmt.Sprintf(
			"%s holds a CA named %q, but with another %s: the CA was replaced under its old name", where, name, what)
	}
	return KeyUsage, fmt.Sprintf("%s holds its issuer %q, whose key usage does not allow it to sign certificates", where, name)
}

// namesakes are those among certs, other than c, that bear its issuer's name.
func namesakes(c *x509.Certificate, certs []*x509.Certificate) []*x509.Certificate {
	var found []*x509.Certificate
	for _, other := range certs {
		if !other.Equal(c) && sameName(other.RawSubject, c.RawIssuer) {
			found = append(found, other)
		}
	}
	return found
}

// knowsLink tells whether a certificate seen elsewhere would have joined c to
// an anchor: it signed c, and an anchor signed it.
func (v verifier) knowsLink(c *x509.Certificate) bool {
	for _, k := range v.opts.Known {
		if k == nil || !issued(k, c) || checkSignature(k, c) != nil || bytes.Equal(k.Raw, c.Raw) {
			continue
		}
		if a := v.anchorOf(k); a != nil && checkSignature(a, k) == nil {
			return true
		}
	}
	return false
}
