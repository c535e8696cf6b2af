package handshake

import (
	"cmp"
	"crypto/x509"
	"fmt"
	"net/netip"
	"regexp"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/certs"
)

// memo keeps what replicas share, so that a mesh of thousands of edges needs few judgements.
// Chains and bundles are interned when they are decoded: equal ones are mostly the same pointer.
type memo struct {
	verified map[verifyKey]error
	texts    map[chainKey]string
	spiffe   map[any]*certs.Bundle     // by the context or secret that holds it
	regexps  map[string]*regexp.Regexp // nil: does not compile
}

func newMemo() memo {
	return memo{map[verifyKey]error{}, map[chainKey]string{}, map[any]*certs.Bundle{}, map[string]*regexp.Regexp{}}
}

// chainKey is the identity of a chain that is not empty: where its first certificate is kept.
type chainKey struct {
	first  **x509.Certificate
	length int
}

func keyOf(c certs.Chain) chainKey { return chainKey{&c[0], len(c)} }

// verifyKey names a certificate judgement.
type verifyKey struct {
	chain        chainKey
	bundle       *certs.Bundle
	role         certs.Role
	allowExpired bool
	maxDepth     uint32
}

// verify is certs.Verify, once per chain, bundle and role. The time is the snapshot's and the
// same for all.
func (m *memo) verify(chain certs.Chain, bundle *certs.Bundle, opts certs.VerifyOptions) error {
	if len(chain) == 0 {
		return certs.Verify(chain, bundle, opts)
	}
	k := verifyKey{keyOf(chain), bundle, opts.Role, opts.AllowExpired, opts.MaxDepth}
	if err, ok := m.verified[k]; ok {
		return err
	}
	err := certs.Verify(chain, bundle, opts)
	m.verified[k] = err
	return err
}

// describe says in a few words what a certificate is.
func (m *memo) describe(c certs.Chain) string {
	leaf := c.Leaf()
	if leaf == nil {
		return "no certificate"
	}
	text, ok := m.texts[keyOf(c)]
	if !ok {
		text = fmt.Sprintf("%s, valid until %s, issued by %q, %d in chain",
			cmp.Or(identityOf(c), "no SPIFFE identity"), leaf.NotAfter.UTC().Format("2006-01-02T15:04:05Z"), leaf.Issuer, len(c))
		m.texts[keyOf(c)] = text
	}
	return text
}

// spiffeBundle makes one bundle of those of several trust domains, once for each owner.
func (m *memo) spiffeBundle(owner any, domains map[string]*certs.Bundle) *certs.Bundle {
	b := m.spiffe[owner]
	if b == nil {
		b = certs.NewSPIFFEBundle(domains)
		m.spiffe[owner] = b
	}
	return b
}

// fullMatch reports whether a regular expression matches all of a text; ok is false when it does
// not compile.
func (m *memo) fullMatch(expr, text string) (matches, ok bool) {
	re, known := m.regexps[expr]
	if !known {
		if _, err := regexp.Compile(expr); err == nil {
			re = regexp.MustCompile(`\A(?:` + expr + `)\z`)
		}
		m.regexps[expr] = re
	}
	return re != nil && re.MatchString(text), re != nil
}

func isIP(s string) bool {
	_, err := netip.ParseAddr(s)
	return err == nil
}
