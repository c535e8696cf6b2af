package report

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// TestCountCalls has calls to the control plane counted apart, as long as they work.
func TestCountCalls(t *testing.T) {
	proxied := &mesh.Workload{Pods: []*mesh.Pod{{Plane: mesh.Sidecar}}}
	bare := &mesh.Workload{Pods: []*mesh.Pod{{}}}
	calls, outside, control := countCalls([]*link{
		{client: proxied, worst: handshake.MTLS},
		{client: bare, worst: handshake.Plaintext},
		{client: proxied, worst: handshake.AppTLS, control: true},
		{client: bare, worst: handshake.Plaintext, control: true},
		{client: proxied, worst: handshake.Fails, control: true},
		{client: proxied, worst: handshake.Unknown, control: true},
		{client: proxied, worst: unreachable, control: true},
		{client: bare, worst: handshake.Denied, control: true},
	})
	want := []Traffic{
		{Total: 4, MTLS: 1, Fails: 1, Unknown: 1, Unreachable: 1},
		{Total: 2, Plaintext: 1, Fails: 1, Denied: 1},
		{Total: 2, TLS: 1, Plaintext: 1},
	}
	if diff := cmp.Diff(want, []Traffic{calls, outside, control}); diff != "" {
		t.Error(diff)
	}
}

// TestCountsAgree wants the same counts of a report and of the matrix of the same mesh, and of its cells together.
func TestCountsAgree(t *testing.T) {
	apart := 0
	eachCapture(t, func(t *testing.T, d *diagnose.Result) {
		s := summarise(d.Edges())
		apart += s.ControlPlane.Total
		for _, by := range []By{ByWorkload, ByNamespace} {
			m := NewMatrix(d.Snapshot, slices.Values(d.Edges()), by)
			if diff := cmp.Diff([]Traffic{s.Calls, s.Outside, s.ControlPlane}, []Traffic{m.Calls, m.Outside, m.ControlPlane}); diff != "" {
				t.Errorf("by %s (-report +matrix):\n%s", by, diff)
			}
			var cells Traffic
			for _, c := range m.Cells {
				cells = cells.and(c.Calls)
			}
			if diff := cmp.Diff(m.Calls.and(m.Outside).and(m.ControlPlane), cells); diff != "" {
				t.Errorf("by %s (-matrix +cells):\n%s", by, diff)
			}
		}
	})
	if apart == 0 {
		t.Error("no recording has calls to the control plane")
	}
}
