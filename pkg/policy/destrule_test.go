package policy_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/policy"
)

const server = "server.shop.svc.cluster.local"

// fromPay asks for port 80 of the server in shop, for app=client in pay.
var fromPay = policy.Query{
	ClientNamespace: "pay", ClientLabels: map[string]string{"app": "client"},
	ServiceNamespace: "shop", Host: server, Port: 80,
}

func from(namespace string) policy.Query {
	q := fromPay
	q.ClientNamespace = namespace
	return q
}

// lookup is a case of the search: which rule decides, and what became of the others.
type lookup struct {
	name     string
	rules    []*kube.DestinationRule
	cfg      policy.Config // RootNamespace is set
	query    policy.Query  // fromPay when zero
	want     string
	shadowed []string
}

func (l lookup) run(t *testing.T) {
	t.Helper()
	l.cfg.RootNamespace = root
	if l.query.Host == "" {
		l.query = fromPay
	}
	got := policy.NewDestinationRules(l.rules, l.cfg).Effective(l.query)
	if got.String() != l.want {
		t.Errorf("got  %s\nwant %s\nsteps %q", got, l.want, got.Steps)
	}
	var shadowed []string
	for _, s := range got.Shadowed {
		shadowed = append(shadowed, sentence(s.Resource.Key(), s.Field, s.Reason, s.Why))
	}
	if diff := cmp.Diff(l.shadowed, shadowed); diff != "" {
		t.Errorf("shadowed (-want +got):\n%s", diff)
	}
	if len(got.Steps) == 0 {
		t.Error("no derivation")
	}
}

func TestLookupOrder(t *testing.T) {
	tests := []lookup{
		{name: "no rule", want: "no DestinationRule applies"},
		{
			name:  "a rule for another host",
			rules: []*kube.DestinationRule{rule(meta("shop", "other", 0), "other.shop.svc.cluster.local", tls("DISABLE"))},
			want:  "no DestinationRule applies",
		},
		{
			name: "dr-client-ns-shadow",
			rules: []*kube.DestinationRule{
				rule(meta(root, "mesh", 0), "*.local", tls("ISTIO_MUTUAL")),
				rule(meta("shop", "shop", 0), "*.shop.svc.cluster.local", tls("ISTIO_MUTUAL")),
				rule(meta("pay", "limits", 0), "*", limits),
			},
			want: "no tls from pay/limits",
			shadowed: []string{
				"shop/shop other-namespace: the search ended in namespace pay with host *",
				"istio-system/mesh other-namespace: the search ended in namespace pay with host *",
			},
		},
		{
			name: "the service's namespace before the root's",
			rules: []*kube.DestinationRule{
				rule(meta(root, "mesh", 0), server, tls("ISTIO_MUTUAL")),
				rule(meta("shop", "shop", 0), "*.local", tls("DISABLE")),
			},
			want:     "DISABLE from shop/shop (spec.trafficPolicy.tls.mode)",
			shadowed: []string{"istio-system/mesh other-namespace: the search ended in namespace shop with host *.local"},
		},
		{
			name:  "the root namespace is the last",
			rules: []*kube.DestinationRule{rule(meta(root, "mesh", 0), "*.local", tls("ISTIO_MUTUAL"))},
			want:  "ISTIO_MUTUAL from istio-system/mesh (spec.trafficPolicy.tls.mode)",
		},
		{
			name:     "a namespace that is never searched",
			rules:    []*kube.DestinationRule{rule(meta("ops", "server", 0), server, tls("DISABLE"))},
			want:     "no DestinationRule applies",
			shadowed: []string{"ops/server other-namespace: namespace ops is neither the client's, the service's nor the root namespace"},
		},
		{
			name:     "without the service's namespace it is not searched",
			rules:    []*kube.DestinationRule{rule(meta("shop", "server", 0), server, tls("DISABLE"))},
			query:    policy.Query{ClientNamespace: "pay", Host: server, Port: 80},
			want:     "no DestinationRule applies",
			shadowed: []string{"shop/server other-namespace: namespace shop is neither the client's, the service's nor the root namespace"},
		},
		{
			name: "clients of the root namespace look there last",
			rules: []*kube.DestinationRule{
				rule(meta(root, "mesh", 0), "*.local", tls("ISTIO_MUTUAL")),
				rule(meta("shop", "server", 0), server, tls("DISABLE")),
			},
			query:    from(root),
			want:     "DISABLE from shop/server (spec.trafficPolicy.tls.mode)",
			shadowed: []string{"istio-system/mesh other-namespace: the search ended in namespace shop with host server.shop.svc.cluster.local"},
		},
		{
			name: "but for private rules",
			rules: []*kube.DestinationRule{
				rule(meta(root, "gateways", 0), "*.local", tls("SIMPLE"), exportTo(".")),
				rule(meta("shop", "server", 0), server, tls("DISABLE")),
			},
			query:    from(root),
			want:     "SIMPLE from istio-system/gateways (spec.trafficPolicy.tls.mode)",
			shadowed: []string{"shop/server other-namespace: the search ended in namespace istio-system with host *.local"},
		},
		{
			name: "which hide its public ones",
			rules: []*kube.DestinationRule{
				rule(meta(root, "gateways", 0), "*", tls("SIMPLE"), exportTo(".")),
				rule(meta(root, "mesh", 0), server, tls("ISTIO_MUTUAL")),
			},
			query:    from(root),
			want:     "SIMPLE from istio-system/gateways (spec.trafficPolicy.tls.mode)",
			shadowed: []string{"istio-system/mesh other-export: clients of the root namespace look at its private rules first"},
		},
		{
			name:     "rules of another revision",
			rules:    []*kube.DestinationRule{rule(meta("shop", "server", 0), server, tls("DISABLE"), canary)},
			query:    revision("stable"),
			want:     "no DestinationRule applies",
			shadowed: []string{`shop/server other-revision: istio.io/rev "canary" hides it from other revisions`},
		},
		{
			name:  "rules of the same revision",
			rules: []*kube.DestinationRule{rule(meta("shop", "server", 0), server, tls("DISABLE"), canary)},
			query: revision("canary"),
			want:  "DISABLE from shop/server (spec.trafficPolicy.tls.mode)",
		},
		{
			name:  "an istiod without revision reads all, and a nil rule is no rule",
			rules: []*kube.DestinationRule{nil, rule(meta("shop", "server", 0), server, tls("DISABLE"), canary)},
			want:  "DISABLE from shop/server (spec.trafficPolicy.tls.mode)",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, tt.run)
	}
}

