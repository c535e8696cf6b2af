package handshake

import (
	"crypto/x509"
	"net/netip"
	"slices"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// Engine replays connections over one snapshot. It is not safe for concurrent use.
type Engine struct {
	snap    *mesh.Snapshot
	indexes map[*envoy.Proxy]*proxyIndex
	apps    map[netip.AddrPort]mesh.Protocol
	pods    map[netip.AddrPort]*mesh.Pod // behind the registry's endpoints
	nodes   map[netip.Addr]bool          // addresses of nodes
	known   []*x509.Certificate          // of CAs
	memo
	serverKinds map[*mesh.Pod]int
	guarding    map[*envoy.FilterChain]bool
}

// New returns an engine for a snapshot.
func New(s *mesh.Snapshot) *Engine {
	e := &Engine{
		snap: s, indexes: map[*envoy.Proxy]*proxyIndex{},
		apps: map[netip.AddrPort]mesh.Protocol{}, memo: newMemo(),
		pods: map[netip.AddrPort]*mesh.Pod{}, nodes: map[netip.Addr]bool{}, known: knownCAs(s),
		serverKinds: map[*mesh.Pod]int{}, guarding: map[*envoy.FilterChain]bool{},
	}
	e.indexApps()
	e.indexNodes()
	return e
}

// indexApps notes what the application behind each endpoint is declared to speak. A port that
// several Services declare differently is not declared. A ServiceEntry declares what its clients
// speak, which TLS origination changes on the way: it counts only where no Service does, and not at all
// while the Services are not known.
func (e *Engine) indexApps() {
	byService := map[netip.AddrPort]bool{}
	for _, kind := range []string{"Service", "ServiceEntry"} {
		for _, h := range e.snap.Hosts {
			if h.Ref.Kind != kind {
				continue
			}
			for _, p := range h.Ports {
				e.indexPort(p, kind == "Service", byService)
			}
		}
	}
}

func (e *Engine) indexPort(p *mesh.Port, service bool, byService map[netip.AddrPort]bool) {
	for _, ep := range p.Endpoints {
		if ep.Pod != nil {
			e.pods[ep.Address] = ep.Pod
		}
		was, known := e.apps[ep.Address]
		switch {
		case !service && byService[ep.Address]:
		case known && was != p.Protocol, !service && !e.snap.Resources.HasRead("services.core"):
			e.apps[ep.Address] = mesh.Auto
		default:
			e.apps[ep.Address] = p.Protocol
		}
		if service {
			byService[ep.Address] = true
		}
	}
}

func (e *Engine) indexNodes() {
	for _, p := range e.snap.Pods {
		if a, err := netip.ParseAddr(p.Status.HostIP); err == nil {
			e.nodes[a.Unmap()] = true
		}
	}
}

// podBehind is the pod that answers at an address: one that holds the address, or one on the
// network of its node that an EndpointSlice names.
func (e *Engine) podBehind(a netip.AddrPort) *mesh.Pod {
	if p := e.snap.PodAt(a.Addr()); p != nil {
		return p
	}
	return e.pods[a]
}

// nodePort reports a port of a node that no service's endpoints name: that of a NodePort Service,
// or of a pod on the node's network that was not read.
func (e *Engine) nodePort(a netip.AddrPort) bool {
	_, declared := e.apps[a]
	return e.nodes[a.Addr()] && !declared
}

// Edges replays every connection that the registry knows and the query keeps: each client pod,
// with or without a proxy, to each host, port, subset and endpoint. A pod's calls of its own
// Services lead to the other endpoints; to the pod itself leads only a route from another's name.
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
				for _, d := range e.dials(h, p) {
					d.askedBy(&q)
					out = d.keep(out, e.replay(client, d))
				}
			}
		}
	}
	return sortEdges(out)
}

// EdgesTo replays connections to one destination that the user names: a host of the registry,
// a virtual IP, a pod's IP, or anything else. Port 0 stands for every port that is declared there.
func (e *Engine) EdgesTo(to Target, q Query) []*Edge {
	var out []*Edge
	for _, client := range e.snap.Pods {
		if q.Client != nil && !q.Client(client) {
			continue
		}
		for _, d := range e.targetDials(client, to) {
			d.askedBy(&q)
			edges := e.replay(client, d)
			if len(edges) == 0 && !d.isOf(client) {
				edges = []*Edge{e.nowhere(client, d)}
			}
			out = d.keep(out, edges)
		}
	}
	return sortEdges(out)
}

