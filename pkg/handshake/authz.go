package handshake

import (
	"net/netip"
	"regexp"
	"slices"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/certs"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// truth is a condition's value when part of it depends on the request.
type truth int

const (
	no truth = iota
	maybe
	yes
)

func truthOf(b bool) truth {
	if b {
		return yes
	}
	return no
}

// authorize evaluates the chain's RBAC filters for a caller. Only what is certain denies; what
// depends on the request, or on a filter that nobody knows here, is an assumption.
func (r *replay) authorize(fc *envoy.FilterChain, who caller) {
	r.tellAuthorization(fc, who)
	r.guard, r.called = fc, who
	for _, f := range fc.Filters {
		r.authorizeBy(f, who)
		own := ownRBAC(r.Server.Pod.Proxy, f)
		for _, h := range f.HTTPFilters {
			if h.RBAC != nil && own {
				r.assume(RequestDecides)
				continue
			}
			r.authorizeBy(h, who)
		}
	}
}

// enforcedRBAC are the RBAC filters of a chain that can refuse, in the order in which they are asked.
func enforcedRBAC(fc *envoy.FilterChain) []*envoy.RBAC {
	var out []*envoy.RBAC
	add := func(f *envoy.Filter) {
		if f.RBAC != nil && f.RBAC.Enforced && f.RBAC.Action != "LOG" {
			out = append(out, f.RBAC)
		}
	}
	for _, f := range fc.Filters {
		add(f)
		for _, h := range f.HTTPFilters {
			add(h)
		}
	}
	return out
}

// ownRBAC reports that routes of a connection manager replace the rules of its RBAC filters
// (RBACPerRoute), or turn them off: which rules hold depends on the request.
func ownRBAC(p *envoy.Proxy, f *envoy.Filter) bool {
	rc := f.Routes
	if rc == nil && p != nil {
		rc = p.Routes[f.RouteName]
	}
	return rc != nil && rc.OwnRBAC
}

func (r *replay) authorizeBy(f *envoy.Filter, who caller) {
	if f.Kind == envoy.OtherFilter { // ext_authz, Wasm, Lua: may refuse anything
		r.assume(RequestDecides)
	}
	if f.RBAC == nil || !f.RBAC.Enforced || f.RBAC.Action == "LOG" {
		return
	}
	if len(f.RBAC.Unmodelled) > 0 {
		r.assume(RequestDecides)
		return
	}
	dest := r.Server.Address
	p := peer{caller: who, memo: &r.engine.memo, source: addressLike(r.source(), dest.Addr()), port: uint32(dest.Port()), dest: dest.Addr()}
	matched, policy := p.anyPolicy(f.RBAC.Policies)
	deny := f.RBAC.Action == "DENY"
	switch {
	case matched == maybe:
		if len(r.Blockers) == 0 {
			r.assume(RequestDecides)
		}
	case deny && matched == yes:
		r.refuse(policyRefs(policy), "%s connects and is denied by %s", identified{r.Client, who}, policyName(policy))
	case !deny && matched == no:
		r.refuse(r.engine.memo.authors(f.RBAC), "%s connects and no ALLOW policy of %s takes it", identified{r.Client, who}, r.Server.Pod.Key())
	}
}

// refuse blocks a connection for what policies say. The first filter that refuses ends it.
func (r *replay) refuse(by []kube.Ref, format string, args ...any) {
	if !r.Blocked(AuthorizationDenied) {
		r.RefusedBy = by
	}
	r.block(AuthorizationDenied, format, args...)
}

// authors are the AuthorizationPolicies of the rules of a filter.
func (m *memo) authors(rbac *envoy.RBAC) []kube.Ref {
	refs, ok := m.policies[rbac]
	if !ok {
		var rules []string
		for _, p := range rbac.Policies {
			rules = append(rules, p.Name)
		}
		refs = policyRefs(rules...)
		m.policies[rbac] = refs
	}
	return refs
}

// policyRefs are the AuthorizationPolicies of rules, each once; rules that are not Istio's have none.
func policyRefs(rules ...string) []kube.Ref {
	var out []kube.Ref
	for _, rule := range rules {
		if ref := policyRef(rule); ref != (kube.Ref{}) && !slices.Contains(out, ref) {
			out = append(out, ref)
		}
	}
	return out
}

// identified names a client with what the server's proxy learns of it, when it is asked to.
type identified struct {
	pod *mesh.Pod
	as  caller
}

func (c identified) String() string {
	if c.as.identity == "" {
		return c.pod.Key().String() + ", which carries no identity,"
	}
	return c.pod.Key().String() + " (" + c.as.identity + ")"
}

var policyNameRE = regexp.MustCompile(`^ns\[(.*?)\]-policy\[(.*?)\]`)

// policyName reads Istio's rule names, "ns[shop]-policy[server]-rule[0]".
func policyName(s string) string {
	if m := policyNameRE.FindStringSubmatch(s); m != nil {
		return "AuthorizationPolicy " + m[1] + "/" + m[2]
	}
	return "policy " + s
}

// peer is what RBAC can know of a connection before any request.
type peer struct {
	caller
	memo   *memo
	source netip.Addr
	dest   netip.Addr
	port   uint32
}

// anyPolicy evaluates policies: one matches when any of its permissions and any of its
// principals match (envoy/config/rbac/v3/rbac.proto, Policy).
func (p *peer) anyPolicy(list []envoy.RBACPolicy) (best truth, name string) {
	for _, policy := range list {
		v := min(p.or(policy.Permissions), p.or(policy.Principals))
		if v > best {
			best, name = v, policy.Name
		}
	}
	return best, name
}

func (p *peer) or(list []*envoy.RBACRule) truth {
	best := no
	for _, rule := range list {
		best = max(best, p.eval(rule))
	}
	return best
}

func (p *peer) and(list []*envoy.RBACRule) truth {
	worst := yes
	for _, rule := range list {
		worst = min(worst, p.eval(rule))
	}
	return worst
}

func (p *peer) eval(rule *envoy.RBACRule) truth {
	switch {
	case rule.Any:
		return yes
	case rule.Not != nil:
		return yes - p.eval(rule.Not)
	case rule.Or != nil:
		return p.or(rule.Or)
	case rule.And != nil:
		return p.and(rule.And)
	case rule.Principal != nil:
		return p.principal(rule.Principal)
	case rule.DestinationPorts != nil:
		return truthOf(rule.DestinationPorts.Start <= p.port && p.port < rule.DestinationPorts.End)
	case len(rule.SourceIPs) > 0:
		return contains(rule.SourceIPs, p.source)
	case len(rule.DestinationIPs) > 0:
		return contains(rule.DestinationIPs, p.dest)
	}
	return maybe
}

func contains(ranges []netip.Prefix, a netip.Addr) truth {
	if !a.IsValid() {
		return maybe
	}
	return truthOf(slices.ContainsFunc(ranges, func(r netip.Prefix) bool { return r.Contains(a) }))
}

// principal matches the caller's identity. A certificate without a SPIFFE ID still has names that
// Envoy looks at: other SANs, then the subject (rbac.proto, Principal.Authenticated).
func (p *peer) principal(m *certs.Matcher) truth {
	switch {
	case p.unsure:
		return maybe
	case p.identity == "":
		return no
	}
	return p.memo.matchText(m, p.identity)
}

// matchText matches a name; a matcher that is not known can go either way.
func (m *memo) matchText(by *certs.Matcher, text string) truth {
	if by.Kind == "" {
		return yes
	}
	if match := m.text(*by); match != nil {
		return truthOf(match(text))
	}
	return maybe
}