func revision(rev string) policy.Query {
	q := fromPay
	q.Revision = rev
	return q
}

func TestHostMatch(t *testing.T) {
	disable := func(name, host string) *kube.DestinationRule {
		return rule(meta("shop", name, 0), host, tls("DISABLE"))
	}
	external := policy.Query{ClientNamespace: "pay", ServiceNamespace: "shop", Host: "*.example.com", Port: 443}
	tests := []lookup{
		{
			name:     "exact before wildcard, the longest wildcard first",
			rules:    []*kube.DestinationRule{disable("all", "*"), disable("local", "*.local"), disable("shop", "*.shop.svc.cluster.local"), disable("server", server)},
			want:     "DISABLE from shop/server (spec.trafficPolicy.tls.mode)",
			shadowed: []string{"shop/shop less-specific: less specific than " + server, "shop/local less-specific: less specific than " + server, "shop/all less-specific: less specific than " + server},
		},
		{
			name:     "a wildcard may end in the middle of a label",
			rules:    []*kube.DestinationRule{disable("all", "*"), disable("suffix", "*ver.shop.svc.cluster.local")},
			want:     "DISABLE from shop/suffix (spec.trafficPolicy.tls.mode)",
			shadowed: []string{"shop/all less-specific: less specific than *ver.shop.svc.cluster.local"},
		},
		{
			name:  "dr-short-host: in the rule's namespace",
			rules: []*kube.DestinationRule{disable("short", "server")},
			want:  "DISABLE from shop/short (spec.trafficPolicy.tls.mode)",
		},
		{
			name:  "dr-short-host: not in the client's",
			rules: []*kube.DestinationRule{rule(meta("pay", "short", 0), "server", tls("DISABLE"))},
			want:  "no DestinationRule applies",
		},
		{
			name:  "dr-short-host: with a dot it is taken as it is",
			rules: []*kube.DestinationRule{disable("dotted", "server.shop"), disable("svc", "server.shop.svc")},
			want:  "no DestinationRule applies",
		},
		{
			name:  "another domain",
			rules: []*kube.DestinationRule{disable("short", "server")},
			cfg:   policy.Config{Domain: "corp.example"},
			query: policy.Query{ClientNamespace: "pay", ServiceNamespace: "shop", Host: "server.shop.svc.corp.example", Port: 80},
			want:  "DISABLE from shop/short (spec.trafficPolicy.tls.mode)",
		},
		{
			name:  "an IPv6 address is no short name",
			rules: []*kube.DestinationRule{disable("ip", "fd00::1")},
			query: policy.Query{ClientNamespace: "pay", ServiceNamespace: "shop", Host: "fd00::1", Port: 80},
			want:  "DISABLE from shop/ip (spec.trafficPolicy.tls.mode)",
		},
		{
			name:     "a wildcard service is matched by wildcards alone",
			rules:    []*kube.DestinationRule{disable("com", "*.com"), disable("same", "*.example.com"), disable("exact", "www.example.com")},
			query:    external,
			want:     "DISABLE from shop/same (spec.trafficPolicy.tls.mode)",
			shadowed: []string{"shop/com less-specific: less specific than *.example.com"},
		},
		{
			name:  "dr-wildcard-external",
			rules: []*kube.DestinationRule{rule(meta(root, "all", 0), "*", tls("ISTIO_MUTUAL"))},
			query: policy.Query{ClientNamespace: "pay", ServiceNamespace: "pay", Host: "api.partner.example", Port: 443},
			want:  "ISTIO_MUTUAL from istio-system/all (spec.trafficPolicy.tls.mode)",
		},
		{
			name:  "no host, no match",
			rules: []*kube.DestinationRule{disable("none", "")},
			want:  "no DestinationRule applies",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, tt.run)
	}
}

