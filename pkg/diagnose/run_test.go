package diagnose

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// snapshot is a mesh with bare pods a to d in namespace n, and everything read.
func snapshot() *mesh.Snapshot {
	ev := &mesh.Evidence{Resources: new(kube.Resources), Proxies: map[kube.Key]*envoy.Proxy{}, MeshConfigs: map[string]*kube.MeshConfig{"default": {}}}
	for _, name := range []string{"a", "b", "c", "d"} {
		ev.Resources.Pods = append(ev.Resources.Pods, &kube.Pod{Meta: kube.Meta{Namespace: "n", Name: name}})
	}
	for _, k := range kube.Kinds() {
		ev.Resources.MarkRead(k.ID())
	}
	return mesh.New(ev)
}

// edges are calls between pods by name: "ab" is from a to b.
func edges(s *mesh.Snapshot, names ...string) []*handshake.Edge {
	var out []*handshake.Edge
	for _, n := range names {
		pod := func(i int) *mesh.Pod { return s.Pod(kube.Key{Namespace: "n", Name: n[i : i+1]}) }
		out = append(out, &handshake.Edge{Client: pod(0), Server: handshake.Server{Name: n[1:2], Pod: pod(1)}, Verdict: handshake.Fails})
	}
	return out
}

func ref(name string) kube.Ref { return kube.Ref{Kind: "DestinationRule", Namespace: "n", Name: name} }

// check is one that reports these findings.
func check(code Code, findings ...Finding) *Check {
	return &Check{Code: code, Severity: Error, Run: func(p *Pass) {
		for _, f := range findings {
			p.Failed(f)
		}
	}}
}

func told(r *Result) string {
	var out []string
	for _, f := range r.Findings {
		line := fmt.Sprintf("%s %s %s %d", f.Check.Code, f.Severity, f.Subject.Name, len(f.Edges))
		if f.CausedBy != nil {
			line += " because of " + string(f.CausedBy.Check.Code)
		}
		out = append(out, line)
	}
	return strings.Join(out, "\n")
}

// What breaks calls that somebody makes comes before what breaks more that nobody is seen to make.
func TestFindingsInUseComeFirst(t *testing.T) {
	s := snapshot()
	e := edges(s, "ab", "cd", "ac")
	e[0].Observed = &handshake.Observation{Connections: 3, ConnectFailures: 3}
	c := check("MTD301", Finding{Subject: ref("idle"), Edges: e[1:]}, Finding{Subject: ref("used"), Edges: e[:1]}, Finding{Subject: ref("mild"), Severity: Warning, Edges: e[:1]})
	want := "MTD301 error used 1\nMTD301 error idle 2\nMTD301 warning mild 1"
	if diff := cmp.Diff(want, told(Run(s, []*Check{c}, Scope{}))); diff != "" {
		t.Error(diff)
	}
}

func TestFindingsOfOneCauseAreJoined(t *testing.T) {
	s := snapshot()
	e := edges(s, "cd", "ab", "ab")
	fact := handshake.Fact{Layer: handshake.Proxy, Source: "x", Value: "y"}
	c := check("MTD301",
		Finding{Subject: ref("r"), Field: "f", Title: "mild", Severity: Info, Edges: e[:1], Evidence: []handshake.Fact{fact}, Workloads: []kube.Ref{ref("w")}},
		Finding{Subject: ref("r"), Field: "f", Title: "bad", Edges: e[1:2], Evidence: []handshake.Fact{fact}, Workloads: []kube.Ref{ref("w")}, Fixes: []Fix{{Title: "do"}}},
		Finding{Subject: ref("r"), Field: "f", Title: "again", Edges: e[1:2]},
		Finding{Subject: ref("r"), Field: "g", Title: "another field"},
		Finding{Subject: ref("r"), Field: "f", Group: "g", Title: "another group"},
	)
	r := Run(s, []*Check{c}, Scope{})
	if len(r.Findings) != 3 || r.Outcomes[0].Failed != 5 {
		t.Fatalf("%s, %d failed", told(r), r.Outcomes[0].Failed)
	}
	f := r.Findings[0]
	if f.Title != "bad" || f.Severity != Error || len(f.Evidence) != 1 || len(f.Workloads) != 1 || len(f.Fixes) != 1 {
		t.Errorf("%+v", f)
	}
	if diff := cmp.Diff([]string{"a", "c"}, []string{f.Edges[0].Client.Name, f.Edges[1].Client.Name}); diff != "" || len(f.Edges) != 2 {
		t.Errorf("edges are sorted and each is there once: %d, %s", len(f.Edges), diff)
	}
}

