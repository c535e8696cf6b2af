package checks

import (
	"slices"
	"strings"
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// Alone in the catalogue it must tell of every failure of a recording, and group them.
func TestUnexplainedFailure(t *testing.T) {
	r := record(t, "03-dr-disable-vs-strict")
	res := r.judge(mtd399)
	told := map[*handshake.Edge]bool{}
	for _, f := range res.Findings {
		for _, e := range f.Edges {
			told[e] = true
			if e.Reason != f.Edges[0].Reason || destination(e) != f.Subject {
				t.Errorf("%s is among those of %s", e.Why, f.Title)
			}
			if f.Severity == diagnose.Error && e.Client.Workload != f.Edges[0].Client.Workload {
				t.Errorf("%s: several clients", f.Title)
			}
		}
	}
	for _, e := range res.Edges() {
		if failed := e.Verdict == handshake.Fails || e.Verdict == handshake.Denied; failed != told[e] {
			t.Errorf("%s: told of %v", e.Why, told[e])
		}
	}
	has(t, lines(res.Findings), "error Deployment shop/server [] 2: calls from shop/client to server.shop fail: ")
	has(t, lines(res.Findings), "info Deployment shop/server [] ")
}

func TestUnexplainedFailureRunsLast(t *testing.T) {
	r := record(t, "03-dr-disable-vs-strict")
	for _, f := range r.judge(mtd399, mtd301, mtd601).Findings {
		if f.Check == mtd399 {
			t.Errorf("explained already: %s", f.Title)
		}
	}
}

// A denial, and what has nothing to do with TLS, are notes: one a server and reason.
func TestUnexplainedNotes(t *testing.T) {
	denied := record(t, "17-authz-principal-plaintext").judge(mtd399).Findings
	i := slices.IndexFunc(denied, func(f *diagnose.Finding) bool { return f.Edges[0].Verdict == handshake.Denied })
	if i < 0 || denied[i].Severity != diagnose.Info || !strings.Contains(denied[i].Title, "connect and are refused by AuthorizationPolicy shop/") {
		t.Fatalf("%s", lines(denied))
	}
	policy := denied[i].Edges[0].RefusedBy[0]
	if got, want := denied[i].Fixes[0].Command, "kubectl -n shop get authorizationpolicy "+policy.Name+" -o yaml"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := readPolicies(denied[i].Edges[0], nil)[0].Command; got != "kubectl -n shop get authorizationpolicies.security.istio.io -o yaml" {
		t.Errorf("a policy without rules has no name in Envoy's config: %s", got)
	}

	r := record(t, "02-permissive-default")
	p := r.proxy("shop/client")
	for name := range p.Endpoints {
		if strings.Contains(name, "server.shop") {
			p.Endpoints[name] = nil
		}
	}
	has(t, r.says(mtd399), "info Service shop/server [] 3: calls from shop/client to server.shop fail, and mutual TLS is not the cause: ")
}

// An outsider's failure is an error for who asks about it.
func TestUnexplainedOutsider(t *testing.T) {
	r := record(t, healthy)
	for _, asked := range []string{"", "naked"} {
		r.asked = asked
		for _, f := range r.judge(mtd399).Findings {
			c := f.Edges[0].Client
			if want := c.Workload.Name == asked; outsider(f.Edges[0]) && (f.Severity == diagnose.Error) != want {
				t.Errorf("asked for %q: %s %s", asked, f.Severity, f.Title)
			}
		}
	}
}

func TestUnexplainedQuietAndBlind(t *testing.T) {
	record(t, "02-permissive-default").quiet(mtd399)
	r := record(t, healthy)
	r.Proxies = nil
	r.blind(mtd399, diagnose.Proxies)
}

// istiod has no proxy, and calls no workload.
func TestIstiodsCallsAreNotTold(t *testing.T) {
	r := record(t, healthy)
	has(t, r.says(mtd399), "from legacy/naked, ")
	for _, pod := range r.pods("naked") {
		pod.Labels["app"] = "istiod"
	}
	if got := r.says(mtd399); strings.Contains(got, "legacy/naked") {
		t.Error(got)
	}
}

// The one EnvoyFilter that changes what decides is to blame, and once, whoever calls.
func TestUnexplainedByAnEnvoyFilter(t *testing.T) {
	r := record(t, healthy)
	for _, l := range r.proxy("shop/server").Listeners {
		l.Filters = slices.DeleteFunc(slices.Clone(l.Filters), func(f envoy.ListenerFilter) bool { return f.Kind == envoy.TLSInspector })
	}
	filter := &kube.EnvoyFilter{Meta: kube.Meta{Namespace: "shop", Name: "lean"}}
	filter.Spec.ConfigPatches = []kube.ConfigPatch{{ApplyTo: "LISTENER_FILTER", Match: kube.PatchMatch{Context: "SIDECAR_INBOUND"}}}
	r.Resources.EnvoyFilters = []*kube.EnvoyFilter{filter}
	result := r.judge(All()...)
	if got := causes(result); len(got) != 1 {
		t.Fatalf("one fault, and to blame are %v", got)
	}
	f := result.Findings[0]
	has(t, lines([]*diagnose.Finding{f}), "error EnvoyFilter shop/lean [spec.configPatches] 21: calls from pay/api, pay/client and 5 more to server.shop fail, and EnvoyFilter shop/lean changes what decides at one end: ")
	has(t, f.Fixes[0].Command, "kubectl -n shop delete envoyfilter lean")
	complete(t, f)

	// A filter chain was chosen, and what fails comes after it.
	named := record(t, "23-dr-wrong-san")
	named.Resources.EnvoyFilters = []*kube.EnvoyFilter{filter}
	if got := named.says(mtd399); strings.Contains(got, "EnvoyFilter") {
		t.Errorf("no listener decides about identities: %s", got)
	}

	filter.Spec.ConfigPatches[0].Match.Context = "SIDECAR_OUTBOUND"
	if got := r.says(mtd399); !strings.Contains(got, "error Deployment shop/server [] 3: calls from pay/client") {
		t.Error(got)
	}
}

// Who speaks which version of HTTP is changed at either end.
func TestUnexplainedByAVersionOfHTTP(t *testing.T) {
	r := record(t, healthy)
	for _, c := range r.proxy("shop/client").Clusters {
		if c.Name == "outbound|80||server.shop.svc.cluster.local" {
			c.HTTP = envoy.HTTP2
			for i, m := range c.Matches {
				if m.Socket.TLS != nil {
					own := *m.Socket.TLS
					own.ALPN = []string{"http/1.1"}
					c.Matches[i].Socket = &envoy.TransportSocket{Kind: envoy.TLS, TLS: &own}
				}
			}
		}
	}
	options := kube.EnvoyConfig{TypedExtensionProtocolOptions: map[string]kube.EnvoyPart{"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {}}}
	filter := &kube.EnvoyFilter{Meta: kube.Meta{Namespace: "shop", Name: "modern"}}
	r.Resources.EnvoyFilters = []*kube.EnvoyFilter{filter}
	for _, patch := range []kube.ConfigPatch{
		{ApplyTo: "CLUSTER", Match: kube.PatchMatch{Context: "SIDECAR_OUTBOUND"}, Patch: kube.EnvoyPatch{Value: options}},
		{ApplyTo: "NETWORK_FILTER", Match: kube.PatchMatch{Context: "SIDECAR_INBOUND"}},
	} {
		filter.Spec.ConfigPatches = []kube.ConfigPatch{patch}
		has(t, r.says(mtd399), "error EnvoyFilter shop/modern [spec.configPatches] 1: calls from shop/client to server.shop fail, and EnvoyFilter shop/modern changes what decides at one end: "+
			"the client's proxy sends HTTP/2 (cluster outbound|80||server.shop.svc.cluster.local), and the proxy of shop/server")
	}
	filter.Spec.ConfigPatches = []kube.ConfigPatch{{ApplyTo: "NETWORK_FILTER", Match: kube.PatchMatch{Context: "SIDECAR_OUTBOUND"}}}
	if got := r.says(mtd399); strings.Contains(got, "EnvoyFilter") {
		t.Error(got)
	}
}

// What a gateway takes no PeerAuthentication says: it proves nothing of one.
func TestUnexplainedAtAGateway(t *testing.T) {
	found := 0
	for _, f := range shared(t, "60-ingress-gateway").judge(mtd399).Findings {
		if f.Subject.Name != "gateway" {
			continue
		}
		found++
		for _, x := range f.Evidence {
			if strings.HasPrefix(x.Source, "PeerAuthentication") {
				t.Errorf("%s: %s", f.Title, x.Source)
			}
		}
	}
	if found == 0 {
		t.Error("nothing is said of the gateway")
	}
}
