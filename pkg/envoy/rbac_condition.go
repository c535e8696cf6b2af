package envoy

import (
	"net/netip"
	"regexp"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/certs"
)

// authenticated reads Principal.Authenticated; without a name it is any peer that showed a
// certificate, which is a Principal without a Kind.
func (r *reader) authenticated(n *RBACRule) {
	n.Principal = &certs.Matcher{}
	r.object(func(key []byte) {
		if string(key) == "principal_name" {
			n.Principal = r.ruleMatcher(n)
			return
		}
		r.skip()
	})
	r.oneOf(n)
}

// ruleMatcher reads a StringMatcher; one that is not modelled makes the node so.
func (r *reader) ruleMatcher(n *RBACRule) *certs.Matcher {
	var unmodelled []string
	m := r.stringMatcher(&unmodelled)
	n.Unmodelled = strings.Join(unmodelled, " ")
	return &m
}

// oneOf keeps the promise that one field of a node is set: not modelled wins.
func (r *reader) oneOf(n *RBACRule) {
	if n.Unmodelled != "" {
		n.Principal, n.SNI = nil, nil
	}
}

func (r *reader) rbacIP(n *RBACRule, path string) []netip.Prefix {
	p, ok := r.cidr()
	if !ok {
		n.Unmodelled = path
		r.note("RBAC " + path)
		return nil
	}
	return []netip.Prefix{p}
}

// peerPrincipal is the filter state in which istio-proxy keeps the peer's identity when the
// connection came through HBONE (istio/istio, pilot/pkg/security/authz/model/generator.go).
const peerPrincipal = "io.istio.peer_principal"

// filterState reads a FilterStateMatcher on the peer's principal.
func (r *reader) filterState(n *RBACRule) {
	var name string
	var m *certs.Matcher
	r.object(func(key []byte) {
		switch string(key) {
		case "key":
			name = r.str()
		case "string_match":
			m = r.ruleMatcher(n)
		default:
			r.skip()
		}
	})
	switch {
	case n.Unmodelled != "":
	case name == peerPrincipal && m != nil:
		n.Principal = m
	default:
		n.Unmodelled = "Principal.filter_state " + name
		r.note("RBAC " + n.Unmodelled)
	}
}

// metadataPrincipal reads a MetadataMatcher. Istio up to 1.21 matched the peer's principal
// of HTTP requests there: filter istio_authn, path source.principal, without the scheme.
func (r *reader) metadataPrincipal(n *RBACRule) {
	var filter string
	var path []string
	var m *certs.Matcher
	inverted := false
	r.object(func(key []byte) {
		switch string(key) {
		case "filter":
			filter = r.str()
		case "path":
			r.list(func() { path = append(path, r.pathKey()) })
		case "value":
			m = r.valueMatcher(n)
		case "invert":
			inverted = r.boolean()
		default:
			r.skip()
		}
	})
	if filter != "istio_authn" || m == nil || n.Unmodelled != "" || inverted || len(path) != 1 || path[0] != "source.principal" {
		n.Unmodelled = ""
		n.HTTP = r.in.str([]byte(strings.TrimSpace("metadata " + filter + " " + strings.Join(path, "."))))
		return
	}
	withScheme(m)
	n.Principal = m
}

// withScheme turns a matcher of Istio's source.principal into one of the SPIFFE ID.
func withScheme(m *certs.Matcher) {
	const scheme = "spiffe://"
	switch m.Kind {
	case "exact", "prefix":
		m.Value = scheme + m.Value
	case "regex":
		m.Value = regexp.QuoteMeta(scheme) + "(?:" + m.Value + ")"
	}
}

func (r *reader) pathKey() (name string) {
	r.object(func(key []byte) {
		if string(key) == "key" {
			name = r.str()
			return
		}
		r.skip()
	})
	return name
}

// valueMatcher reads the string_match of a ValueMatcher, nil for another kind.
func (r *reader) valueMatcher(n *RBACRule) (m *certs.Matcher) {
	r.object(func(key []byte) {
		if string(key) == "string_match" {
			m = r.ruleMatcher(n)
			return
		}
		r.skip()
	})
	return m
}

// httpCondition gives a condition on the request in words.
func (r *reader) httpCondition(kind string) string {
	if kind != "header" {
		r.skip()
		return strings.ReplaceAll(kind, "_", " ")
	}
	return r.in.str([]byte("header " + r.conditionName()))
}
