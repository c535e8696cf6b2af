package handshake

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mtls-doctor/kubectl-mtls-doctor/internal/testca"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/certs"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// rbac makes an RBAC filter with one policy of these permissions and principals.
func rbac(action string, permission, principal *envoy.RBACRule) *envoy.Filter {
	policy := envoy.RBACPolicy{Name: "ns[shop]-policy[guard]-rule[0]", Permissions: []*envoy.RBACRule{permission}, Principals: []*envoy.RBACRule{principal}}
	return &envoy.Filter{Kind: envoy.RBACFilter, RBAC: &envoy.RBAC{Action: action, Enforced: true, Policies: []envoy.RBACPolicy{policy}}}
}

// guard puts filters on every inbound chain of shop/server: HTTP ones where there is HTTP.
func guard(w *world, filters ...*envoy.Filter) {
	for _, fc := range listenerNamed(w.proxy("shop/server"), "virtualInbound").FilterChains {
		if fc.Filters[0].Kind == envoy.HTTPManager {
			fc.Filters = []*envoy.Filter{{Kind: envoy.HTTPManager, HTTPFilters: filters}}
		} else {
			fc.Filters = append(filters[:len(filters):len(filters)], fc.Filters...)
		}
	}
}

func principal(kind, value string) *envoy.RBACRule {
	return &envoy.RBACRule{Principal: &certs.Matcher{Kind: kind, Value: value}}
}

func not(r *envoy.RBACRule) *envoy.RBACRule    { return &envoy.RBACRule{Not: r} }
func and(r ...*envoy.RBACRule) *envoy.RBACRule { return &envoy.RBACRule{And: r} }
func or(r ...*envoy.RBACRule) *envoy.RBACRule  { return &envoy.RBACRule{Or: r} }
func port(n uint32) *envoy.RBACRule {
	return &envoy.RBACRule{DestinationPorts: &envoy.PortRange{Start: n, End: n + 1}}
}

