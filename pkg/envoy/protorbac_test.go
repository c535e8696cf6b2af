//go:build !race

package envoy

import (
	"maps"
	"net/netip"
	"slices"
	"strings"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	rbac "github.com/envoyproxy/go-control-plane/envoy/config/rbac/v3"
	matcher "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"google.golang.org/protobuf/proto"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/certs"
)

// rbac reads the rules of a network or HTTP filter, which is msg. Rules are enforced, and so is a
// matcher tree, which stands in place of rules; shadow rules are not. A filter without any of them lets
// everything pass.
func (m *protoModel) rbac(rules, shadow *rbac.RBAC, msg proto.Message) *RBAC {
	out := &RBAC{Action: "ALLOW"}
	matcher := msg.ProtoReflect().Has(msg.ProtoReflect().Descriptor().Fields().ByName("matcher"))
	switch {
	case rules != nil:
		out = m.rbacRules(rules)
	case shadow != nil && !matcher:
		out = m.rbacRules(shadow)
	}
	if matcher {
		out.Unmodelled = append(out.Unmodelled, "RBAC.matcher")
		m.named["RBAC.matcher"] = true
	}
	out.Enforced = rules != nil || matcher
	return out
}

func (m *protoModel) rbacRules(r *rbac.RBAC) *RBAC {
	out := &RBAC{Action: r.GetAction().String()}
	for _, name := range slices.Sorted(maps.Keys(r.GetPolicies())) {
		policy := RBACPolicy{Name: name}
		for _, p := range r.GetPolicies()[name].GetPermissions() {
			policy.Permissions = append(policy.Permissions, m.permission(p))
		}
		for _, p := range r.GetPolicies()[name].GetPrincipals() {
			policy.Principals = append(policy.Principals, m.principal(p))
		}
		out.Policies = append(out.Policies, policy)
		out.Unmodelled = append(out.Unmodelled, m.leftOver(r.GetPolicies()[name], "RBAC.Policy", "permissions", "principals")...)
	}
	return out
}

func (m *protoModel) permission(p *rbac.Permission) *RBACRule {
	switch r := p.GetRule().(type) {
	case *rbac.Permission_Any:
		return &RBACRule{Any: r.Any}
	case *rbac.Permission_AndRules:
		return &RBACRule{And: each(r.AndRules.GetRules(), m.permission)}
	case *rbac.Permission_OrRules:
		return &RBACRule{Or: each(r.OrRules.GetRules(), m.permission)}
	case *rbac.Permission_NotRule:
		return &RBACRule{Not: m.permission(r.NotRule)}
	case *rbac.Permission_DestinationIp:
		return ipRule(r.DestinationIp, "Permission.destination_ip", func(n *RBACRule, p []netip.Prefix) { n.DestinationIPs = p })
	case *rbac.Permission_DestinationPort:
		return &RBACRule{DestinationPorts: &PortRange{Start: r.DestinationPort, End: r.DestinationPort + 1}}
	case *rbac.Permission_DestinationPortRange:
		return &RBACRule{DestinationPorts: rangeOf(r.DestinationPortRange)}
	case *rbac.Permission_RequestedServerName:
		sni, unmodelled := m.ruleMatcher(r.RequestedServerName)
		return &RBACRule{SNI: sni, Unmodelled: unmodelled}
	case *rbac.Permission_Header:
		return &RBACRule{HTTP: "header " + r.Header.GetName()}
	case *rbac.Permission_UrlPath:
		return &RBACRule{HTTP: "url path"}
	case *rbac.Permission_Metadata:
		return &RBACRule{HTTP: "metadata"}
	case *rbac.Permission_SourcedMetadata:
		return &RBACRule{HTTP: "sourced metadata"}
	case *rbac.Permission_UriTemplate:
		return &RBACRule{HTTP: "uri template"}
	}
	return m.otherRule(p, "Permission.")
}

