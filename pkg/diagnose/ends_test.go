package diagnose

import (
	"slices"
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

func TestEdgesByTheirEnds(t *testing.T) {
	a, b := new(mesh.Pod), new(mesh.Pod)
	edge := func(client, server *mesh.Pod) *handshake.Edge {
		return &handshake.Edge{Client: client, Server: handshake.Server{Pod: server}}
	}
	ab, ba, aa, out := edge(a, b), edge(b, a), edge(a, a), edge(a, nil)
	w := &World{edges: []*handshake.Edge{ab, ba, aa, out}}
	for name, tt := range map[string]struct{ got, want []*handshake.Edge }{
		"from a":      {w.EdgesFrom(a), []*handshake.Edge{ab, aa, out}},
		"into a":      {w.EdgesInto(a), []*handshake.Edge{ba, aa}},
		"of a":        {w.EdgesOf(a), []*handshake.Edge{ab, aa, out, ba}},
		"of a, again": {w.EdgesOf(a), []*handshake.Edge{ab, aa, out, ba}},
		"into b":      {w.EdgesInto(b), []*handshake.Edge{ab}},
	} {
		if !slices.Equal(tt.got, tt.want) {
			t.Errorf("%s: %d edges, want %d", name, len(tt.got), len(tt.want))
		}
	}
}