// authzCases: connects, and then an AuthorizationPolicy has its say.
func authzCases() []edgeCase {
	anyone, header := &envoy.RBACRule{Any: true}, &envoy.RBACRule{HTTP: "header x-token"}
	client := principal("exact", "spiffe://cluster.local/ns/shop/sa/client")
	from := func(cidr string) *envoy.RBACRule { return &envoy.RBACRule{SourceIPs: prefixes(cidr)} }
	to := func(cidr string) *envoy.RBACRule { return &envoy.RBACRule{DestinationIPs: prefixes(cidr)} }
	of := func(name, want string, filters ...*envoy.Filter) edgeCase {
		return edgeCase{name: "authz: " + name, from: "shop/client", to: "server.shop:80", want: want, given: func(w *world) { guard(w, filters...) }}
	}
	asks := func(c edgeCase) edgeCase { c.takes = []Assumption{RequestDecides}; return c }
	naked := func(c edgeCase) edgeCase { c.from = "legacy/naked"; return c }
	const denied = "denied: authorization-denied"
	return []edgeCase{
		of("ALLOW the caller's principal", "mTLS", rbac("ALLOW", anyone, client)),
		of("ALLOW another principal", denied, rbac("ALLOW", anyone, principal("exact", "spiffe://cluster.local/ns/shop/sa/other"))),
		naked(of("ALLOW a principal, and the caller has none", denied, rbac("ALLOW", anyone, client))),
		of("ALLOW a namespace (a regular expression over principals)", "mTLS", rbac("ALLOW", anyone, principal("regex", ".*/ns/shop/.*"))),
		of("ALLOW another namespace", denied, rbac("ALLOW", anyone, principal("regex", ".*/ns/pay/.*"))),
		of("ALLOW by prefix", "mTLS", rbac("ALLOW", anyone, principal("prefix", "spiffe://cluster.local/"))),
		of("ALLOW by suffix", "mTLS", rbac("ALLOW", anyone, principal("suffix", "/sa/client"))),
		of("ALLOW what contains", "mTLS", rbac("ALLOW", anyone, principal("contains", "/shop/"))),
		of("ALLOW any authenticated peer", "mTLS", rbac("ALLOW", anyone, principal("", ""))),
		asks(of("ALLOW by a matcher that nobody knows", "mTLS", rbac("ALLOW", anyone, principal("custom", "x")))),
		asks(of("ALLOW by a regular expression that does not compile", "mTLS", rbac("ALLOW", anyone, principal("regex", "(")))),
		of("ALLOW notPrincipals", denied, rbac("ALLOW", anyone, not(client))),
		naked(of("ALLOW notPrincipals takes callers without a principal", "plaintext", rbac("ALLOW", anyone, not(client)))),
		of("ALLOW without policies: nothing is allowed", denied, &envoy.Filter{Kind: envoy.RBACFilter, RBAC: &envoy.RBAC{Action: "ALLOW", Enforced: true}}),
		of("DENY the caller's principal", denied, rbac("DENY", anyone, client)),
		naked(of("DENY a principal that the caller does not have", "plaintext", rbac("DENY", anyone, client))),
		of("DENY without policies", "mTLS", &envoy.Filter{Kind: envoy.RBACFilter, RBAC: &envoy.RBAC{Action: "DENY", Enforced: true}}),
		of("LOG decides nothing", "mTLS", rbac("LOG", anyone, not(client))),
		of("shadow rules decide nothing", "mTLS", &envoy.Filter{Kind: envoy.RBACFilter, RBAC: &envoy.RBAC{Action: "ALLOW"}}),
		of("ports are container ports", "mTLS", rbac("ALLOW", port(8080), anyone)),
		of("the service's port is not the container's", denied, rbac("ALLOW", port(80), anyone)),
		of("IP blocks", "mTLS", rbac("ALLOW", anyone, from("10.1.0.1/32"))),
		of("IP blocks of others", denied, rbac("ALLOW", anyone, from("192.0.2.0/24"))),
		of("destination IPs", "mTLS", rbac("ALLOW", to("10.1.0.0/16"), anyone)),
		of("and: all of it", denied, rbac("ALLOW", and(port(8080), port(80)), anyone)),
		of("or: any of it", "mTLS", rbac("ALLOW", or(port(8080), port(80)), anyone)),
		of("an empty or matches nothing, an empty and everything", denied, rbac("DENY", and([]*envoy.RBACRule{}...), anyone), rbac("ALLOW", or([]*envoy.RBACRule{}...), anyone)),
		asks(of("a header decides", "mTLS", rbac("ALLOW", header, client))),
		of("a header does not help the wrong principal", denied, rbac("ALLOW", header, not(client))),
		asks(of("a header may deny", "mTLS", rbac("DENY", header, anyone))),
		asks(of("not a header", "mTLS", rbac("ALLOW", not(header), anyone))),
		asks(of("an unmodelled matcher decides", "mTLS", &envoy.Filter{Kind: envoy.RBACFilter, RBAC: &envoy.RBAC{Action: "DENY", Enforced: true, Unmodelled: []string{"RBAC.matcher"}}})),
		of("several filters: DENY beats what the next allows", denied, rbac("DENY", anyone, client), rbac("ALLOW", anyone, client)),
		asks(of("a filter that nobody knows may refuse", "mTLS", &envoy.Filter{Kind: envoy.OtherFilter, TypeURL: "envoy.extensions.filters.http.ext_authz.v3.ExtAuthz"})),
		{
			name: "authz: ALLOW a principal on a raw TCP port", from: "shop/client", to: "server.shop:9000", want: "mTLS",
			given: func(w *world) { guard(w, rbac("ALLOW", anyone, client)) },
		},
		asks(edgeCase{
			name: "authz: routes with rules of their own", from: "shop/client", to: "server.shop:80", want: "mTLS",
			given: func(w *world) {
				guard(w, rbac("DENY", anyone, client))
				for _, fc := range listenerNamed(w.proxy("shop/server"), "virtualInbound").FilterChains {
					fc.Filters[0].Routes = &envoy.RouteConfig{OwnRBAC: true}
				}
			},
		}),
		{
			name: "authz: plaintext carries no principal", from: "shop/client", to: "server.shop:80", want: denied,
			given: func(w *world) { w.rule("server.shop", tlsDisable); guard(w, rbac("ALLOW", anyone, client)) },
		},
		{
			name: "authz: the application's own TLS carries no principal", from: "legacy/naked", to: "server.shop:443", want: denied,
			given: func(w *world) { guard(w, rbac("ALLOW", anyone, client)) },
		},
		{
			name: "authz: a failed handshake beats a denial", from: "shop/client", to: "server.shop:80", want: "fails: client-certificate-expired, authorization-denied",
			given: func(w *world) {
				w.find("shop/client").leaf = w.ca.Leaf("shop/client", testca.Expired(worldTime))
				guard(w, rbac("DENY", anyone, client))
			},
		},
		{
			name: "authz: whom an unread certificate names is not known", from: "shop/client", to: "server.shop:80", want: "unknown: evidence-missing",
			given: func(w *world) {
				guard(w, rbac("ALLOW", anyone, principal("exact", "spiffe://cluster.local/ns/shop/sa/other")))
				x := w.proxy("shop/client")
				x.Secrets, x.Read = nil, x.Read&^envoy.SectionSecrets
			},
		},
		asks(edgeCase{
			name: "authz: a certificate without a SPIFFE ID has other names to match", from: "shop/client", to: "server.shop:80", want: "mTLS",
			given: func(w *world) {
				w.find("shop/client").leaf = w.ca.Leaf("shop/client", testca.NoSPIFFE())
				guard(w, rbac("ALLOW", anyone, client))
				ownInbound(w.proxy("shop/server")).Validation.SANs = nil
			},
		}),
	}
}

// TestRefusedBy: a denial names the policies behind it, and nothing else does.
func TestRefusedBy(t *testing.T) {
	anyone, stranger := &envoy.RBACRule{Any: true}, principal("exact", "spiffe://cluster.local/ns/shop/sa/other")
	unnamed := rbac("ALLOW", anyone, stranger)
	unnamed.RBAC.Policies[0].Name = "mine"
	empty := rbac("ALLOW", anyone, stranger)
	empty.RBAC.Policies = nil
	twice := rbac("ALLOW", anyone, stranger)
	twice.RBAC.Policies = append(twice.RBAC.Policies, twice.RBAC.Policies[0])
	named := []kube.Ref{{Kind: "AuthorizationPolicy", Namespace: "shop", Name: "guard"}}
	for name, c := range map[string]struct {
		filter *envoy.Filter
		want   []kube.Ref
	}{
		"a DENY policy that meets the caller":      {rbac("DENY", anyone, anyone), named},
		"a DENY policy that does not":              {rbac("DENY", anyone, stranger), nil},
		"an ALLOW policy that does not take it":    {rbac("ALLOW", anyone, stranger), named},
		"two rules of one policy":                  {twice, named},
		"an ALLOW policy without rules":            {empty, nil},
		"a rule that is not Istio's has no policy": {unnamed, nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := shop(t)
			guard(w, c.filter)
			for _, e := range w.edges("shop/client", "server.shop:80") {
				if diff := cmp.Diff(c.want, e.RefusedBy); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}
