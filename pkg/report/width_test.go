package report

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// TestEightyColumns wants what people read to fit into a terminal of 80 columns, for every recorded mesh. Longer may
// only be what they paste, and names that break nowhere.
func TestEightyColumns(t *testing.T) {
	style := Style{Format: Table, Width: 80, Program: "kubectl mtls-doctor"}
	var healthy *Side
	eachCapture(t, func(t *testing.T, d *diagnose.Result) {
		r := Build(d, Scope{})
		list := Edges(d.Snapshot, d.Edges())
		side := &Side{DiffSide: DiffSide{Name: "a.tar.gz"}, Report: r, HasEdges: true, Edges: list.Edges}
		if healthy == nil {
			healthy = side
		}
		var out strings.Builder
		first := func(p *mesh.Pod) bool { return p == d.Snapshot.Pods[0] }
		traced := handshake.New(d.Snapshot).Edges(handshake.Query{Trace: true, Client: first})
		for _, err := range []error{
			r.Render(&out, style), RenderEdges(&out, d.Snapshot, d.Edges(), style), Certificates(d.Snapshot, everyPod).Render(&out, style),
			NewMatrix(d.Snapshot, slices.Values(d.Edges()), ByWorkload).Render(&out, style), Compare(healthy, side).Render(&out, style), Compare(side, healthy).Render(&out, style),
			RenderTrace(&out, d.Snapshot, traced, Causes(d.Snapshot, traced, d.Findings), style),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
		pasted := slices.Concat(pasteable(r.Findings), pasteable(healthy.Report.Findings))
		for line := range strings.Lines(out.String()) {
			text := strings.TrimSpace(line)
			if visible(strings.TrimRight(line, "\n")) > 80 && len(strings.Fields(text)) > 1 && !slices.ContainsFunc(pasted, func(p string) bool { return strings.HasSuffix(text, p) }) {
				t.Errorf("%d columns: %s", visible(line)-1, line)
			}
		}
	})
}

// pasteable are lines that are never broken: commands, manifests, and where evidence was read.
func pasteable(findings []Finding) []string {
	var out []string
	for _, f := range findings {
		for _, x := range f.Fixes {
			for line := range strings.Lines(x.Command + "\n" + x.Manifest) {
				if line = strings.TrimSpace(line); line != "" {
					out = append(out, line)
				}
			}
		}
		for _, x := range f.Evidence {
			out = append(out, Clean(x.Source))
		}
	}
	return out
}

// screen is how many lines a terminal has that nobody has made larger.
const screen = 24

// TestFirstScreen wants the first finding of a report of a whole mesh on the first screen of a terminal of 80 columns.
func TestFirstScreen(t *testing.T) {
	eachCapture(t, func(t *testing.T, d *diagnose.Result) {
		r := Build(d, Scope{})
		if r.Summary.Health != Fail && r.Summary.Health != Warn {
			return
		}
		lines := strings.Split(render(t, r, Style{Format: Table, Width: 80}), "\n")
		first := slices.IndexFunc(lines, func(line string) bool {
			return strings.HasPrefix(line, "FAIL MTD") || strings.HasPrefix(line, "WARN MTD")
		})
		if first < 0 || first+2 > screen {
			t.Errorf("the first finding begins in line %d", first+1)
		}
	})
}

// TestFewWorkloads leaves out of a table on a terminal first what is well, then what others' faults hit, and counts it.
func TestFewWorkloads(t *testing.T) {
	r := &Report{Summary: Summary{Health: Fail}}
	add := func(n int, health Health, name string, findings ...FindingRef) {
		for i := range n {
			ref := kube.Ref{Kind: "Deployment", Namespace: "shop", Name: fmt.Sprintf("%s-%02d", name, i)}
			r.Workloads = append(r.Workloads, Workload{Ref: ref, Plane: mesh.Sidecar, Health: health, Findings: findings})
		}
	}
	own, cause := FindingRef{Code: "MTD101", Fingerprint: "a"}, FindingRef{Code: "MTD301", Fingerprint: "b"}
	add(3, Fail, "own", own)
	add(20, Fail, "hit", cause)
	add(5, OK, "well")
	r.Findings = []Finding{
		{Code: "MTD101", Fingerprint: "a", Severity: "error"},
		{Code: "MTD301", Fingerprint: "b", Severity: "error", Subject: kube.Ref{Kind: "DestinationRule", Name: "off"}},
	}
	for i := range 3 {
		server := r.Workloads[i].Ref
		r.Findings[0].Affects = append(r.Findings[0].Affects, Affected{Server: &server})
	}
	for _, test := range []struct {
		style            Style
		own, hit, well   int
		says, doesNotSay string
	}{
		{Style{Format: Table, Width: 100}, 3, 9, 0, "and 16 workloads: 11 FAIL, 5 ok or without a proxy (-o wide shows them)", ""},
		{Style{Format: Table}, 3, 20, 0, "and 5 workloads: ok or without a proxy (-o wide shows them)", ""},
		{Style{Format: Wide, Width: 100}, 3, 20, 5, "", "shows them"},
	} {
		p := newPage(r, test.style)
		if err := p.workloads(); err != nil {
			t.Fatal(err)
		}
		got := p.b.String()
		if own, hit, well := strings.Count(got, "own-"), strings.Count(got, "hit-"), strings.Count(got, "well-"); own != test.own || hit != test.hit || well != test.well {
			t.Errorf("%+v: %d, %d and %d are shown\n%s", test.style, own, hit, well, got)
		}
		if !strings.Contains(got, test.says) || test.doesNotSay != "" && strings.Contains(got, test.doesNotSay) {
			t.Errorf("%+v:\n%s", test.style, got)
		}
	}
}

// TestNarrowTable: in few columns a policy that differs from what is enforced, by port too, and proxies that were not
// read have columns of their own.
func TestNarrowTable(t *testing.T) {
	strict := Mode{Mode: "STRICT", Scope: "namespace"}
	alike := Workload{
		Ref: kube.Ref{Kind: "Deployment", Namespace: "shop", Name: "a"}, Plane: mesh.Sidecar, Health: OK, Pods: Count{Read: 1, Total: 1}, Policy: strict,
		Ports: []Port{{Port: 80, Policy: strict, Enforced: "STRICT"}}, Inbound: Traffic{Total: 4, MTLS: 2, Plaintext: 2}, Outbound: Traffic{Total: 3, MTLS: 3},
	}
	bare := Workload{Ref: kube.Ref{Kind: "Deployment", Namespace: "shop", Name: "b"}, Plane: mesh.NoProxy, Health: NotApplicable}
	stale, mixed, half := alike, alike, alike
	stale.Ports = []Port{{Port: 80, Policy: strict, Enforced: "PERMISSIVE"}}
	mixed.Ports = []Port{{Port: 80, Policy: strict, Enforced: "STRICT"}, {Port: 81, Policy: Mode{Mode: "DISABLE"}, Enforced: "DISABLE"}}
	half.Pods.Read = 0
	for name, test := range map[string]struct {
		list []*Workload
		want string
	}{
		"alike":     {[]*Workload{&alike, &bare}, "shop/deploy/a|STRICT|2/4|3/3|none|ok shop/deploy/b|no proxy|?|?|-|n/a"},
		"stale":     {[]*Workload{&stale}, "shop/deploy/a|STRICT|PERMISSIVE|2/4|3/3|none|ok"},
		"by port":   {[]*Workload{&mixed}, "shop/deploy/a|STRICT*|per port|2/4|3/3|none|ok"},
		"half read": {[]*Workload{&half}, "shop/deploy/a|0/1|STRICT|2/4|3/3|?|ok"},
	} {
		p := newPage(&Report{}, Style{Width: 80})
		var rows []string
		for _, row := range p.narrowTable(test.list).rows {
			rows = append(rows, strings.Join(row, "|"))
		}
		if got := strings.Join(rows, " "); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}
