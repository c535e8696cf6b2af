package handshake

import (
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// Around replays what Edges does, and the connections to a host of pods that Either accepts which a route leads
// elsewhere: that too may be meant by "the server is down".
func (e *Engine) Around(q Query) []*Edge {
	edges := e.Edges(q)
	in, client := q.Either, q.Client
	if in == nil {
		return edges
	}
	q.Either = nil
	q.Client = func(p *mesh.Pod) bool { return !in(p) && (client == nil || client(p)) }
	q.Host = func(h *mesh.Host) bool { return h.Leads(func(p *mesh.Pod) bool { return p != nil && in(p) }) }
	q.Server = func(s *Server) bool { return s.Pod != nil && !in(s.Pod) && !serves(s.Host, s.Pod) }
	return sortEdges(append(edges, e.Edges(q)...))
}

// serves reports whether a pod stands behind a host.
func serves(h *mesh.Host, pod *mesh.Pod) bool {
	return h != nil && h.Leads(func(p *mesh.Pod) bool { return p == pod })
}
