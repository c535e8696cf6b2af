package handshake

import (
	"net/netip"
	"slices"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// Engine replays connections over one snapshot. It is not safe for concurrent use.
type Engine struct {
	snap     *mesh.Snapshot
	indexes  map[*envoy.Proxy]*proxyIndex
	apps     map[netip.AddrPort]mesh.Protocol
	verified map[verifyKey]error
}

// New returns an engine for a snapshot.
func New(s *mesh.Snapshot) *Engine {
	e := &Engine{
		snap: s, indexes: map[*envoy.Proxy]*proxyIndex{},
		apps: map[netip.AddrPort]mesh.Protocol{}, verified: map[verifyKey]error{},
	}
	e.indexApps()
	return e
}

// indexApps notes what the application behind each endpoint is declared to speak. A port that
// several services declare differently is not declared.
func (e *Engine) indexApps() {
	for _, h := range e.snap.Hosts {
		for _, p := range h.Ports {
			for _, ep := range p.Endpoints {
				if was, ok := e.apps[ep.Address]; ok && was != p.Protocol {
					e.apps[ep.Address] = mesh.Auto
				} else {
					e.apps[ep.Address] = p.Protocol
				}
			}
		}
	}
}

// Query narrows which connections are replayed. Nil fields narrow nothing.
type Query struct {
	Client func(*mesh.Pod) bool
	// Host narrows the destinations of the registry, Server the endpoints.
	Host   func(*mesh.Host) bool
	Server func(*Server) bool
	// Either keeps edges whose client or server pod it accepts. Server pods may be nil.
	Either func(*mesh.Pod) bool
}

// Edges replays every connection that the registry knows and the query keeps: each client pod,
// with or without a proxy, to each host, port, subset and endpoint; never a pod to itself.
// The edges are sorted.
func (e *Engine) Edges(q Query) []*Edge {
	var out []*Edge
	for _, client := range e.snap.Pods {
		if q.Client != nil && !q.Client(client) {
			continue
		}
		for _, h := range e.snap.Hosts {
			if q.Host != nil && !q.Host(h) {
				continue
			}
			for _, p := range h.Ports {
				for _, d := range dials(h, p) {
					out = q.keep(out, e.replay(client, d))
				}
			}
		}
	}
	return sortEdges(out)
}

func (q *Query) keep(out, edges []*Edge) []*Edge {
	for _, x := range edges {
		if q.Server != nil && !q.Server(&x.Server) {
			continue
		}
		if q.Either != nil && !q.Either(x.Client) && (x.Server.Pod == nil || !q.Either(x.Server.Pod)) {
			continue
		}
		out = append(out, x)
	}
	return out
}

// EdgesTo replays connections to one destination that the user names: a host of the registry,
// a virtual IP, a pod's IP, or anything else. Port 0 stands for every port that is declared there.
func (e *Engine) EdgesTo(to Target, q Query) []*Edge {
	var out []*Edge
	for _, client := range e.snap.Pods {
		if q.Client != nil && !q.Client(client) {
			continue
		}
		for _, d := range e.targetDials(to) {
			edges := e.replay(client, d)
			if len(edges) == 0 && !onlySelf(client, d) {
				edges = []*Edge{e.nowhere(client, d)}
			}
			out = q.keep(out, edges)
		}
	}
	return sortEdges(out)
}

// sortEdges sorts, and drops the twins that two declarations of one name lead to.
func sortEdges(list []*Edge) []*Edge {
	slices.SortStableFunc(list, (*Edge).Compare)
	return slices.CompactFunc(list, func(a, b *Edge) bool { return a.Compare(b) == 0 })
}

// onlySelf reports that the destination is nothing but the client's own pod.
func onlySelf(client *mesh.Pod, d dial) bool {
	return len(d.direct) > 0 && !slices.ContainsFunc(d.direct, func(ep mesh.Endpoint) bool { return ep.Pod != client })
}

// nowhere is the edge of a destination without any endpoint.
func (e *Engine) nowhere(client *mesh.Pod, d dial) *Edge {
	r := e.start(client, d)
	r.block(NoEndpoint, "%s has no endpoint", d.label())
	return r.finish()
}

// replay follows one dialled destination from one client pod to each endpoint.
func (e *Engine) replay(client *mesh.Pod, d dial) []*Edge {
	switch {
	case client.Plane == mesh.Ztunnel:
		return e.unread(client, d, NotModelled, "its traffic is carried by ztunnel, which is not modelled yet")
	case client.Plane == mesh.Waypoint:
		return nil
	case !client.HasProxy():
		return e.direct(client, d, "the client has no proxy")
	case client.Proxy == nil:
		return e.unread(client, d, ClientUnread, client.Unread)
	case client.Plane == mesh.Gateway:
		return e.fromGateway(client, d)
	case !client.Capture.Outbound(d.addr, d.port):
		return e.direct(client, d, "its pod excludes this traffic from capture ("+client.Capture.Source+")")
	case !client.Proxy.Read.Has(envoy.SectionListeners | envoy.SectionClusters):
		return e.unread(client, d, EvidenceMissing, "its proxy's listeners or clusters were not read")
	}
	return e.fromSidecar(client, d)
}

// unread gives one unknown edge for each endpoint that the registry knows.
func (e *Engine) unread(client *mesh.Pod, d dial, reason Reason, why string) []*Edge {
	var out []*Edge
	for _, ep := range d.direct {
		if ep.Pod == client {
			continue
		}
		r := e.start(client, d)
		r.to(ep)
		r.block(reason, "%s: %s", client.Key(), why)
		out = append(out, r.finish())
	}
	return out
}

// direct sends without a proxy: the kernel and kube-proxy choose the endpoint.
func (e *Engine) direct(client *mesh.Pod, d dial, why string) []*Edge {
	var out []*Edge
	for _, ep := range d.direct {
		if ep.Pod == client || !ep.Ready {
			continue
		}
		r := e.start(client, d)
		r.to(ep)
		r.Outbound = Outbound{Path: Direct, Socket: "plaintext"}
		r.fact(Cluster, "pod "+client.Key().String(), why)
		if client.HasProxy() {
			r.assume(CaptureAsAnnotated)
		}
		r.assume(DNSAsRegistered)
		out = append(out, r.arrive(wire{App: d.protocol, SNI: d.name}))
	}
	return out
}
