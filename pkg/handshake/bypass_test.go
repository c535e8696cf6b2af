package handshake

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/certs"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// passed is a connection that a filter chain with one DENY rule took.
func passed(rule *envoy.RBACRule) *Edge {
	deny := &envoy.RBAC{Action: "DENY", Enforced: true, Policies: []envoy.RBACPolicy{{
		Name: "ns[shop]-policy[d]-rule[0]", Permissions: []*envoy.RBACRule{{Any: true}}, Principals: []*envoy.RBACRule{rule},
	}}}
	chain := &envoy.FilterChain{Name: "in", Filters: []*envoy.Filter{{RBAC: deny}}}
	proxy := &envoy.Proxy{Listeners: []*envoy.Listener{{Name: "virtualInbound", FilterChains: []*envoy.FilterChain{chain}}}}
	return &Edge{
		Client:  &mesh.Pod{Pod: &kube.Pod{}, Addresses: []netip.Addr{netip.MustParseAddr("10.0.0.1")}},
		Server:  Server{Pod: &mesh.Pod{Pod: &kube.Pod{}, Proxy: proxy}, Address: netip.MustParseAddrPort("10.0.0.2:8080")},
		Inbound: Inbound{Listener: "virtualInbound", Chain: "in"},
	}
}

func named(id string) *envoy.RBACRule {
	return &envoy.RBACRule{Principal: &certs.Matcher{Kind: "exact", Value: id}}
}

func TestEvaded(t *testing.T) {
	const me = "spiffe://td/ns/pay/sa/client"
	engine := &Engine{memo: newMemo()}
	for name, c := range map[string]struct {
		rule           *envoy.RBACRule
		looked, evaded bool
	}{
		"it names the caller":                    {named(me), true, true},
		"it names somebody else":                 {named("spiffe://td/ns/pay/sa/other"), true, false},
		"it excepts the caller":                  {&envoy.RBACRule{Not: named(me)}, false, false},
		"it looks at addresses":                  {&envoy.RBACRule{SourceIPs: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}, false, false},
		"the caller, for some requests":          {&envoy.RBACRule{And: []*envoy.RBACRule{named(me), {HTTP: "path"}}}, true, true},
		"the caller or an address that it has":   {&envoy.RBACRule{Or: []*envoy.RBACRule{named(me), {SourceIPs: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}}}, true, false},
		"anybody with an identity":               {&envoy.RBACRule{Principal: &certs.Matcher{}}, true, true},
		"the caller from an address not its own": {&envoy.RBACRule{And: []*envoy.RBACRule{named(me), {SourceIPs: []netip.Prefix{netip.MustParsePrefix("11.0.0.0/8")}}}}, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			e := passed(c.rule)
			if got := len(engine.Denials(e)) > 0; got != c.looked {
				t.Errorf("looks at identities: %v", got)
			}
			if got := len(engine.Evaded(e, me)) > 0; got != c.evaded {
				t.Errorf("evaded: %v", got)
			}
		})
	}
}

func TestDenialsSayWhatTheyAre(t *testing.T) {
	engine := &Engine{memo: newMemo()}
	want := []Denial{{
		Policy:     kube.Ref{Kind: "AuthorizationPolicy", Namespace: "shop", Name: "d"},
		Rule:       "ns[shop]-policy[d]-rule[0]",
		Principals: []string{"exact spiffe://td/ns/a/sa/b"},
	}}
	if diff := cmp.Diff(want, engine.Denials(passed(named("spiffe://td/ns/a/sa/b")))); diff != "" {
		t.Error(diff)
	}
	e := passed(named("x"))
	e.Inbound.Chain = "another"
	if got := engine.Denials(e); got != nil {
		t.Errorf("%+v", got)
	}
	if policyRef("mine") != (kube.Ref{}) {
		t.Error("a rule that is not Istio's has no policy")
	}
}