func (m *protoModel) principal(p *rbac.Principal) *RBACRule {
	switch r := p.GetIdentifier().(type) {
	case *rbac.Principal_Any:
		return &RBACRule{Any: r.Any}
	case *rbac.Principal_AndIds:
		return &RBACRule{And: each(r.AndIds.GetIds(), m.principal)}
	case *rbac.Principal_OrIds:
		return &RBACRule{Or: each(r.OrIds.GetIds(), m.principal)}
	case *rbac.Principal_NotId:
		return &RBACRule{Not: m.principal(r.NotId)}
	case *rbac.Principal_Authenticated_:
		return m.authenticated(r.Authenticated)
	case *rbac.Principal_SourceIp:
		return ipRule(r.SourceIp, "Principal.source_ip", setSource) //nolint:staticcheck // deprecated, and still printed by proxies
	case *rbac.Principal_DirectRemoteIp:
		return ipRule(r.DirectRemoteIp, "Principal.direct_remote_ip", setSource)
	case *rbac.Principal_RemoteIp:
		return ipRule(r.RemoteIp, "Principal.remote_ip", setSource)
	case *rbac.Principal_FilterState:
		return m.filterState(r.FilterState)
	case *rbac.Principal_Metadata:
		return m.metadata(r.Metadata) //nolint:staticcheck // deprecated, and still printed by proxies
	case *rbac.Principal_Header:
		return &RBACRule{HTTP: "header " + r.Header.GetName()}
	case *rbac.Principal_UrlPath:
		return &RBACRule{HTTP: "url path"}
	case *rbac.Principal_SourcedMetadata:
		return &RBACRule{HTTP: "sourced metadata"}
	}
	return m.otherRule(p, "Principal.")
}

// otherRule names the one set field of a node that the model does not hold.
func (m *protoModel) otherRule(node proto.Message, prefix string) *RBACRule {
	rest := m.leftOver(node, strings.TrimSuffix(prefix, "."))
	if len(rest) == 0 {
		return &RBACRule{}
	}
	return &RBACRule{Unmodelled: rest[0]}
}

// ipRule is a rule about addresses; a range that is none is named.
func ipRule(c *core.CidrRange, path string, set func(*RBACRule, []netip.Prefix)) *RBACRule {
	if !prefixOf(c).IsValid() {
		return &RBACRule{Unmodelled: path}
	}
	n := &RBACRule{}
	set(n, []netip.Prefix{prefixOf(c)})
	return n
}

func setSource(n *RBACRule, p []netip.Prefix) { n.SourceIPs = p }

func each[M any](in []M, read func(M) *RBACRule) []*RBACRule {
	out := []*RBACRule{}
	for _, x := range in {
		out = append(out, read(x))
	}
	return out
}

// authenticated: "If unset, it applies to any user that is authenticated."
func (m *protoModel) authenticated(a *rbac.Principal_Authenticated) *RBACRule {
	if a.GetPrincipalName() == nil {
		return &RBACRule{Principal: &certs.Matcher{}}
	}
	principal, unmodelled := m.ruleMatcher(a.GetPrincipalName())
	return &RBACRule{Principal: principal, Unmodelled: unmodelled}
}

func (m *protoModel) filterState(f *matcher.FilterStateMatcher) *RBACRule {
	principal, unmodelled := m.ruleMatcher(f.GetStringMatch())
	if unmodelled == "" && (f.GetKey() != "io.istio.peer_principal" || f.GetStringMatch() == nil) {
		return &RBACRule{Unmodelled: "Principal.filter_state " + f.GetKey()}
	}
	return &RBACRule{Principal: principal, Unmodelled: unmodelled}
}

func (m *protoModel) ruleMatcher(s *matcher.StringMatcher) (*certs.Matcher, string) {
	var unmodelled []string
	out := m.stringMatcher(s, &unmodelled)
	if len(unmodelled) > 0 {
		return nil, strings.Join(unmodelled, " ")
	}
	return &out, ""
}

// metadata: Istio up to 1.21 kept the peer's principal of HTTP requests there, without the scheme.
func (m *protoModel) metadata(f *matcher.MetadataMatcher) *RBACRule {
	path := []string{}
	for _, p := range f.GetPath() {
		path = append(path, p.GetKey())
	}
	value := f.GetValue().GetStringMatch()
	if f.GetFilter() != "istio_authn" || strings.Join(path, ".") != "source.principal" || len(path) != 1 || value == nil || f.GetInvert() {
		return &RBACRule{HTTP: strings.TrimSpace("metadata " + f.GetFilter() + " " + strings.Join(path, "."))}
	}
	principal, unmodelled := m.ruleMatcher(value)
	if unmodelled == "" && (principal.Kind == "exact" || principal.Kind == "prefix") {
		principal.Value = "spiffe://" + principal.Value
	}
	if unmodelled == "" && principal.Kind == "regex" {
		principal.Value = "spiffe://(?:" + principal.Value + ")"
	}
	return &RBACRule{Principal: principal, Unmodelled: unmodelled}
}
