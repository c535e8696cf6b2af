package report

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// asked is a report about one destination of which all is well.
func asked() *Report {
	return &Report{
		Scope:       Scope{To: "server:80"},
		Summary:     Summary{Health: OK},
		EdgeSummary: EdgeSummary{Calls: Traffic{Total: 2, MTLS: 2}, Observed: handshake.Ledger{Agree: 1}},
	}
}

func TestAcquit(t *testing.T) {
	const all = "no handshake of 2 possible calls fails, by what the proxies of both ends run and hold; counters of 1 connection agree"
	tests := map[string]struct {
		change func(*Report)
		want   string
	}{
		"a destination":        {func(*Report) {}, all},
		"a target":             {func(r *Report) { r.Scope = Scope{Targets: []string{"deploy/server"}} }, all},
		"everything":           {func(r *Report) { r.Scope = Scope{} }, ""},
		"a call leads nowhere": {func(r *Report) { r.Scope, r.EdgeSummary.Calls = Scope{}, Traffic{Total: 2, MTLS: 1, Unreachable: 1} }, all},
		"a note":               {func(r *Report) { r.Summary.Infos = 1 }, all},
		"a stranger calls":     {func(r *Report) { r.EdgeSummary.Outside = Traffic{Total: 1, Fails: 1} }, ""},
		"a stranger could call": {func(r *Report) {
			r.Scope, r.EdgeSummary.Outside = Scope{Targets: []string{"x"}}, Traffic{Total: 1, Fails: 1}
		}, strings.Replace(all, "calls", "calls of callers with a proxy", 1)},
		"the counters differ": {func(r *Report) { r.EdgeSummary.Observed.Contradict = 1 }, strings.Split(all, ";")[0]},
		"a failure":           {func(r *Report) { r.EdgeSummary.Calls.Fails = 1 }, ""},
		"a doubt":             {func(r *Report) { r.EdgeSummary.Calls.Unknown = 1 }, ""},
		"a warning":           {func(r *Report) { r.Summary.Warnings = 1 }, ""},
		"an error":            {func(r *Report) { r.Summary.Errors = 1 }, ""},
		"unexplained":         {func(r *Report) { r.Unexplained = []Affected{{}} }, ""},
		"a gap":               {func(r *Report) { r.Coverage.Gaps = []mesh.Gap{{}} }, ""},
		"no calls":            {func(r *Report) { r.EdgeSummary.Calls = Traffic{} }, ""},
	}
	for name, tt := range tests {
		r := asked()
		tt.change(r)
		got := ""
		if n := r.acquit(nil, nil); n != nil {
			got = n.Basis
		}
		if got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

// TestAcquitRefused: a workload without a proxy that was asked about, and is refused, suffers from mutual TLS.
func TestAcquitRefused(t *testing.T) {
	bare := &mesh.Workload{Ref: kube.Ref{Kind: "Deployment", Namespace: "legacy", Name: "naked"}}
	e := &handshake.Edge{Verdict: handshake.Fails, Reason: handshake.PlaintextRefused, Client: &mesh.Pod{Workload: bare, Plane: mesh.NoProxy}}
	r := asked()
	r.Scope = Scope{Namespaces: []string{"legacy"}}
	if r.acquit(nil, []*handshake.Edge{e}) == nil {
		t.Error("a caller that nobody asked about counts")
	}
	r.Workloads = []Workload{{Ref: bare.Ref}}
	if n := r.acquit(nil, []*handshake.Edge{e}); n != nil {
		t.Error(n.Basis)
	}
	e.Verdict, e.Reason = handshake.Denied, handshake.AuthorizationDenied
	if n := r.acquit(nil, []*handshake.Edge{e}); n != nil {
		t.Error(n.Basis)
	}
	e.Verdict, e.Reason = handshake.Fails, handshake.NoListener
	if r.acquit(nil, []*handshake.Edge{e}) == nil {
		t.Error("a port on which nobody listens counts")
	}
}

// TestSuspects: what the replay met comes first, then what was counted, then what nobody can see.
func TestSuspects(t *testing.T) {
	edge := func(reason handshake.Reason) *handshake.Edge {
		e := &handshake.Edge{Verdict: handshake.Fails, Reason: reason}
		e.Server.Name, e.Server.Port = "server.shop", 80
		return e
	}
	counts := edge("")
	counts.Verdict, counts.Observed = handshake.MTLS, &handshake.Observation{Connections: 3, ConnectFailures: 2, Successes: 1, Errors: 4}
	counts.Assumptions = []handshake.Assumption{handshake.RouteConditional}
	unsent := edge(handshake.NoRoute)
	unsent.Client = &mesh.Pod{Pod: &kube.Pod{Meta: kube.Meta{Name: "client-0", Namespace: "shop"}}}
	unsent.Outbound.Cluster = "outbound|80||server.shop"
	edges := []*handshake.Edge{counts, unsent, edge(handshake.NotHTTP), edge(handshake.BlackHoled), edge(handshake.NoListener), edge(handshake.NoRoute), edge(handshake.NoEndpoint)}
	want := []string{
		"the endpoints of server.shop:80", "the config of the proxy of shop/client-0, which has no cluster outbound|80||server.shop", "the VirtualServices of server.shop:80: no route", "the ports of the pods behind server.shop:80",
		"how the client's proxy can know server.shop:80", "the protocol of server.shop:80",
		"connections to server.shop:80 that did not come up, so NetworkPolicies, and whether the application listens: the caller's proxy has counted 3 connections (2 failed",
		"the answers of server.shop:80: the caller's proxy has counted", "the VirtualServices of server.shop:80: some",
		"the log of the server's application", "NetworkPolicies",
	}
	got := suspects(mesh.New(&mesh.Evidence{}), edges)
	if len(got) != len(want) {
		t.Fatalf("%q", got)
	}
	for i := range want {
		if !strings.HasPrefix(got[i], want[i]) {
			t.Errorf("%q, want %q", got[i], want[i])
		}
	}
	if got := suspects(nil, nil); len(got) != 2 {
		t.Errorf("%q", got)
	}
}

// TestUnservedCluster: a cluster that is there and takes no calls yet is not one that istiod has not sent: a restart of the
// pod would not bring it.
func TestUnservedCluster(t *testing.T) {
	e := routed("", handshake.NoRoute)
	e.Outbound = handshake.Outbound{Cluster: "outbound|80||server.shop"}
	e.Why = "cluster outbound|80||server.shop of the client's proxy is warming"
	e.Client.Pod = &kube.Pod{Meta: kube.Meta{Name: "client-0", Namespace: "shop"}}
	e.Client.Proxy = &envoy.Proxy{Clusters: []*envoy.Cluster{{Name: e.Outbound.Cluster}}}
	if got, want := suspects(nil, []*handshake.Edge{e})[0], "the config of the proxy of shop/client-0: "+e.Why; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestRemovedCluster: a cluster that an EnvoyFilter removes comes back by no restart.
func TestRemovedCluster(t *testing.T) {
	e := routed("", handshake.NoRoute)
	e.Outbound = handshake.Outbound{Cluster: "outbound|80||server.shop"}
	e.Client.Pod = &kube.Pod{Meta: kube.Meta{Name: "client-0", Namespace: "shop", Labels: map[string]string{"app": "client"}}}
	const lacks = "the proxy of shop/client-0, which has no cluster outbound|80||server.shop although it leads there"
	const restart = "the config of " + lacks + ": a restart of the pod makes istiod send all of it"
	filter := func(namespace, app string, patch kube.ConfigPatch) *kube.EnvoyFilter {
		f := &kube.EnvoyFilter{Meta: kube.Meta{Name: "f", Namespace: namespace}}
		f.Spec.WorkloadSelector = &kube.EntrySelector{Labels: map[string]string{"app": app}}
		f.Spec.ConfigPatches = []kube.ConfigPatch{patch}
		return f
	}
	removes := kube.ConfigPatch{ApplyTo: "CLUSTER", Patch: kube.EnvoyPatch{Operation: "REMOVE"}}
	other, merges := removes, removes
	other.Match.Cluster.PortNumber = 81
	merges.Patch.Operation = "MERGE"
	for name, tt := range map[string]struct {
		filter *kube.EnvoyFilter
		want   string
	}{
		"of its namespace":      {filter("shop", "client", removes), "EnvoyFilter shop/f, which removes clusters from " + lacks},
		"of the root namespace": {filter("istio-system", "client", removes), "EnvoyFilter istio-system/f, which removes clusters from " + lacks},
		"of another namespace":  {filter("pay", "client", removes), restart},
		"for other pods":        {filter("shop", "server", removes), restart},
		"for another port":      {filter("shop", "client", other), restart},
		"that removes nothing":  {filter("shop", "client", merges), restart},
	} {
		s := mesh.New(&mesh.Evidence{Resources: &kube.Resources{EnvoyFilters: []*kube.EnvoyFilter{tt.filter}}})
		if got := suspects(s, []*handshake.Edge{e})[0]; got != tt.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// TestUntranslatedPort: a headless name stands for the pods, and its port has to be theirs.
func TestUntranslatedPort(t *testing.T) {
	pod := netip.MustParseAddr("10.244.1.4")
	call := func(headless bool, port uint16) *handshake.Edge {
		host := &mesh.Host{Headless: headless, Ports: []*mesh.Port{{Number: 80, Endpoints: []mesh.Endpoint{{Address: netip.AddrPortFrom(pod, 8080)}}}}}
		e := &handshake.Edge{Verdict: handshake.MTLS}
		e.Server.Host, e.Server.Name, e.Server.Port, e.Server.Address = host, "moved.shop", 80, netip.AddrPortFrom(pod, port)
		return e
	}
	for name, tt := range map[string]struct {
		edge *handshake.Edge
		told bool
	}{
		"another port":             {call(true, 80), true},
		"the pods' own":            {call(true, 8080), false},
		"by the Service's address": {call(false, 80), false},
		"an address":               {&handshake.Edge{Verdict: handshake.MTLS}, false},
	} {
		got := suspects(nil, []*handshake.Edge{tt.edge})
		if strings.HasPrefix(got[0], "the ports of moved.shop:80: the name of a headless Service stands for its pods") != tt.told {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestNotMTLSIsSaid(t *testing.T) {
	r := sample()
	r.NotMTLS = &NotMTLS{Basis: "no handshake fails", Next: []string{"the *log*", "\x1b[2Jpolicies"}}
	text := render(t, r, Style{Format: Table})
	for _, want := range []string{"\nmTLS is not the cause: no handshake fails\n     look at the *log*\n     look at ", "policies\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	if strings.Contains(text, "\x1b") {
		t.Error("a report writes to the terminal what a cluster says")
	}
	if text := render(t, r, Style{Format: Markdown}); !strings.Contains(text, "**mTLS is not the cause**: no handshake fails. Look at\n\n- the \\*log\\*\n") {
		t.Error(text)
	}
}