// sortEdges sorts, and drops twins: several routes may lead to one cluster.
func sortEdges(list []*Edge) []*Edge {
	slices.SortStableFunc(list, (*Edge).Compare)
	return slices.CompactFunc(list, func(a, b *Edge) bool { return a.Compare(b) == 0 })
}

// nowhere is the edge of a destination that leads to no endpoint.
func (e *Engine) nowhere(client *mesh.Pod, d dial) *Edge {
	r := e.start(client, d)
	r.tellOrigin("calls ", d.label())
	switch {
	case client.HasProxy() && client.Proxy == nil:
		r.unseen(client, ClientUnread, "%s: %s", client.Key(), client.Unread)
	case client.Plane == mesh.Waypoint || client.Plane == mesh.Ztunnel:
		r.unseen(client, NotModelled, "%s: what a %s calls is not modelled yet", client.Key(), client.Plane)
	case client.Plane == mesh.Gateway && client.Proxy.Read.Has(envoy.SectionClusters):
		r.block(NoRoute, "the gateway %s has no cluster for %s", client.Key(), d.label())
	case d.missing != "":
		r.block(EvidenceMissing, "%s", d.missing)
	default:
		r.block(NoEndpoint, "%s has no endpoint", d.label())
	}
	return r.finish()
}

// replay follows one dialled destination from one client pod to each endpoint.
func (e *Engine) replay(client *mesh.Pod, d dial) []*Edge {
	switch {
	case d.unresolved, d.loopback(client):
		return nil
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
	case client.Capture.Assumed:
		return e.unread(client, d, EvidenceMissing, "the pod was not read: whether it excludes this traffic from capture is not known")
	case !client.Capture.Outbound(d.addr, d.port):
		return e.direct(client, d, uncaptured(client))
	case !client.Proxy.Read.Has(envoy.SectionListeners | envoy.SectionClusters):
		return e.unread(client, d, EvidenceMissing, "its proxy's listeners or clusters were not read")
	}
	return e.fromSidecar(client, d)
}

// uncaptured says why what a client sends goes past its proxy.
func uncaptured(client *mesh.Pod) string {
	if client.Capture.AsProxy {
		return "its application runs as the proxy's user or group, whose calls are not captured"
	}
	return "its pod excludes this traffic from capture (" + client.Capture.Source + ")"
}

// unread gives one unknown edge for each endpoint that the registry knows.
func (e *Engine) unread(client *mesh.Pod, d dial, reason Reason, why string) []*Edge {
	return e.each(client, d, d.registered, func(r *replay) *Edge {
		r.tellOrigin(why)
		r.unseen(client, reason, "%s: %s", client.Key(), why)
		return r.finish()
	})
}

// direct sends without a proxy: the kernel and kube-proxy choose the endpoint.
func (e *Engine) direct(client *mesh.Pod, d dial, why string) []*Edge {
	return e.each(client, d, d.direct, func(r *replay) *Edge {
		r.Outbound = Outbound{Path: Direct, Socket: "plaintext"}
		r.fact(Cluster, podSource(client), why)
		r.tellOrigin("not captured: ", why)
		if client.HasProxy() {
			r.assume(CaptureAsAnnotated)
		}
		if d.missing != "" {
			r.block(EvidenceMissing, "%s", d.missing)
			return r.finish()
		}
		r.assume(DNSAsRegistered)
		return r.arrive(wire{App: d.protocol, SNI: d.name})
	})
}

// each follows a connection to every endpoint of a list.
func (e *Engine) each(client *mesh.Pod, d dial, list []mesh.Endpoint, follow func(*replay) *Edge) []*Edge {
	var out []*Edge
	groups := e.grouping(client, d)
	for _, ep := range list {
		if d.skips(client, ep) || groups.join(upstream{Endpoint: ep}, chosen{}) {
			continue
		}
		r := e.start(client, d)
		r.to(ep)
		follow(r)
		groups.add(r)
		for _, end := range r.ends() {
			out = append(out, end.Edge)
		}
	}
	return out
}
