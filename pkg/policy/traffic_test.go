package policy_test

import (
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/policy"
)

// effective resolves one rule of the server.
func effective(q policy.Query, edit ...func(*kube.DestinationRule)) policy.ClientTLS {
	r := rule(meta("shop", "server", 0), server, edit...)
	return policy.NewDestinationRules([]*kube.DestinationRule{r}, policy.Config{RootNamespace: root}).Effective(q)
}

func ports(base *kube.TrafficPolicy, entries ...kube.PortTrafficPolicy) *kube.TrafficPolicy {
	base.PortLevelSettings = entries
	return base
}

func TestTrafficPolicy(t *testing.T) {
	const drops = "no tls from shop/server: spec.trafficPolicy.portLevelSettings[0] replaces spec.trafficPolicy.tls"
	tests := []struct {
		name  string
		rule  []func(*kube.DestinationRule)
		query policy.Query
		want  string
		marks policy.TLSMode // how endpoints are marked
	}{
		{
			name: "top level", query: fromPay, rule: []func(*kube.DestinationRule){tls("ISTIO_MUTUAL")},
			want: "ISTIO_MUTUAL from shop/server (spec.trafficPolicy.tls.mode)", marks: "ISTIO_MUTUAL",
		},
		{
			name: "dr-tls-no-mode", query: fromPay, rule: []func(*kube.DestinationRule){tls("")},
			want: "DISABLE from shop/server (spec.trafficPolicy.tls)", marks: "DISABLE",
		},
		{
			name: "an unknown mode is not guessed", query: fromPay, rule: []func(*kube.DestinationRule){tls("QUANTUM")},
			want: "UNKNOWN from shop/server (spec.trafficPolicy.tls.mode)", marks: "UNKNOWN",
		},
		{
			name: "a port's own tls", query: fromPay, rule: []func(*kube.DestinationRule){tls("ISTIO_MUTUAL"), portTLS(443, "SIMPLE"), portTLS(80, "DISABLE")},
			want: "DISABLE from shop/server (spec.trafficPolicy.portLevelSettings[1].tls.mode)", marks: "DISABLE",
		},
		{
			name: "dr-portlevel-drops-tls", query: fromPay, rule: []func(*kube.DestinationRule){tls("ISTIO_MUTUAL"), portTLS(80, "-")},
			want: drops, marks: "ISTIO_MUTUAL",
		},
		{
			name: "dr-port-vs-targetport", query: fromPay, rule: []func(*kube.DestinationRule){tls("ISTIO_MUTUAL"), portTLS(8080, "DISABLE")},
			want: "ISTIO_MUTUAL from shop/server (spec.trafficPolicy.tls.mode)", marks: "ISTIO_MUTUAL",
		},
		{
			name: "the first entry of a port counts", query: fromPay, rule: []func(*kube.DestinationRule){tls("ISTIO_MUTUAL"), portTLS(80, "-"), portTLS(80, "DISABLE")},
			want: drops, marks: "DISABLE",
		},
		{
			name: "an entry without port matches none", query: policy.Query{ClientNamespace: "pay", ServiceNamespace: "shop", Host: server},
			rule: []func(*kube.DestinationRule){tls("SIMPLE"), portTLS(0, "DISABLE")},
			want: "SIMPLE from shop/server (spec.trafficPolicy.tls.mode)", marks: "DISABLE",
		},
		{
			name: "a subset inherits", query: subsetOf("v1"), rule: []func(*kube.DestinationRule){tls("SIMPLE"), subset("v1", nil)},
			want: "SIMPLE from shop/server (spec.trafficPolicy.tls.mode)", marks: "SIMPLE",
		},
		{
			name: "a subset without tls inherits", query: subsetOf("v1"), rule: []func(*kube.DestinationRule){tls("SIMPLE"), subset("v1", &kube.TrafficPolicy{})},
			want: "SIMPLE from shop/server (spec.trafficPolicy.tls.mode)", marks: "SIMPLE",
		},
		{
			name: "dr-subset-tls", query: subsetOf("v1"), rule: []func(*kube.DestinationRule){tls("ISTIO_MUTUAL"), subset("v0", nil), subset("v1", mode("DISABLE"))},
			want: "DISABLE from shop/server (spec.subsets[1].trafficPolicy.tls.mode)", marks: "DISABLE",
		},
		{
			name: "a subset's tls beats the rule's port", query: subsetOf("v1"), rule: []func(*kube.DestinationRule){portTLS(80, "SIMPLE"), subset("v1", mode("DISABLE"))},
			want: "DISABLE from shop/server (spec.subsets[0].trafficPolicy.tls.mode)", marks: "DISABLE",
		},
		{
			name: "a subset's port", query: subsetOf("v1"), rule: []func(*kube.DestinationRule){tls("SIMPLE"), subset("v1", ports(mode("ISTIO_MUTUAL"), portEntry(80, "DISABLE")))},
			want: "DISABLE from shop/server (spec.subsets[0].trafficPolicy.portLevelSettings[0].tls.mode)", marks: "DISABLE",
		},
		{
			name: "a subset's port drops the subset's tls", query: subsetOf("v1"), rule: []func(*kube.DestinationRule){tls("SIMPLE"), subset("v1", ports(mode("ISTIO_MUTUAL"), portEntry(80, "-")))},
			want:  "no tls from shop/server: spec.subsets[0].trafficPolicy.portLevelSettings[0] replaces spec.subsets[0].trafficPolicy.tls",
			marks: "ISTIO_MUTUAL",
		},
		{
			name: "a subset's port drops the rule's tls", query: subsetOf("v1"), rule: []func(*kube.DestinationRule){tls("SIMPLE"), subset("v1", ports(&kube.TrafficPolicy{}, portEntry(80, "-")))},
			want:  "no tls from shop/server: spec.subsets[0].trafficPolicy.portLevelSettings[0] replaces spec.trafficPolicy.tls",
			marks: "SIMPLE",
		},
		{
			name: "what the rule's port dropped stays dropped in a subset", query: subsetOf("v1"), rule: []func(*kube.DestinationRule){tls("ISTIO_MUTUAL"), portTLS(80, "-"), subset("v1", nil)},
			want: drops, marks: "ISTIO_MUTUAL",
		},
		{
			name: "and if the subset has an entry for the port too", query: subsetOf("v1"), rule: []func(*kube.DestinationRule){tls("ISTIO_MUTUAL"), portTLS(80, "-"), subset("v1", ports(&kube.TrafficPolicy{}, portEntry(80, "-")))},
			want: drops, marks: "ISTIO_MUTUAL",
		},
		{
			name: "a subset without a policy of the rule", query: subsetOf("v1"), rule: []func(*kube.DestinationRule){subset("v1", mode("SIMPLE"))},
			want: "SIMPLE from shop/server (spec.subsets[0].trafficPolicy.tls.mode)", marks: "SIMPLE",
		},
		{
			name: "a subset that is not there", query: subsetOf("v9"), rule: []func(*kube.DestinationRule){tls("SIMPLE"), subset("v1", nil)},
			want: "shop/server does not define the subset", marks: "",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := effective(tt.query, tt.rule...)
			if got.String() != tt.want {
				t.Errorf("got  %s\nwant %s\nsteps %q", got, tt.want, got.Steps)
			}
			if got.EndpointMode != tt.marks {
				t.Errorf("endpoints are marked by %q, want %q", got.EndpointMode, tt.marks)
			}
		})
	}
}

