package envoy

import (
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/certs"
)

// principals decodes principals of one policy of a network RBAC filter.
func principals(t *testing.T, list string) ([]*RBACRule, *Proxy) {
	t.Helper()
	f, p := oneFilter(t, networkRBAC, `,"rules":{"policies":{"p":{"permissions":[{"any":true}],"principals":[`+list+`]}}}`)
	return f.RBAC.Policies[0].Principals, p
}

func permissions(t *testing.T, list string) ([]*RBACRule, *Proxy) {
	t.Helper()
	f, p := oneFilter(t, networkRBAC, `,"rules":{"policies":{"p":{"principals":[{"any":true}],"permissions":[`+list+`]}}}`)
	return f.RBAC.Policies[0].Permissions, p
}

func exactly(value string) *certs.Matcher { return &certs.Matcher{Kind: "exact", Value: value} }

func TestPrincipals(t *testing.T) {
	const who = "spiffe://cluster.local/ns/shop/sa/a"
	for _, tc := range []struct {
		name, inside string
		want         RBACRule
	}{
		{"any", `"any":true`, RBACRule{Any: true}},
		{"authenticated", `"authenticated":{"principal_name":{"exact":"` + who + `"}}`, RBACRule{Principal: exactly(who)}},
		{"anybody with a certificate", `"authenticated":{}`, RBACRule{Principal: &certs.Matcher{}}},
		{"filter state of HBONE", `"filter_state":{"string_match":{"exact":"` + who + `"},"key":"io.istio.peer_principal"}`, RBACRule{Principal: exactly(who)}},
		{
			"Istio 1.9 on HTTP", `"metadata":{"filter":"istio_authn","path":[{"key":"source.principal"}],"value":{"string_match":{"exact":"cluster.local/ns/shop/sa/a"}}}`,
			RBACRule{Principal: exactly(who)},
		},
		{
			"Istio 1.9 on HTTP, a namespace", `"metadata":{"filter":"istio_authn","path":[{"key":"source.principal"}],"value":{"string_match":{"safe_regex":{"regex":".*/ns/shop/.*"}}}}`,
			RBACRule{Principal: &certs.Matcher{Kind: "regex", Value: "spiffe://(?:.*/ns/shop/.*)"}},
		},
		{
			"a JWT claim", `"metadata":{"filter":"istio_authn","path":[{"key":"request.auth.claims"},{"key":"iss"}],"value":{"string_match":{"exact":"x"}}}`,
			RBACRule{HTTP: "metadata istio_authn request.auth.claims.iss"},
		},
		{"a header", `"header":{"name":":method","string_match":{"exact":"GET"}}`, RBACRule{HTTP: "header :method"}},
		{"an address", `"remote_ip":{"address_prefix":"10.0.0.0","prefix_len":8}`, RBACRule{SourceIPs: prefixes("10.0.0.0/8")}},
		{"a direct address", `"direct_remote_ip":{"address_prefix":"10.0.0.0","prefix_len":8}`, RBACRule{SourceIPs: prefixes("10.0.0.0/8")}},
		{"not", `"not_id":{"any":true}`, RBACRule{Not: &RBACRule{Any: true}}},
		{"or", `"or_ids":{"ids":[{"any":true},{"authenticated":{}}]}`, RBACRule{Or: []*RBACRule{{Any: true}, {Principal: &certs.Matcher{}}}}},
		{"and", `"and_ids":{"ids":[{"any":true}]}`, RBACRule{And: []*RBACRule{{Any: true}}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, p := principals(t, `{`+tc.inside+`}`)
			diff(t, "principal", &tc.want, got[0])
			silent(t, p)
		})
	}
}

