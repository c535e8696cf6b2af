package handshake

import (
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// Query narrows which connections are replayed. Nil fields narrow nothing.
type Query struct {
	Client func(*mesh.Pod) bool
	// Host narrows the destinations of the registry, Server the endpoints.
	Host   func(*mesh.Host) bool
	Server func(*Server) bool
	// Either keeps edges whose client or server pod it accepts, and the calls of a host of such pods that a route
	// leads elsewhere: these too may be meant by "the server is down".
	Either func(*mesh.Pod) bool
	// Trace makes every edge tell its steps.
	Trace bool
	// alike lets one edge stand for the endpoints that are alike.
	alike bool
}

// takes reports whether Either accepts an end.
func (q *Query) takes(client, server *mesh.Pod) bool {
	return q == nil || q.Either == nil || q.Either(client) || server != nil && q.Either(server)
}

// askedBy notes who asks, and whether for pods behind the host.
func (d *dial) askedBy(q *Query) {
	d.query = q
	d.meant = q.Either != nil && d.host != nil && d.host.Leads(func(p *mesh.Pod) bool { return p != nil && q.Either(p) })
}

// touches reports whether the query asks for a connection between two pods; server may be nil.
func (d *dial) touches(client, server *mesh.Pod) bool {
	return d.query.takes(client, server) || d.meant && server != nil && !serves(d.host, server)
}

// serves reports whether a pod stands behind a host.
func serves(h *mesh.Host, pod *mesh.Pod) bool {
	return h.Leads(func(p *mesh.Pod) bool { return p == pod })
}

// keep appends the edges that the query asks for.
func (d *dial) keep(out, edges []*Edge) []*Edge {
	for _, x := range edges {
		if (d.query.Server == nil || d.query.Server(&x.Server)) && d.touches(x.Client, x.Server.Pod) {
			out = append(out, x)
		}
	}
	return out
}