// TestPassthrough: dr-passthrough-lb. A subset cannot take PASSTHROUGH back, and istiod looks
// at the endpoints only where PASSTHROUGH stands at the top of the policy in question.
func TestPassthrough(t *testing.T) {
	lb := func(name string) *kube.TrafficPolicy {
		return &kube.TrafficPolicy{LoadBalancer: &kube.LoadBalancer{Simple: name}}
	}
	onPort80 := func(name string) func(*kube.DestinationRule) {
		return func(r *kube.DestinationRule) {
			policyOf(r).PortLevelSettings = []kube.PortTrafficPolicy{{
				Port: kube.PortSelector{Number: 80}, LoadBalancer: &kube.LoadBalancer{Simple: name},
			}}
		}
	}
	tests := []struct {
		name                    string
		rule                    []func(*kube.DestinationRule)
		subset, lb              string
		passthrough, byEndpoint bool
	}{
		{name: "none", rule: []func(*kube.DestinationRule){balance("RANDOM")}, lb: "RANDOM"},
		{name: "top", rule: []func(*kube.DestinationRule){balance("PASSTHROUGH")}, lb: "PASSTHROUGH", passthrough: true, byEndpoint: true},
		{name: "port", rule: []func(*kube.DestinationRule){onPort80("PASSTHROUGH")}, lb: "PASSTHROUGH", passthrough: true},
		{name: "taken back by the port", rule: []func(*kube.DestinationRule){balance("PASSTHROUGH"), onPort80("RANDOM")}, lb: "RANDOM", byEndpoint: true},
		{name: "inherited", rule: []func(*kube.DestinationRule){balance("PASSTHROUGH"), subset("v1", nil)}, subset: "v1", lb: "PASSTHROUGH", passthrough: true},
		{name: "not taken back", rule: []func(*kube.DestinationRule){balance("PASSTHROUGH"), subset("v1", lb("RANDOM"))}, subset: "v1", lb: "RANDOM", passthrough: true},
		{name: "subset", rule: []func(*kube.DestinationRule){subset("v1", lb("PASSTHROUGH"))}, subset: "v1", lb: "PASSTHROUGH", passthrough: true, byEndpoint: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := effective(subsetOf(tt.subset), tt.rule...)
			if got.LoadBalancer != tt.lb || got.Passthrough != tt.passthrough || got.EndpointsDecide != tt.byEndpoint {
				t.Errorf("got %q passthrough %v by endpoint %v", got.LoadBalancer, got.Passthrough, got.EndpointsDecide)
			}
		})
	}
}
