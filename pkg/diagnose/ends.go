package diagnose

import (
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// ends finds edges by the pods at their ends.
type ends struct {
	from, into map[*mesh.Pod][]*handshake.Edge
}

func newEnds(edges []*handshake.Edge) *ends {
	x := &ends{map[*mesh.Pod][]*handshake.Edge{}, map[*mesh.Pod][]*handshake.Edge{}}
	for _, e := range edges {
		x.from[e.Client] = append(x.from[e.Client], e)
		if e.Server.Pod != nil {
			x.into[e.Server.Pod] = append(x.into[e.Server.Pod], e)
		}
	}
	return x
}

func (w *World) byEnds() *ends {
	if w.ends == nil {
		w.ends = newEnds(w.edges)
	}
	return w.ends
}

// EdgesFrom are the edges in scope of which a pod is the client, sorted. A check that asks for those of
// one pod after the other does not go through all of them each time.
func (w *World) EdgesFrom(client *mesh.Pod) []*handshake.Edge { return w.byEnds().from[client] }

// EdgesInto are the edges in scope that end in a pod, sorted.
func (w *World) EdgesInto(server *mesh.Pod) []*handshake.Edge { return w.byEnds().into[server] }

// EdgesOf are the edges in scope that a pod is an end of.
func (w *World) EdgesOf(pod *mesh.Pod) []*handshake.Edge {
	out := append([]*handshake.Edge(nil), w.EdgesFrom(pod)...)
	for _, e := range w.EdgesInto(pod) {
		if e.Client != pod {
			out = append(out, e)
		}
	}
	return out
}
