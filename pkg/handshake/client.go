package handshake

import (
	"net/netip"
	"slices"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// way is one upstream that a client's proxy may send a connection to.
type way struct {
	cluster     string
	conditional bool // some requests or a share of the connections only
	problem     Reason
	why         string
	answered    bool  // the proxy answers the request itself
	at          place // where the choice was read
	http        *envoy.Filter
	requests    bool   // a gateway's routes lead there, and so HTTP goes out whatever the port is declared as
	config      string // the resource that it was made from, as istiod notes it; "" for istiod's own
}

// fromSidecar follows a captured connection through the client's own proxy.
func (e *Engine) fromSidecar(client *mesh.Pod, d dial) []*Edge {
	ix := e.index(client.Proxy)
	ways := e.ways(client, ix, d)
	var out []*Edge
	for _, w := range ways {
		out = append(out, e.along(client, ix, d, w)...)
	}
	return out
}

// fromGateway knows no application of its own: a gateway calls what its clusters lead to. Which
// of its routes take which call is not followed.
func (e *Engine) fromGateway(client *mesh.Pod, d dial) []*Edge {
	if !client.Proxy.Read.Has(envoy.SectionClusters) {
		return e.unread(client, d, EvidenceMissing, "its proxy's clusters were not read")
	}
	ix := e.index(client.Proxy)
	var out []*Edge
	for _, c := range ix.clusterIndex().byHost[hostPort{d.name, d.port}] {
		w := way{cluster: c.Name, conditional: true, requests: ix.sendsRequests(c.Name), at: placeOf(client, "clusters", c.Name)}
		out = append(out, e.along(client, ix, d, w)...)
	}
	return out
}

// ways finds the upstream clusters of a captured connection: listener, filter chain, route.
func (e *Engine) ways(client *mesh.Pod, ix *proxyIndex, d dial) []way {
	l := e.outboundListener(ix, d)
	if l == nil {
		return []way{{problem: EvidenceMissing, why: "no outbound listener of the client's proxy takes " + d.label()}}
	}
	at := placeOf(client, "listeners", l.Name)
	if what := ix.opaque(l); what != "" {
		return []way{{problem: NotModelled, why: "the client's listener " + l.Name + " sets " + what, at: at}}
	}
	chain := matchChain(l, e.appConn(l, d))
	if chain == nil {
		return []way{{problem: NoRoute, why: "no filter chain of the client's listener " + l.Name + " takes " + d.label(), at: at}}
	}
	for _, f := range chain.Filters {
		switch f.Kind {
		case envoy.TCPProxy:
			return madeFrom(chain.Config, tcpWays(f, at))
		case envoy.HTTPManager:
			return e.httpWays(client, ix, f, d, at)
		}
	}
	return []way{{problem: NotModelled, why: "the client's listener " + l.Name + " ends in no filter that is modelled", at: at}}
}

// outboundListener finds the listener of a destination. A name whose address is not known is
// looked for among the listeners that lead to its cluster: DNS proxying gives such names
// addresses that no resource shows.
func (e *Engine) outboundListener(ix *proxyIndex, d dial) *envoy.Listener {
	listeners := ix.listenerIndex()
	if !d.addr.IsValid() {
		for _, a := range sortedAddrs(listeners.exact) {
			if uint32(a.Port()) == d.port && leadsTo(listeners.exact[a], d) && !e.declares(d.name, a.Addr()) {
				return listeners.exact[a]
			}
		}
	}
	l := listeners.find(d.addr, d.port, listeners.fallback)
	if l != nil && l.Direction == "INBOUND" {
		return listeners.fallback
	}
	return l
}

// declares reports whether a resource shows an address: as a virtual IP, or as that of an endpoint of
// the name.
func (e *Engine) declares(name string, a netip.Addr) bool {
	is := func(ep mesh.Endpoint) bool { return ep.Address.Addr() == a }
	holds := func(p *mesh.Port) bool { return slices.ContainsFunc(p.Endpoints, is) }
	return e.snap.HostAt(a) != nil || slices.ContainsFunc(e.snap.HostsNamed(name), func(h *mesh.Host) bool { return slices.ContainsFunc(h.Ports, holds) })
}

func sortedAddrs(m map[netip.AddrPort]*envoy.Listener) []netip.AddrPort {
	out := make([]netip.AddrPort, 0, len(m))
	for a := range m {
		out = append(out, a)
	}
	slices.SortFunc(out, netip.AddrPort.Compare)
	return out
}

func leadsTo(l *envoy.Listener, d dial) bool {
	for _, fc := range l.FilterChains {
		for _, f := range fc.Filters {
			for _, c := range f.Clusters {
				if n, ok := parseClusterName(c.Name); ok && n.host == d.name && n.port == d.port {
					return true
				}
			}
		}
	}
	return false
}

// appConn is what a listener of the client's proxy sees of its own application's connection.
func (e *Engine) appConn(l *envoy.Listener, d dial) conn {
	c := conn{Port: d.port, Dest: d.addr, Transport: "raw_buffer"}
	inspect(&c, l, wire{App: d.protocol, SNI: d.name})
	return c
}

// along sends a connection to every endpoint of one upstream.
func (e *Engine) along(client *mesh.Pod, ix *proxyIndex, d dial, w way) []*Edge {
	if w.problem != "" {
		return e.stopped(client, d, w)
	}
	c := ix.clusterIndex().serving[w.cluster]
	if c == nil {
		w.problem, w.why = ix.noCluster(w.cluster)
		return e.lost(client, d, w)
	}
	if c.Name == "BlackHoleCluster" {
		w.problem, w.why = BlackHoled, "the client's proxy sends "+d.label()+" to BlackHoleCluster (REGISTRY_ONLY): it does not know the destination"
		return e.stopped(client, d, w)
	}
	if !modelledType(c) {
		w.problem, w.why = NotModelled, "cluster "+c.Name+" of the client's proxy is of type "+c.Type
		return e.lost(client, d, w)
	}
	list := e.upstreams(ix, c, d)
	if len(list) == 0 && slices.ContainsFunc(d.registered, func(ep mesh.Endpoint) bool { return ep.Ready && ep.Pod != client }) {
		return []*Edge{e.empty(client, d, c, w)}
	}
	unseen := c.Type != "EDS" && !leadsOn(c) && !ix.proxy.Read.Has(envoy.SectionHosts)
	none := !slices.ContainsFunc(list, func(u upstream) bool { return !u.out })
	var out []*Edge
	groups := e.grouping(client, d)
	for _, u := range list {
		by := chooseSocket(c, u.labels)
		if d.skips(client, u.Endpoint) || groups.join(u, by) {
			continue
		}
		r := e.start(client, d)
		r.to(u.Endpoint)
		r.outbound(c, w)
		r.upstream(ix, c, u, by, w)
		groups.add(r)
		for _, end := range r.ends() {
			switch {
			case u.out:
				end.outOfRotation(c, none)
			case unseen:
				end.assume(EndpointInRotation)
			}
			out = append(out, end.Edge)
		}
	}
	return out
}

// empty is the edge of a cluster without endpoints whose destination has some: a subset that
// selects none, or a proxy that was not told.
func (e *Engine) empty(client *mesh.Pod, d dial, c *envoy.Cluster, w way) *Edge {
	r := e.start(client, d)
	r.outbound(c, w)
	r.read(placeOf(client, "endpoints", c.ServiceName), "no endpoint")
	r.block(NoEndpoint, "cluster %s of the client's proxy has no endpoint", c.Name)
	return r.finish()
}

// noCluster says why a route leads to a cluster that takes no connections. One that waits for a
// certificate or a trust bundle warms until it comes.
func (ix *proxyIndex) noCluster(name string) (Reason, string) {
	c := ix.clusterIndex().waiting[name]
	if c == nil {
		return NoRoute, "the client's proxy has no cluster " + name
	}
	for _, s := range c.Secrets() {
		if ix.warming[s] && ix.secrets[s] == nil {
			return ClientSecretMissing, "cluster " + name + " of the client's proxy is warming: it waits for secret " + s
		}
	}
	return NoRoute, "cluster " + name + " of the client's proxy is " + string(c.State)
}

// stopped gives the edges of a connection that never leaves the client's proxy: one for each
// endpoint that it was meant for.
func (e *Engine) stopped(client *mesh.Pod, d dial, w way) []*Edge {
	return e.each(client, d, d.registered, func(r *replay) *Edge { return r.stop(w) })
}

// lost is stopped where a route says that the connection is to lead on: it is lost even if the host
// that was called has no endpoint.
func (e *Engine) lost(client *mesh.Pod, d dial, w way) []*Edge {
	out := e.stopped(client, d, w)
	if len(out) == 0 && d.touches(client, nil) {
		out = append(out, e.start(client, d).stop(w))
	}
	return out
}

// stop ends a connection in the client's proxy.
func (r *replay) stop(w way) *Edge {
	r.assume(CaptureAsAnnotated)
	if w.conditional {
		r.assume(RouteConditional)
	}
	r.tellClient(w)
	r.Outbound = Outbound{Path: ViaCluster, Cluster: w.cluster}
	if w.problem == BlackHoled {
		r.Outbound.Path = BlackHole
	}
	if w.at != (place{}) {
		r.read(w.at, w.why)
	}
	r.noteRoute(w)
	r.block(w.problem, "%s", w.why)
	return r.finish()
}

// outbound notes where the client's proxy sends the connection.
func (r *replay) outbound(c *envoy.Cluster, w way) {
	r.assume(CaptureAsAnnotated)
	if w.conditional {
		r.assume(RouteConditional)
	}
	r.Outbound = Outbound{Path: ViaCluster, Cluster: c.Name, Rule: configRef(c.Config, "DestinationRule")}
	r.tellClient(w)
	r.tellCluster(c)
	if n, ok := parseClusterName(c.Name); ok {
		r.Server.Subset, r.Outbound.Port = n.subset, n.port
		r.Outbound.Host = r.engine.hostOf(c, n, r.Server.Host)
	}
	r.noteRoute(w)
	if slices.Contains(PassthroughClusters, c.Name) {
		r.Outbound.Path = Passthrough
		r.read(w.at, "leads to "+c.Name+": the client's proxy does not know "+r.dial.label())
	}
}

// PassthroughClusters are those of destinations that the client's proxy does not know: by address, and with
// outboundTrafficPolicy ALLOW_ANY_DYNAMIC_DNS by the name in the request (pilot/pkg/networking/util/util.go in Istio).
var PassthroughClusters = []string{"PassthroughCluster", "AllowAnyDynamicDNSCluster"}

// hostOf is the host whose cluster it is. Several namespaces may declare its name: istiod notes at the cluster whose
// host it is; without that note it is the one that was dialled.
func (e *Engine) hostOf(c *envoy.Cluster, n clusterName, dialled *mesh.Host) *mesh.Host {
	hosts := e.snap.HostsNamed(n.host)
	noted := func(h *mesh.Host) bool {
		return slices.ContainsFunc(c.Services, func(s envoy.ServiceRef) bool { return s.Host == h.Name && s.Namespace == h.Namespace })
	}
	i := slices.IndexFunc(hosts, noted)
	switch own := dialled != nil && dialled.Name == n.host; {
	case own && (i < 0 || noted(dialled)):
		return dialled
	case len(hosts) > 0:
		return hosts[max(i, 0)]
	}
	return nil
}
