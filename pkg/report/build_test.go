package report

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// ends makes a workload for each name: "z…" is carried by ztunnel, "u…" has a proxy that was
// not read, "n…" has none, all others have one that was.
func ends(names ...string) map[string]*mesh.Pod {
	out := map[string]*mesh.Pod{}
	for _, name := range names {
		p := &mesh.Pod{Pod: &kube.Pod{Meta: kube.Meta{Name: name + "-0", Namespace: "shop"}}, Plane: mesh.Sidecar}
		switch name[0] {
		case 'z':
			p.Plane = mesh.Ztunnel
		case 'n':
			p.Plane = mesh.NoProxy
		case 'u':
		default:
			p.Proxy = &envoy.Proxy{Read: neededSections}
		}
		p.Workload = &mesh.Workload{Ref: deployment(name), Pods: []*mesh.Pod{p}}
		out[name] = p
	}
	return out
}

func call(client, server *mesh.Pod, port uint32, v handshake.Verdict, r handshake.Reason) *handshake.Edge {
	e := &handshake.Edge{Client: client, Server: handshake.Server{Name: "host", Port: port, Pod: server}, Verdict: v, Reason: r}
	e.Server.Address = netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, 1}), uint16(port))
	return e
}

func TestSummarise(t *testing.T) {
	p := ends("a", "b", "nobody")
	got := summarise([]*handshake.Edge{
		call(p["a"], p["b"], 80, handshake.MTLS, ""),
		call(p["a"], p["b"], 80, handshake.Fails, handshake.PlaintextRefused), // another replica: the worst counts
		call(p["a"], p["b"], 81, handshake.Fails, handshake.NoListener),
		call(p["a"], nil, 443, handshake.AppTLS, ""),
		call(p["a"], p["a"], 80, handshake.Plaintext, ""), // to itself
		call(p["nobody"], p["b"], 80, handshake.Fails, handshake.PlaintextRefused),
	})
	want := EdgeSummary{
		Calls:   Traffic{Total: 3, Fails: 1, Unreachable: 1, TLS: 1},
		Outside: Traffic{Total: 1, Fails: 1},
		Total:   6,
		ByVerdict: map[handshake.Verdict]int{
			handshake.MTLS: 1, handshake.Fails: 3, handshake.AppTLS: 1, handshake.Plaintext: 1,
		},
		ByReason: map[handshake.Reason]int{handshake.PlaintextRefused: 2, handshake.NoListener: 1},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestDoubts: a call that is unknown makes its caller doubtful, and the server unless it is the
// caller that was not read.
func TestDoubts(t *testing.T) {
	p := ends("a", "b", "zt", "unread")
	got := countTraffic([]*handshake.Edge{
		call(p["a"], p["zt"], 80, handshake.Unknown, handshake.NotModelled),
		call(p["unread"], p["a"], 80, handshake.Unknown, handshake.ClientUnread),
		call(p["a"], p["b"], 80, handshake.Unknown, handshake.NotModelled),
	})
	want := map[string]int{"a": 2, "b": 1, "zt": 1, "unread": 1}
	for name, n := range want {
		if got.doubts[p[name].Workload] != n {
			t.Errorf("%s: %d doubts, want %d", name, got.doubts[p[name].Workload], n)
		}
	}
	if n := got.unread[p["a"].Workload]; n != 1 {
		t.Errorf("%d calls of a lead to unread proxies, want 1", n)
	}
	if in := got.inbound[p["a"].Workload]; in.Unknown != 1 {
		t.Errorf("inbound of a: %+v", in)
	}
}

func TestHealth(t *testing.T) {
	failed := []*diagnose.Finding{{Severity: diagnose.Error}}
	tests := map[string]struct {
		workload Workload
		findings []*diagnose.Finding
		want     Health
	}{
		"ok":               {Workload{Plane: mesh.Sidecar, Pods: Count{1, 1}, Certificate: &Certificate{}}, nil, OK},
		"no proxy":         {Workload{Plane: mesh.NoProxy, Pods: Count{1, 1}, Certificate: &Certificate{}, Doubts: 1}, nil, NotApplicable},
		"no proxy, fails":  {Workload{Plane: mesh.NoProxy, Pods: Count{1, 1}, Certificate: &Certificate{}}, failed, Fail},
		"ztunnel":          {Workload{Plane: mesh.Ztunnel, Pods: Count{1, 1}, Certificate: &Certificate{}}, nil, UnknownHealth},
		"a pod unread":     {Workload{Plane: mesh.Sidecar, Pods: Count{1, 2}}, nil, UnknownHealth},
		"unread, fails":    {Workload{Plane: mesh.Sidecar, Pods: Count{1, 2}}, failed, Fail},
		"doubts":           {Workload{Plane: mesh.Sidecar, Pods: Count{1, 1}, Certificate: &Certificate{}, Doubts: 1}, nil, UnknownHealth},
		"a section unread": {Workload{Plane: mesh.Sidecar, Pods: Count{1, 1}, Certificate: &Certificate{}, Missing: []string{"listeners"}}, nil, UnknownHealth},
		"silent":           {Workload{Plane: mesh.Sidecar, Pods: Count{1, 1}}, nil, UnknownHealth},
		"warning":          {Workload{Plane: mesh.Sidecar, Pods: Count{1, 1}, Certificate: &Certificate{}}, []*diagnose.Finding{{Severity: diagnose.Warning}}, Warn},
		"info":             {Workload{Plane: mesh.Sidecar, Pods: Count{1, 1}, Certificate: &Certificate{}}, []*diagnose.Finding{{Severity: diagnose.Info}}, OK},
	}
	for name, test := range tests {
		if got := health(&test.workload, test.findings); got != test.want {
			t.Errorf("%s: got %s, want %s", name, got, test.want)
		}
	}
}

// TestIncomplete: whatever was not seen keeps a report from being called complete.
func TestIncomplete(t *testing.T) {
	tests := map[string]struct {
		change func(*Report)
		want   bool
	}{
		"all seen":           {func(*Report) {}, false},
		"a gap":              {func(r *Report) { r.Coverage.Gaps = []mesh.Gap{{Message: "x"}} }, true},
		"an unread workload": {func(r *Report) { r.Workloads[0].Health = UnknownHealth }, true},
		"an unknown call":    {func(r *Report) { r.Workloads[0].Outbound.Unknown = 1 }, true},
		"outside, unknown":   {func(r *Report) { r.EdgeSummary.Calls.Unknown = 1 }, false},
		"asked, unknown":     {func(r *Report) { r.Calls = []Edge{{Verdict: handshake.Unknown}} }, true},
		"a stranger's call":  {func(r *Report) { r.Workloads[0].Plane, r.Workloads[0].Outbound.Unknown = mesh.NoProxy, 1 }, false},
	}
	for name, test := range tests {
		r := &Report{Workloads: []Workload{{Plane: mesh.Sidecar, Health: OK}}}
		test.change(r)
		r.Summary = summary(r)
		if got := r.Incomplete(); got != test.want {
			t.Errorf("%s: got %t", name, got)
		}
		if got := r.Summary.Health; test.want && got != UnknownHealth {
			t.Errorf("%s: it is called %s", name, got)
		}
	}
}

// TestBuild: an empty mesh makes a report without a null.
func TestBuild(t *testing.T) {
	result := diagnose.Run(mesh.New(&mesh.Evidence{CapturedAt: captured}), nil, diagnose.Scope{})
	text := render(t, Build(result, Scope{}), Style{Format: JSON})
	if strings.Contains(text, "null") {
		t.Error(text)
	}
	to := render(t, BuildTo(result, Scope{To: "x:80"}, nil), Style{Format: Table})
	if want := "all namespaces to x:80: n/a   no calls are possible\n  (captured 2026-11-24 02:58:07Z, 0 of 0 proxies read)\n\n" + noEdges; !strings.HasPrefix(to, want) {
		t.Errorf("got %s", to)
	}
}

// TestNoPods: where no pod is, no proxy is unread: the report says so, and does not sound like missing rights.
func TestNoPods(t *testing.T) {
	evidence := &mesh.Evidence{CapturedAt: captured}
	needy := &diagnose.Check{Code: "MTD101", Needs: []diagnose.Evidence{diagnose.Secrets}}
	report := func() *Report {
		return Build(diagnose.Run(mesh.New(evidence), []*diagnose.Check{needy}, diagnose.Scope{}), Scope{Namespaces: []string{"empty"}})
	}
	if r := report(); len(r.Coverage.Unknown) != 1 {
		t.Errorf("the list of pods was not read, so there may be proxies: %+v", r.Coverage.Unknown)
	}
	evidence.Resources = &kube.Resources{}
	evidence.Resources.MarkRead("pods.core")
	r := report()
	if len(r.Coverage.Unknown) > 0 {
		t.Errorf("%+v", r.Coverage.Unknown)
	}
	if text := render(t, r, Style{Format: Table}); !strings.HasPrefix(text, "empty: ?   there are no pods, and so nothing was judged; -A looks in all namespaces\n  (captured") || strings.Contains(text, "Not seen") {
		t.Error(text)
	}
}

// TestStreamedEdges: edge by edge or at once, it is the same document.
func TestStreamedEdges(t *testing.T) {
	p := ends("a", "b")
	s := mesh.New(&mesh.Evidence{CapturedAt: captured})
	var edges []*handshake.Edge
	for n := range 3 {
		t.Run(fmt.Sprint(n, " edges"), func(t *testing.T) {
			var b strings.Builder
			if err := RenderEdges(&b, s, edges, Style{Format: JSON}); err != nil {
				t.Fatal(err)
			}
			var got EdgeList
			if err := json.Unmarshal([]byte(b.String()), &got); err != nil {
				t.Fatalf("%v in %s", err, b.String())
			}
			if diff := cmp.Diff(Edges(s, edges), &got); diff != "" {
				t.Error(diff)
			}
			if strings.Contains(b.String(), "null") {
				t.Error(b.String())
			}
		})
		edges = append(edges, call(p["a"], p["b"], uint32(80+n), handshake.MTLS, ""))
	}
}

func TestEdgeTable(t *testing.T) {
	p := ends("a", "b", "nobody")
	edges := []*handshake.Edge{
		call(p["a"], p["b"], 80, handshake.MTLS, ""),
		call(p["a"], p["b"], 80, handshake.MTLS, ""),
		call(p["nobody"], p["b"], 80, handshake.Fails, handshake.PlaintextRefused),
		call(p["a"], nil, 443, handshake.AppTLS, ""),
	}
	edges[1].Server.Subset, edges[0].Server.Subset = "v2", "v2"
	edges[3].Server.Name = "api.example.com"
	want := `CLIENT                  DESTINATION          SERVER        PAIRS  VERDICT  REASON
shop/a                  host:80 subset v2    shop/b        2      mTLS
shop/a                  api.example.com:443  10.0.0.1:443  1      appTLS
shop/nobody (no proxy)  host:80              shop/b        1      fails    plaintext-refused
`
	var b strings.Builder
	if err := RenderEdges(&b, allListed(), edges, Style{Format: Table}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
}

// A finding and a doubt about a pod say whose pod it is; kinds that were not listed are told though they leave no gap.
func TestReportStandsAlone(t *testing.T) {
	d := diagnosis(t, "../../testdata/captures/12-cert-expired.tar.gz")
	first := d.Snapshot.Pods[0]
	if got := workloadOf(d.Snapshot, kube.PodRef(first.Key())); got == nil || *got != first.Workload.Ref {
		t.Errorf("pod %s: %v", first.Name, got)
	}
	for _, ref := range []kube.Ref{first.Workload.Ref, {Kind: "Pod", Namespace: "shop", Name: "gone"}} {
		if got := workloadOf(d.Snapshot, ref); got != nil {
			t.Errorf("%s: %s", ref, got)
		}
	}
	r := Build(d, Scope{})
	if !slices.Contains(r.Coverage.Unlisted, "httproutes.gateway.networking.k8s.io") || slices.Contains(r.Coverage.Unlisted, "pods.core") {
		t.Errorf("unlisted: %v", r.Coverage.Unlisted)
	}
}

// TestErrorsBesidesCalls: where no call fails, the first line says why it says FAIL.
func TestErrorsBesidesCalls(t *testing.T) {
	r := &Report{Summary: Summary{Health: Fail, Errors: 1}}
	r.EdgeSummary.Calls = Traffic{Total: 3, MTLS: 3}
	for n, want := range map[int]string{0: "3 of 3 possible calls are mTLS", 1: "1 error; 3 of 3 possible calls are mTLS", 2: "2 errors; 3 of 3 possible calls are mTLS"} {
		r.Summary.Errors = n
		for _, format := range []Format{Table, Markdown, HTML} {
			if got := render(t, r, Style{Format: format, Width: 200}); !strings.Contains(got, want) || strings.Contains(got, "; 3 of 3") != (n > 0) {
				t.Errorf("%d errors: %q", n, got)
			}
		}
	}
	r.Summary.Errors = 2
	r.EdgeSummary.Calls, r.EdgeSummary.Outside = Traffic{}, Traffic{Total: 1, MTLS: 1}
	if got := r.callSentence(); !strings.HasPrefix(got, "2 errors; callers without a proxy: ") {
		t.Errorf("only callers without a proxy: %q", got)
	}
	r.EdgeSummary.Outside.Fails = 1
	if got := r.callSentence(); strings.Contains(got, "error") {
		t.Errorf("a call fails: %q", got)
	}
}