func TestPermissions(t *testing.T) {
	for _, tc := range []struct {
		name, inside string
		want         RBACRule
	}{
		{"a port", `"destination_port":8080`, RBACRule{DestinationPorts: &PortRange{8080, 8081}}},
		{"a range of ports", `"destination_port_range":{"start":1,"end":9}`, RBACRule{DestinationPorts: &PortRange{1, 9}}},
		{"an address", `"destination_ip":{"address_prefix":"::1","prefix_len":128}`, RBACRule{DestinationIPs: prefixes("::1/128")}},
		{"SNI", `"requested_server_name":{"prefix":"a"}`, RBACRule{SNI: &certs.Matcher{Kind: "prefix", Value: "a"}}},
		{"a path", `"url_path":{"path":{"exact":"/"}}`, RBACRule{HTTP: "url path"}},
		{"and, or, not", `"and_rules":{"rules":[{"or_rules":{"rules":[{"not_rule":{"any":true}}]}}]}`, RBACRule{And: []*RBACRule{{Or: []*RBACRule{{Not: &RBACRule{Any: true}}}}}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, p := permissions(t, `{`+tc.inside+`}`)
			diff(t, "permission", &tc.want, got[0])
			silent(t, p)
		})
	}
}

func TestUnmodelledConditionsCanGoEitherWay(t *testing.T) {
	for inside, want := range map[string]string{
		`"custom":{}`: "Principal.custom",
		`"filter_state":{"key":"other","string_match":{"exact":"x"}}`:         "Principal.filter_state other",
		`"filter_state":{"key":"io.istio.peer_principal","address_match":{}}`: "Principal.filter_state io.istio.peer_principal",
		`"authenticated":{"principal_name":{"custom":{}}}`:                    "StringMatcher.custom",
		`"remote_ip":{"address_prefix":"nonsense"}`:                           "Principal.remote_ip",
	} {
		got, p := principals(t, `{`+inside+`}`)
		diff(t, inside, &RBACRule{Unmodelled: want}, got[0])
		if len(p.Unmodelled) == 0 {
			t.Errorf("%s is not counted", inside)
		}
	}
	got, _ := permissions(t, `{"matcher":{"name":"x"}}`)
	diff(t, "permission", &RBACRule{Unmodelled: "Permission.matcher"}, got[0])
}

func TestRBACFilter(t *testing.T) {
	anybody := []*RBACRule{{Any: true}}
	policy := func(name string) string {
		return `"` + name + `":{"permissions":[{"any":true}],"principals":[{"any":true}]}`
	}
	for _, tc := range []struct {
		name, inside string
		want         *RBAC
	}{
		{"no rules enforce nothing", ``, &RBAC{Action: "ALLOW"}},
		{"an empty ALLOW denies everybody", `,"rules":{}`, &RBAC{Action: "ALLOW", Enforced: true}},
		{"DENY, policies in Envoy's order", `,"rules":{"action":1,"policies":{` + policy("b") + `,` + policy("a") + `}}`, &RBAC{
			Action: "DENY", Enforced: true, Policies: []RBACPolicy{{"a", anybody, anybody}, {"b", anybody, anybody}},
		}},
		{"a dry run", `,"shadow_rules":{"action":"DENY","policies":{` + policy("a") + `}}`, &RBAC{Action: "DENY", Policies: []RBACPolicy{{"a", anybody, anybody}}}},
		{"rules beside a dry run", `,"shadow_rules":{"action":"DENY"},"rules":{"action":"LOG"}`, &RBAC{Action: "LOG", Enforced: true}},
		{"a dry run after the rules", `,"rules":{"action":"LOG"},"shadow_rules":{"action":"DENY"}`, &RBAC{Action: "LOG", Enforced: true}},
		{"a matcher tree", `,"matcher":{"matcher_tree":{}}`, &RBAC{Action: "ALLOW", Enforced: true, Unmodelled: []string{"RBAC.matcher"}}},
		{"a CEL condition", `,"rules":{"policies":{"a":{"condition":{}}}}`, &RBAC{Action: "ALLOW", Enforced: true, Policies: []RBACPolicy{{Name: "a"}}, Unmodelled: []string{"RBAC.Policy.condition"}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			network, _ := oneFilter(t, networkRBAC, tc.inside)
			diff(t, "network filter", tc.want, network.RBAC)
			manager, _ := oneFilter(t, hcmMessage, `,"http_filters":[{"name":"x","typed_config":{`+typeOf(httpRBAC)+tc.inside+`}}]`)
			diff(t, "HTTP filter", tc.want, manager.HTTPFilters[0].RBAC)
		})
	}
}
