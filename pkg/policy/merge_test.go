package policy_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/policy"
)

func subsetOf(name string) policy.Query {
	q := fromPay
	q.Subset = name
	return q
}

func TestMerge(t *testing.T) {
	tests := []lookup{
		{
			name: "dr-duplicate-host: the older policy counts",
			rules: []*kube.DestinationRule{
				rule(meta("shop", "new", 1), server, tls("SIMPLE")),
				rule(meta("shop", "old", 0), "server", tls("DISABLE")),
			},
			want:     "DISABLE from shop/old (spec.trafficPolicy.tls.mode)",
			shadowed: []string{"shop/new spec.trafficPolicy younger: merged after shop/old, whose trafficPolicy counts"},
		},
		{
			name: "the first policy counts, though it has no tls",
			rules: []*kube.DestinationRule{
				rule(meta("shop", "old", 0), server, limits),
				rule(meta("shop", "new", 1), server, tls("DISABLE")),
			},
			want:     "no tls from shop/old",
			shadowed: []string{"shop/new spec.trafficPolicy younger: merged after shop/old, whose trafficPolicy counts"},
		},
		{
			name: "a rule of subsets alone takes the policy of the next",
			rules: []*kube.DestinationRule{
				rule(meta("shop", "subsets", 0), server, subset("v1", nil)),
				rule(meta("shop", "tls", 1), server, tls("DISABLE")),
			},
			query: subsetOf("v1"),
			want:  "DISABLE from shop/tls (spec.trafficPolicy.tls.mode)",
		},
		{
			name: "subsets are joined",
			rules: []*kube.DestinationRule{
				rule(meta("shop", "old", 0), server, tls("DISABLE"), subset("v1", nil)),
				rule(meta("shop", "new", 1), server, subset("v0", nil), subset("v2", mode("SIMPLE"))),
			},
			query: subsetOf("v2"),
			want:  "SIMPLE from shop/new (spec.subsets[1].trafficPolicy.tls.mode)",
		},
		{
			name: "the older of two subsets counts",
			rules: []*kube.DestinationRule{
				rule(meta("shop", "old", 0), server, subset("v1", mode("DISABLE"))),
				rule(meta("shop", "new", 1), server, subset("v1", mode("SIMPLE"))),
			},
			query:    subsetOf("v1"),
			want:     "DISABLE from shop/old (spec.subsets[0].trafficPolicy.tls.mode)",
			shadowed: []string{"shop/new spec.subsets[0] younger: merged after shop/old, whose subset v1 counts"},
		},
		{
			name: "wildcards of one host merge, hosts do not",
			rules: []*kube.DestinationRule{
				rule(meta("shop", "a", 0), "*.local", limits),
				rule(meta("shop", "b", 0), "*.shop.svc.cluster.local", subset("v1", nil)),
			},
			want:     "no tls from shop/b",
			shadowed: []string{"shop/a less-specific: less specific than *.shop.svc.cluster.local"},
		},
		{
			name: "another exportTo is kept apart, and the last wins",
			rules: []*kube.DestinationRule{
				rule(meta("shop", "old", 0), server, tls("DISABLE")),
				rule(meta("shop", "new", 1), server, tls("SIMPLE"), exportTo("*")),
			},
			want:     "SIMPLE from shop/new (spec.trafficPolicy.tls.mode)",
			shadowed: []string{"shop/old other-export: its exportTo differs from that of shop/new, which istiod prefers as the last in order of age"},
		},
		{
			name: "absorbed by a rule that is not exported, beside one that is",
			rules: []*kube.DestinationRule{
				rule(meta("shop", "a", 0), server, tls("DISABLE"), exportTo("ops")),
				rule(meta("shop", "b", 1), server, tls("SIMPLE"), exportTo("ops", "pay")),
				rule(meta("shop", "c", 2), server, tls("ISTIO_MUTUAL"), exportTo("pay")),
			},
			want: "ISTIO_MUTUAL from shop/c (spec.trafficPolicy.tls.mode)",
			shadowed: []string{
				"shop/a not-exported: not exported to namespace pay",
				"shop/b export-absorbed: istiod merges it into shop/a, which is not exported to namespace pay",
			},
		},
		{
			name: "a wider exportTo is merged, and lost to those whom only it names",
			rules: []*kube.DestinationRule{
				rule(meta("shop", "old", 0), server, tls("DISABLE"), exportTo("ops")),
				rule(meta("shop", "new", 1), server, tls("SIMPLE"), exportTo("ops", "pay")),
			},
			want: "no DestinationRule applies",
			shadowed: []string{
				"shop/old not-exported: not exported to namespace pay",
				"shop/new export-absorbed: istiod merges it into shop/old, which is not exported to namespace pay",
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, tt.run)
	}
}

// TestNamed: Envoy's metadata names the oldest of the merged rules, whichever has the field.
func TestNamed(t *testing.T) {
	rules := []*kube.DestinationRule{
		rule(meta("shop", "tls", 1), server, tls("DISABLE")),
		rule(meta("shop", "subsets", 0), server, subset("v1", nil)),
	}
	got := policy.NewDestinationRules(rules, policy.Config{RootNamespace: root}).Effective(fromPay)
	if got.Named != rules[1] || got.Rule != rules[0] || got.TLS != rules[0].Spec.TrafficPolicy.TLS {
		t.Errorf("named %v, rule %v", got.Named.Key(), got.Rule.Key())
	}
	if diff := cmp.Diff([]*kube.DestinationRule{rules[1], rules[0]}, got.Merged); diff != "" {
		t.Errorf("merged (-want +got):\n%s", diff)
	}
	if got.Host != server {
		t.Errorf("host %q", got.Host)
	}
}

func TestWorkloadSelector(t *testing.T) {
	plain := rule(meta("pay", "plain", 0), server, tls("ISTIO_MUTUAL"))
	mine := rule(meta("pay", "mine", 1), server, tls("SIMPLE"), forWorkloads("app", "client"))
	theirs := rule(meta("pay", "theirs", 1), server, tls("DISABLE"), forWorkloads("app", "other"))
	tests := []lookup{
		{
			name:     "a rule for the client's workload comes first, be it younger",
			rules:    []*kube.DestinationRule{plain, mine},
			want:     "SIMPLE from pay/mine (spec.trafficPolicy.tls.mode)",
			shadowed: []string{"pay/plain workload-preferred: pay/mine selects the client"},
		},
		{
			name:     "a rule for another workload does not count",
			rules:    []*kube.DestinationRule{plain, theirs},
			want:     "ISTIO_MUTUAL from pay/plain (spec.trafficPolicy.tls.mode)",
			shadowed: []string{"pay/theirs workload-mismatch: its workloadSelector does not select the client"},
		},
		{
			name: "dr-workloadselector-shadow",
			rules: []*kube.DestinationRule{
				theirs,
				rule(meta("shop", "server", 0), server, tls("DISABLE")),
			},
			want: "no DestinationRule applies",
			shadowed: []string{
				"pay/theirs workload-mismatch: its workloadSelector does not select the client",
				"shop/server other-namespace: the search ended in namespace pay with host " + server,
			},
		},
		{
			name:     "a selector keeps a rule at home",
			rules:    []*kube.DestinationRule{rule(meta("shop", "server", 0), server, tls("DISABLE"), forWorkloads("app", "client"), exportTo("*"))},
			want:     "no DestinationRule applies",
			shadowed: []string{"shop/server not-exported: not exported to namespace pay"},
		},
		{
			name:  "an empty selector selects all of its namespace",
			rules: []*kube.DestinationRule{rule(meta("pay", "all", 0), server, tls("DISABLE"), forWorkloads())},
			want:  "DISABLE from pay/all (spec.trafficPolicy.tls.mode)",
		},
		{
			name: "selectors that are equal merge",
			rules: []*kube.DestinationRule{
				mine,
				rule(meta("pay", "second", 2), server, tls("DISABLE"), forWorkloads("app", "client"), subset("v1", nil)),
			},
			query:    subsetOf("v1"),
			want:     "SIMPLE from pay/mine (spec.trafficPolicy.tls.mode)",
			shadowed: []string{"pay/second spec.trafficPolicy younger: merged after pay/mine, whose trafficPolicy counts"},
		},
		{
			name: "selectors that differ do not, the older wins",
			rules: []*kube.DestinationRule{
				mine,
				rule(meta("pay", "second", 2), server, tls("DISABLE"), forWorkloads()),
			},
			want:     "SIMPLE from pay/mine (spec.trafficPolicy.tls.mode)",
			shadowed: []string{"pay/second younger: younger than pay/mine, which selects the client too"},
		},
		{
			name: "a private rule without selector vanishes in one with",
			rules: []*kube.DestinationRule{
				theirs,
				rule(meta("pay", "private", 0), server, tls("ISTIO_MUTUAL"), exportTo(".")),
			},
			want: "no DestinationRule applies",
			shadowed: []string{
				"pay/theirs workload-mismatch: its workloadSelector does not select the client",
				"pay/private selector-absorbed: istiod merges it into pay/theirs, which selects other workloads",
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, tt.run)
	}
}