func TestExportTo(t *testing.T) {
	fallback := rule(meta(root, "mesh", 0), "*.local", tls("ISTIO_MUTUAL"), exportTo("*"))
	fromMesh := "ISTIO_MUTUAL from istio-system/mesh (spec.trafficPolicy.tls.mode)"
	fromShop := "DISABLE from shop/server (spec.trafficPolicy.tls.mode)"
	hidden := []string{"shop/server not-exported: not exported to namespace pay"}
	beaten := []string{"istio-system/mesh other-namespace: the search ended in namespace shop with host " + server}
	one := func(to ...string) []*kube.DestinationRule {
		return []*kube.DestinationRule{fallback, rule(meta("shop", "server", 0), server, tls("DISABLE"), exportTo(to...))}
	}
	tests := []lookup{
		{name: "default", rules: one(), want: fromShop, shadowed: beaten},
		{name: "star", rules: one("*"), want: fromShop, shadowed: beaten},
		{name: "the client's namespace", rules: one("ops", "pay"), want: fromShop, shadowed: beaten},
		{name: "dr-not-exported: own namespace only", rules: one("."), want: fromMesh, shadowed: hidden},
		{name: "dr-not-exported: own namespace by name", rules: one("shop"), want: fromMesh, shadowed: hidden},
		{name: "dr-not-exported: another", rules: one("ops"), want: fromMesh, shadowed: hidden},
		{name: "dr-not-exported: the mesh's default", rules: one(), cfg: policy.Config{DefaultExportTo: []string{"."}}, want: fromMesh, shadowed: hidden},
		{name: "other defaults count as public", rules: one(), cfg: policy.Config{DefaultExportTo: []string{"ops"}}, want: fromShop, shadowed: beaten},
		{name: "an empty default too", rules: one(), cfg: policy.Config{DefaultExportTo: []string{}}, want: fromShop, shadowed: beaten},
		{name: "private, for a client at home", rules: one("."), query: from("shop"), want: fromShop, shadowed: beaten},
		{name: "by name, for a client at home", rules: one("shop", "pay"), query: from("shop"), want: fromShop, shadowed: beaten},
		{
			name: "exported away, even from home", rules: one("pay"), query: from("shop"), want: fromMesh,
			shadowed: []string{"shop/server not-exported: not exported to namespace shop"},
		},
		{
			name: "a more specific rule hides the others although it is not exported",
			rules: []*kube.DestinationRule{
				rule(meta("shop", "wide", 0), "*.shop.svc.cluster.local", tls("SIMPLE")),
				rule(meta("shop", "server", 0), server, tls("DISABLE"), exportTo("ops")),
			},
			want: "no DestinationRule applies",
			shadowed: []string{
				"shop/server not-exported: not exported to namespace pay",
				"shop/wide less-specific: less specific than " + server + " of the same namespace, though that is not exported to namespace pay",
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, tt.run)
	}
}
