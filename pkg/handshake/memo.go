package handshake

import (
	"cmp"
	"crypto/x509"
	"fmt"
	"net/netip"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/certs"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// memo keeps what replicas share, so that a mesh of thousands of edges needs few judgements.
// What the decoder interns is the same pointer, and is looked at once.
type memo struct {
	verified map[verifyKey]error
	chains   map[chainKey]*chainInfo
	bundles  map[*certs.Bundle]string // fingerprints, of anchors and of revocation lists
	spiffe   map[any]*certs.Bundle    // by the context or secret that holds it
	sans     map[sanKey]sanMatch
	texts    map[certs.Matcher]textMatch
	sockets  map[*envoy.TransportSocket]string
	inbound  map[*envoy.FilterChain]string
	settled  map[paramsKey]*params
	policies map[*envoy.RBAC][]kube.Ref
}

func newMemo() memo {
	return memo{
		verified: map[verifyKey]error{}, chains: map[chainKey]*chainInfo{}, bundles: map[*certs.Bundle]string{},
		spiffe: map[any]*certs.Bundle{}, sans: map[sanKey]sanMatch{}, texts: map[certs.Matcher]textMatch{},
		sockets: map[*envoy.TransportSocket]string{}, inbound: map[*envoy.FilterChain]string{},
		settled: map[paramsKey]*params{}, policies: map[*envoy.RBAC][]kube.Ref{},
	}
}

// chainKey is the identity of a chain: where its first certificate is kept.
type chainKey struct {
	first  **x509.Certificate
	length int
}

// chainInfo is what verdicts say of a chain.
type chainInfo struct {
	fingerprint string
	identity    string // SPIFFE ID, or ""
	text        string
}

func (m *memo) chain(c certs.Chain) *chainInfo {
	if len(c) == 0 {
		return &chainInfo{text: "no certificate"}
	}
	k := chainKey{&c[0], len(c)}
	info := m.chains[k]
	if info == nil {
		info = &chainInfo{fingerprint: c.Fingerprint()}
		if id, err := c.Identity(); err == nil {
			info.identity = id.String()
		}
		info.text = fmt.Sprintf("%s, valid until %s, issued by %q, %d in chain", cmp.Or(info.identity, "no SPIFFE identity"),
			c[0].NotAfter.UTC().Format("2006-01-02T15:04:05Z"), c[0].Issuer, len(c))
		m.chains[k] = info
	}
	return info
}

func (m *memo) bundle(b *certs.Bundle) string {
	text, ok := m.bundles[b]
	if !ok {
		text = b.Fingerprint() + b.CRL().Fingerprint()
		m.bundles[b] = text
	}
	return text
}

// verifyKey names a certificate judgement.
type verifyKey struct {
	chain, bundle, crl string
	spiffe             bool
	role               certs.Role
	allowExpired       bool
	leafCRLOnly        bool
	maxDepth           uint32
}

// verify is certs.Verify, once per chain, bundle and role. The time is the snapshot's and the
// same for all.
func (m *memo) verify(chain certs.Chain, bundle *certs.Bundle, opts certs.VerifyOptions) error {
	k := verifyKey{
		m.chain(chain).fingerprint, m.bundle(bundle), opts.CRL.Fingerprint(), bundle.IsSPIFFE(), opts.Role, opts.AllowExpired, opts.LeafCRLOnly, opts.MaxDepth,
	}
	if err, ok := m.verified[k]; ok {
		return err
	}
	err := certs.Verify(chain, bundle, opts)
	m.verified[k] = err
	return err
}

// sanKey names a SAN judgement: matchers are the first of a list, and how many.
type sanKey struct {
	leaf     *x509.Certificate
	matchers *certs.Matcher
	count    int
}

type sanMatch struct {
	ok        bool
	presented []string
}

// matchSAN is certs.MatchSAN, once per leaf and list of matchers.
func (m *memo) matchSAN(leaf *x509.Certificate, matchers []certs.Matcher) (bool, []string) {
	if len(matchers) == 0 {
		return true, nil
	}
	k := sanKey{leaf, &matchers[0], len(matchers)}
	got, known := m.sans[k]
	if !known {
		got.ok, got.presented = certs.MatchSAN(leaf, matchers)
		m.sans[k] = got
	}
	return got.ok, got.presented
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

// textMatch is a compiled string matcher; nil for one that Envoy knows and this does not.
type textMatch func(string) bool

// text compiles a string matcher once.
func (m *memo) text(by certs.Matcher) textMatch {
	match, known := m.texts[by]
	if !known {
		if compiled, ok := by.Compile(); ok {
			match = compiled
		}
		m.texts[by] = match
	}
	return match
}

// socket is describeSocket, once per socket.
func (m *memo) socket(s *envoy.TransportSocket) string {
	text, ok := m.sockets[s]
	if !ok {
		text = describeSocket(s)
		m.sockets[s] = text
	}
	return text
}

// filterChain says what a server's chain takes, once per chain.
func (m *memo) filterChain(fc *envoy.FilterChain) string {
	text, ok := m.inbound[fc]
	if !ok {
		text = describeMatch(&fc.Match) + ": " + describeServerSocket(fc.Socket)
		m.inbound[fc] = text
	}
	return text
}

func isIP(s string) bool {
	_, err := netip.ParseAddr(s)
	return err == nil
}
