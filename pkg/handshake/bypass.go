package handshake

import (
	"slices"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/certs"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// Denial is a rule of a DENY policy that looks at the caller's identity.
type Denial struct {
	// Policy is the AuthorizationPolicy; zero when the rule is not one of Istio's.
	Policy kube.Ref
	// Rule is the name that Envoy has for it: "ns[shop]-policy[server]-rule[0]".
	Rule string
	// Principals are what it looks for: "exact spiffe://cluster.local/ns/pay/sa/client".
	Principals []string
}

// Denials are the rules of DENY policies that a connection passed and that look at the caller's
// identity. A caller that arrives without one is met by none of them (ISTIO-SECURITY-2021-003).
func (e *Engine) Denials(edge *Edge) []Denial {
	var out []Denial
	for _, rule := range denyRules(edge) {
		if looked := principals(rule.Principals); len(looked) > 0 {
			out = append(out, Denial{policyRef(rule.Name), rule.Name, looked})
		}
	}
	return out
}

// Evaded are those of Denials that would meet the connection, or might, if its caller showed an
// identity, and do not as it comes.
func (e *Engine) Evaded(edge *Edge, identity string) []Denial {
	known, unknown := e.peerAs(edge, presenting(identity)), e.peerAs(edge, nobody)
	var out []Denial
	for _, rule := range denyRules(edge) {
		one := []envoy.RBACPolicy{rule}
		with, _ := known.anyPolicy(one)
		without, _ := unknown.anyPolicy(one)
		if with > without {
			out = append(out, Denial{policyRef(rule.Name), rule.Name, principals(rule.Principals)})
		}
	}
	return out
}

// Takes reports whether the authorization of the filter chain of an edge lets its caller through, or may, if it showed
// an identity. Of a chain that is not known it is false.
func (e *Engine) Takes(edge *Edge, identity string) bool {
	chain := chainOfEdge(edge)
	if chain == nil {
		return false
	}
	who := e.peerAs(edge, presenting(identity))
	return !slices.ContainsFunc(enforcedRBAC(chain), func(rbac *envoy.RBAC) bool {
		matched, _ := who.anyPolicy(rbac.Policies)
		return len(rbac.Unmodelled) == 0 && (rbac.Action == "DENY" && matched == yes || rbac.Action != "DENY" && matched == no)
	})
}

// presenting is a caller that presents a certificate with an identity.
func presenting(identity string) caller { return caller{identity: identity, presented: true} }

// peerAs is what RBAC knows of the connection of an edge when it comes from a caller.
func (e *Engine) peerAs(edge *Edge, who caller) *peer {
	dest := edge.Server.Address
	return &peer{caller: who, memo: &e.memo, source: addressLike(edge.source(), dest.Addr()), port: uint32(dest.Port()), dest: dest.Addr()}
}

// denyRules are the rules of the enforced DENY policies on the filter chain of an edge.
func denyRules(edge *Edge) []envoy.RBACPolicy {
	var out []envoy.RBACPolicy
	chain := chainOfEdge(edge)
	if chain == nil {
		return nil
	}
	for _, rbac := range enforcedRBAC(chain) {
		if rbac.Action == "DENY" && len(rbac.Unmodelled) == 0 {
			out = append(out, rbac.Policies...)
		}
	}
	return out
}

// chainOfEdge is the filter chain that took a connection; nil when none did.
func chainOfEdge(edge *Edge) *envoy.FilterChain {
	if edge.Server.Pod == nil || edge.Server.Pod.Proxy == nil || edge.Inbound.Chain == "" {
		return nil
	}
	for _, l := range edge.Server.Pod.Proxy.Listeners {
		if l.Name != edge.Inbound.Listener || l.State == envoy.Warming || l.State == envoy.Draining {
			continue
		}
		for _, fc := range l.Chains() {
			if fc.Name == edge.Inbound.Chain {
				return fc
			}
		}
	}
	return nil
}

// principals are the identities that rules look for; those that they except are left out.
func principals(rules []*envoy.RBACRule) []string {
	var out []string
	for _, r := range rules {
		if r.Principal != nil {
			out = append(out, matcherText(r.Principal))
		}
		out = append(out, principals(r.And)...)
		out = append(out, principals(r.Or)...)
	}
	return out
}

func matcherText(m *certs.Matcher) string {
	if m.Kind == "" {
		return "any identity"
	}
	return m.Kind + " " + m.Value
}

// policyRef reads Istio's rule names.
func policyRef(rule string) kube.Ref {
	m := policyNameRE.FindStringSubmatch(rule)
	if m == nil {
		return kube.Ref{}
	}
	return kube.Ref{Kind: "AuthorizationPolicy", Namespace: m[1], Name: m[2]}
}
