package handshake

import (
	"iter"
	"net/netip"
	"slices"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// Class is a set of connections that end alike: each of Clients calls each of Servers. They have the
// verdict, the reasons of all blockers, the assumptions and the sockets in common; names, texts,
// identities and counters are those of the one that was replayed.
type Class struct {
	// Edge is the connection of the first client to the first server.
	*Edge
	Clients []*mesh.Pod // sorted
	Servers []Server
}

// Size is how many connections the class holds.
func (c *Class) Size() int { return len(c.Clients) * len(c.Servers) }

// ByWorkload yields one edge for each pair of workloads in a class: what a class says holds for every pair
// of their pods in it. The edges are the class's own but for Client and Server.
func ByWorkload(classes []*Class) iter.Seq[*Edge] {
	return func(yield func(*Edge) bool) {
		for _, c := range classes {
			if !c.byWorkload(yield) {
				return
			}
		}
	}
}

func (c *Class) byWorkload(yield func(*Edge) bool) bool {
	clients := firstOfEach(c.Clients, func(p *mesh.Pod) *mesh.Workload { return p.Workload })
	servers := firstOfEach(c.Servers, func(s Server) any {
		if s.Pod == nil {
			return s.Address
		}
		return s.Pod.Workload
	})
	for _, client := range clients {
		for _, server := range servers {
			edge := *c.Edge
			edge.Client, edge.Server = client, server
			if !yield(&edge) {
				return false
			}
		}
	}
	return true
}

// firstOfEach keeps the first element with each key.
func firstOfEach[T any, K comparable](list []T, key func(T) K) []T {
	var out []T
	seen := map[K]bool{}
	for _, x := range list {
		if k := key(x); !seen[k] {
			seen[k] = true
			out = append(out, x)
		}
	}
	return out
}

// Classes replays the connections of Edges, each class of them once. The time that it takes follows
// what differs between proxies, certificates and policies, and not how many pods share it; a mesh
// whose connections do not fit into memory as edges can be gone through. Query.Trace is ignored.
func (e *Engine) Classes(q Query) iter.Seq[*Class] {
	q.alike, q.Trace = true, false
	return func(yield func(*Class) bool) {
		cohorts := e.newCohorts(&q)
		for _, h := range e.snap.Hosts {
			if q.Host != nil && !q.Host(h) {
				continue
			}
			for _, p := range h.Ports {
				calls := calls{e, &q, e.dials(h, p), yield}
				for i := range calls.dials {
					calls.dials[i].askedBy(&q)
				}
				if !calls.ofAll(cohorts) {
					return
				}
			}
		}
	}
}

// calls are all ways in which one port of a host is dialled.
type calls struct {
	engine *Engine
	query  *Query
	dials  []dial
	yield  func(*Class) bool
}

func (c *calls) ofAll(cohorts *cohorts) bool {
	for _, x := range cohorts.list {
		apart := cohorts.ownersAmong(x, c.dials)
		for _, pod := range apart {
			if !c.of(x, []*mesh.Pod{pod}) {
				return false
			}
		}
		if rest := except(x.pods, apart); len(rest) > 0 && !c.of(x, rest) {
			return false
		}
	}
	return true
}

// of replays the calls of the first client, which stands for those that its certificate and its address
// do not tell from it, and goes on with the others.
func (c *calls) of(x *cohort, clients []*mesh.Pod) bool {
	edges := c.replay(clients[0])
	if apart := reached(edges, clients); len(apart) > 0 && len(clients) > 1 {
		for _, pod := range apart {
			if !c.of(x, []*mesh.Pod{pod}) {
				return false
			}
		}
		rest := except(clients, apart)
		return len(rest) == 0 || c.of(x, rest)
	}
	parts := x.parts(edges, clients)
	for _, edge := range edges {
		class := &Class{edge, parts[0], edge.servers()}
		edge.made = nil
		if !c.yield(class) {
			return false
		}
	}
	for _, part := range parts[1:] {
		if !c.of(x, part) {
			return false
		}
	}
	return true
}

// endpoint tells the edges of one client and one destination apart, as Compare does.
type endpoint struct {
	subset, hostname, cluster string
	address                   netip.AddrPort
}

// replay follows all dials from one client, and drops twins: several routes may lead to one cluster.
func (c *calls) replay(client *mesh.Pod) []*Edge {
	var out []*Edge
	seen := map[endpoint]bool{}
	for _, d := range c.dials {
		for _, edge := range c.engine.replay(client, d) {
			r := edge.made
			kept := r.alike[:0:0]
			for _, s := range edge.servers() {
				k := endpoint{s.Subset, s.Hostname, edge.Outbound.Cluster, s.Address}
				if !seen[k] && (c.query.Server == nil || c.query.Server(&s)) && d.touches(client, s.Pod) {
					kept = append(kept, mesh.Endpoint{Pod: s.Pod, Address: s.Address, Hostname: s.Hostname})
				}
				seen[k] = true
			}
			if len(kept) > 0 {
				r.to(kept[0])
				r.alike = kept[1:]
				out = append(out, edge)
			}
		}
	}
	return out
}

// servers are where an edge leads, and all that it stands for.
func (e *Edge) servers() []Server {
	out := make([]Server, 0, 1+len(e.made.alike))
	out = append(out, e.Server)
	for _, ep := range e.made.alike {
		s := e.Server
		s.Pod, s.Address, s.Hostname = ep.Pod, ep.Address, ep.Hostname
		out = append(out, s)
	}
	return out
}

// reached are the clients in which one of the edges ends, which are calls of a pod to itself.
func reached(edges []*Edge, clients []*mesh.Pod) []*mesh.Pod {
	var out []*mesh.Pod
	for _, edge := range edges {
		for _, s := range edge.servers() {
			if s.Pod != nil && slices.Contains(clients, s.Pod) && !slices.Contains(out, s.Pod) {
				out = append(out, s.Pod)
			}
		}
	}
	return out
}

func except(list, some []*mesh.Pod) []*mesh.Pod {
	if len(some) == 0 {
		return list
	}
	return slices.DeleteFunc(slices.Clone(list), func(p *mesh.Pod) bool { return slices.Contains(some, p) })
}
