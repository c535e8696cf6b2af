package certs

import (
	"crypto/x509"
	"fmt"
	"slices"
)

// path is the leaf, then its issuers. From index anchored on, the certificates
// come from the bundle; what is below came from the peer.
type path struct {
	certs    []*x509.Certificate
	anchored int
}

// build finds the path as the first half of X509_verify_cert does: up through
// the bundle first, else through what the peer sent, first fit and no second
// try.
func (v verifier) build(chain Chain) (path, *VerifyError) {
	sent := v.climb(chain)
	top := sent[len(sent)-1]
	var root *x509.Certificate // a self-signed end of what was sent
	if selfSigned(top) {
		if len(sent) == 1 {
			return v.selfSignedLeaf(top)
		}
		root, sent = top, sent[:len(sent)-1]
	}
	p := path{certs: v.climbAnchors(sent), anchored: len(sent)}
	if v.trusts(&p) {
		return p, nil
	}
	if root != nil {
		return p, selfSignedInChain(root, len(sent))
	}
	return p, v.orphan(p, chain)
}

// climb follows the peer's certificates until one is self-signed or was issued
// by an anchor.
func (v verifier) climb(chain Chain) []*x509.Certificate {
	found := []*x509.Certificate{chain[0]}
	rest := slices.Clone(chain)
	for x := chain[0]; len(found) < v.maxLen; {
		if selfSigned(x) || v.anchorOf(x) != nil {
			break
		}
		i := slices.IndexFunc(rest, func(c *x509.Certificate) bool { return issued(c, x) })
		if i < 0 {
			break
		}
		x = rest[i]
		rest = slices.Delete(rest, i, i+1)
		found = append(found, x)
	}
	return found
}

// climbAnchors goes on through the bundle, up to a self-signed anchor if there
// is one. (BoringSSL after September 2026 stops at the first anchor,
// envoyproxy/envoy#47453: a root behind it is then not looked at.)
func (v verifier) climbAnchors(sent []*x509.Certificate) []*x509.Certificate {
	certs := slices.Clone(sent)
	for len(certs) < v.maxLen {
		x := certs[len(certs)-1]
		issuer := v.anchorOf(x)
		if selfSigned(x) || issuer == nil {
			break
		}
		certs = append(certs, issuer)
	}
	return certs
}

// anchorOf is the anchor that issued c by name and identifiers: the first in
// the order of the file, even if the signature fits only another one.
func (v verifier) anchorOf(c *x509.Certificate) *x509.Certificate {
	i := slices.IndexFunc(v.anchors, func(a *x509.Certificate) bool { return issued(a, c) })
	if i < 0 {
		return nil
	}
	return v.anchors[i]
}

// trusts is check_trust: with partial chains any anchor will do, the leaf
// itself included; without, one must be self-signed.
func (v verifier) trusts(p *path) bool {
	anchors := p.certs[p.anchored:]
	if slices.ContainsFunc(anchors, selfSigned) {
		return true
	}
	if !v.partial {
		return false
	}
	if len(anchors) == 0 && slices.ContainsFunc(v.anchors, p.certs[0].Equal) {
		p.anchored = 0
		return true
	}
	return len(anchors) > 0
}

// selfSignedLeaf: a lone self-signed leaf verifies only if the bundle holds
// that very certificate.
func (v verifier) selfSignedLeaf(leaf *x509.Certificate) (path, *VerifyError) {
	if slices.ContainsFunc(v.anchors, leaf.Equal) {
		return path{certs: []*x509.Certificate{leaf}}, nil
	}
	return path{}, fail(SelfSignedInChain, leaf, 0, "self signed certificate",
		"the certificate is self-signed and the trust bundle does not hold it")
}

func selfSignedInChain(root *x509.Certificate, depth int) *VerifyError {
	return fail(SelfSignedInChain, root, depth, "self signed certificate in certificate chain",
		fmt.Sprintf("the chain ends in the root %q, which the trust bundle does not hold", root.Subject.String()))
}
