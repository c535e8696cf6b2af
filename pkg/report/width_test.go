package report

import (
	"slices"
	"strings"
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
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