// Describe sees each finding once, with all that it breaks.
func TestDescribe(t *testing.T) {
	s := snapshot()
	e := edges(s, "cd", "ab")
	c := check("MTD301", Finding{Subject: ref("r"), Edges: e[:1]}, Finding{Subject: ref("r"), Edges: e[1:]})
	calls := 0
	c.Describe = func(_ *Pass, f *Finding) {
		calls++
		f.Title = fmt.Sprintf("%d from %s", len(f.Edges), f.Edges[0].Client.Name)
	}
	if r := Run(s, []*Check{c}, Scope{}); calls != 1 || r.Findings[0].Title != "2 from a" {
		t.Errorf("%d calls, %q", calls, r.Findings[0].Title)
	}
}

func TestConsequences(t *testing.T) {
	s := snapshot()
	e := edges(s, "ab", "cd")
	pod := kube.PodRef(s.Pods[0].Key())
	root := check("MTD401", Finding{Subject: ref("filter"), Edges: e[:1], Workloads: []kube.Ref{pod}})
	for name, c := range map[string]struct {
		finding Finding
		want    bool
	}{
		"its edges are all among the root's":    {Finding{Subject: ref("x"), Edges: e[:1]}, true},
		"one of its edges is not":               {Finding{Subject: ref("x"), Edges: e}, false},
		"the root hits the workload it blames":  {Finding{Subject: pod}, true},
		"they blame the same resource":          {Finding{Subject: ref("filter"), Edges: e[1:]}, true},
		"nothing in common, and nothing broken": {Finding{Subject: ref("x")}, false},
	} {
		after := check("MTD403", c.finding)
		after.After = []Code{"MTD999", "MTD401"}
		r := Run(s, []*Check{after, root}, Scope{})
		i := slices.IndexFunc(r.Findings, func(f *Finding) bool { return f.Check == after })
		if got := r.Findings[i].CausedBy != nil; got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// A finding is never its own cause.
func TestNoFindingCausesItself(t *testing.T) {
	c := check("MTD301", Finding{Subject: ref("r")})
	c.After = []Code{"MTD301"}
	if r := Run(snapshot(), []*Check{c}, Scope{}); r.Findings[0].CausedBy != nil {
		t.Error("it does")
	}
}

// The order is that in which to act.
func TestOrder(t *testing.T) {
	s := snapshot()
	e := edges(s, "ab", "ac", "ad")
	symptom := check("MTD201", Finding{Subject: ref("symptom"), Edges: e})
	symptom.After = []Code{"MTD302"}
	r := Run(s, []*Check{
		check("MTD601", Finding{Subject: ref("note"), Severity: Info, Edges: e}),
		symptom,
		check("MTD303", Finding{Subject: ref("small"), Edges: e[:1]}),
		check("MTD301", Finding{Subject: ref("warn"), Severity: Warning}),
		check("MTD302", Finding{Subject: ref("large"), Edges: e}),
		check("MTD304", Finding{Subject: ref("z"), Edges: e[:1]}, Finding{Subject: ref("y"), Edges: e[:1]}),
	}, Scope{})
	const want = "MTD302 error large 3\nMTD303 error small 1\nMTD304 error y 1\nMTD304 error z 1\n" +
		"MTD201 error symptom 3 because of MTD302\nMTD301 warning warn 0\nMTD601 info note 3"
	if diff := cmp.Diff(want, told(r)); diff != "" {
		t.Error(diff)
	}
}

// Only checks that run last know what the others explain, whatever their place in the catalogue.
func TestLast(t *testing.T) {
	s := snapshot()
	e := edges(s, "ab", "cd")
	var saw []bool
	last := &Check{Code: "MTD101", Last: true, Run: func(p *Pass) { saw = []bool{p.Explained(e[0]), p.Explained(e[1])} }}
	Run(s, []*Check{last, check("MTD301", Finding{Subject: ref("r"), Edges: e[:1]})}, Scope{})
	if diff := cmp.Diff([]bool{true, false}, saw); diff != "" {
		t.Error(diff)
	}
}

// A check that lacks evidence says so and does not run.
func TestBlind(t *testing.T) {
	all := []Evidence{Pods, Services, PeerAuthentications, DestinationRules, AuthorizationPolicies, Sidecars, MeshConfig, Proxies, Secrets}
	for _, need := range all {
		ran := false
		c := &Check{Code: "MTD101", Needs: []Evidence{need}, Run: func(*Pass) { ran = true }}
		r := Run(mesh.New(&mesh.Evidence{}), []*Check{c}, Scope{})
		want := []Unknown{{kube.Ref{Kind: "Evidence", Name: string(need)}, "not read"}}
		if diff := cmp.Diff(want, r.Outcomes[0].Unknown); diff != "" || ran {
			t.Errorf("%s: ran %v, %s", need, ran, diff)
		}
	}
	s := snapshot()
	s.Proxies[kube.Key{Namespace: "n", Name: "a"}] = &envoy.Proxy{Read: envoy.SectionSecrets}
	ran := false
	Run(s, []*Check{{Code: "MTD101", Needs: all, Run: func(*Pass) { ran = true }}}, Scope{})
	if !ran {
		t.Error("everything was read, and it did not run")
	}
}

func TestSeverityRank(t *testing.T) {
	if Error.Rank() >= Warning.Rank() || Warning.Rank() >= Info.Rank() {
		t.Error("worst first")
	}
}

// Findings that tell the same of the same have an order, whoever came first.
func TestOrderIsTotal(t *testing.T) {
	one := Finding{Subject: ref("r"), Field: "f", Group: "a", Title: "x"}
	two := Finding{Subject: ref("r"), Field: "f", Group: "b", Title: "w"}
	for _, list := range [][]Finding{{one, two}, {two, one}} {
		if r := Run(snapshot(), []*Check{check("MTD301", list...)}, Scope{}); r.Findings[0].Group != "a" {
			t.Errorf("%s came first", r.Findings[0].Group)
		}
	}
	if a, b := (&Finding{Check: &Check{}, Title: "a"}), (&Finding{Check: &Check{}, Title: "b"}); a.compare(b) >= 0 {
		t.Error("the title decides last")
	}
}

// Checks that name each other as the root do not make a circle: one of the findings is the root.
func TestNoCircleOfCauses(t *testing.T) {
	s := snapshot()
	e := edges(s, "ab")
	var checks []*Check
	for _, c := range [][2]Code{{"MTD301", "MTD303"}, {"MTD302", "MTD301"}, {"MTD303", "MTD302"}} {
		one := check(c[0], Finding{Subject: ref("r"), Edges: e})
		one.After = []Code{c[1]}
		checks = append(checks, one)
	}
	roots := 0
	for _, f := range Run(s, checks, Scope{}).Findings {
		if f.CausedBy == nil {
			roots++
		}
	}
	if roots != 1 {
		t.Errorf("%d roots", roots)
	}
}

// Of joined findings the worst one's pod is the one to look at.
func TestJoinedFindingsKeepThePodOfTheirTitle(t *testing.T) {
	s := snapshot()
	r := Run(s, []*Check{check("MTD301",
		Finding{Subject: ref("r"), Severity: Info, Title: "mild", Pod: s.Pods[0]},
		Finding{Subject: ref("r"), Title: "bad", Pod: s.Pods[1]},
		Finding{Subject: ref("r"), Title: "again", Pod: s.Pods[2]},
	)}, Scope{})
	if f := r.Findings[0]; f.Title != "bad" || f.Pod != s.Pods[1] {
		t.Errorf("%s of %s", f.Title, f.Pod.Name)
	}
}

// A check that crashes is told of, and takes nothing away from the others.
func TestCrashOfACheck(t *testing.T) {
	s := snapshot()
	inRun := &Check{Code: "MTD301", Severity: Error, Run: func(*Pass) { panic("boom") }}
	inDescribe := check("MTD302", Finding{Subject: ref("r")}, Finding{Subject: ref("s")})
	inDescribe.Title = "a general title"
	inDescribe.Describe = func(_ *Pass, f *Finding) {
		if f.Subject == ref("r") {
			panic("crash")
		}
		f.Title = "described"
	}
	r := Run(s, []*Check{inRun, inDescribe, check("MTD303", Finding{Subject: ref("t"), Title: "fine"})}, Scope{})
	for i, want := range []string{"boom", "crash"} {
		u := r.Outcomes[i].Unknown
		if len(u) != 1 || u[0].Subject != (kube.Ref{Kind: "Check", Name: string(r.Outcomes[i].Check.Code)}) || !strings.Contains(u[0].Why, "crashed") || !strings.Contains(u[0].Why, want) {
			t.Errorf("%+v", u)
		}
	}
	var titles []string
	for _, f := range r.Findings {
		titles = append(titles, f.Title)
	}
	if diff := cmp.Diff([]string{"a general title", "described", "fine"}, titles); diff != "" {
		t.Error(diff)
	}
}

// Findings about several ports of one workload stay apart, the lowest first.
func TestFindingsOfPortsStayApart(t *testing.T) {
	res := Run(snapshot(), []*Check{check("MTD603", Finding{Subject: ref("r"), Port: 9090}, Finding{Subject: ref("r"), Port: 8080}, Finding{Subject: ref("r"), Port: 9090})}, Scope{})
	var ports []uint32
	for _, f := range res.Findings {
		ports = append(ports, f.Port)
	}
	if diff := cmp.Diff([]uint32{8080, 9090}, ports); diff != "" {
		t.Error(diff)
	}
}
