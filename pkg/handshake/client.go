package handshake

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// way is one upstream that a client's proxy may send a connection to.
type way struct {
	cluster     string
	conditional bool // some requests or a share of the connections only
	problem     Reason
	why         string
	source      string // where the choice was read
	http        *envoy.Filter
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

// fromGateway knows no application of its own: a gateway calls what its clusters lead to.
func (e *Engine) fromGateway(client *mesh.Pod, d dial) []*Edge {
	ix := e.index(client.Proxy)
	var out []*Edge
	for _, c := range ix.byHost[hostPort{d.name, d.port}] {
		w := way{cluster: c.Name, source: client.Key().String() + " config_dump clusters/" + c.Name}
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
	source := client.Key().String() + " config_dump listeners/" + l.Name
	if len(l.Unmodelled) > 0 {
		return []way{{problem: NotModelled, why: "the client's listener " + l.Name + " sets " + l.Unmodelled[0], source: source}}
	}
	chain := matchChain(l, e.appConn(l, d))
	if chain == nil {
		return []way{{problem: NoRoute, why: "no filter chain of the client's listener " + l.Name + " takes " + d.label(), source: source}}
	}
	for _, f := range chain.Filters {
		switch f.Kind {
		case envoy.TCPProxy:
			return tcpWays(f, source)
		case envoy.HTTPManager:
			return e.httpWays(client, ix, f, d, source)
		}
	}
	return []way{{problem: NotModelled, why: "the client's listener " + l.Name + " ends in no filter that is modelled", source: source}}
}

// outboundListener finds the listener of a destination. A name whose address is not known is
// looked for among the listeners that lead to its cluster: DNS proxying gives such names
// addresses that no resource shows.
func (e *Engine) outboundListener(ix *proxyIndex, d dial) *envoy.Listener {
	if !d.addr.IsValid() {
		for _, a := range sortedAddrs(ix.exact) {
			if uint32(a.Port()) == d.port && leadsTo(ix.exact[a], d) {
				return ix.exact[a]
			}
		}
	}
	l := ix.listener(d.addr, d.port, ix.fallback)
	if l != nil && l.Direction == "INBOUND" {
		return ix.fallback
	}
	return l
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

func tcpWays(f *envoy.Filter, source string) []way {
	if len(f.Clusters) == 0 {
		return []way{{problem: NotModelled, why: "a tcp_proxy without a cluster", source: source}}
	}
	var out []way
	for _, c := range f.Clusters {
		out = append(out, way{cluster: c.Name, conditional: len(f.Clusters) > 1, source: source})
	}
	return out
}

// httpWays follows the Host header through virtual hosts and routes.
func (e *Engine) httpWays(client *mesh.Pod, ix *proxyIndex, f *envoy.Filter, d dial, source string) []way {
	rc := f.Routes
	if rc == nil {
		rc = ix.proxy.Routes[f.RouteName]
		source = client.Key().String() + " config_dump routes/" + f.RouteName
	}
	if rc == nil {
		why := fmt.Sprintf("route configuration %s was not read", f.RouteName)
		return []way{{problem: EvidenceMissing, why: why, source: source}}
	}
	vh := virtualHost(rc, d)
	if vh == nil {
		return []way{{problem: NoRoute, why: "no virtual host of the client's proxy takes " + d.label(), source: source}}
	}
	source += "/" + vh.Name
	var out []way
	for _, route := range vh.Routes {
		for _, w := range routeWays(route, source) {
			w.http = f
			w.conditional = w.conditional || !route.CatchAll
			out = append(out, w)
		}
		if route.CatchAll {
			return out
		}
	}
	return out
}

func routeWays(r *envoy.Route, source string) []way {
	switch {
	case len(r.Clusters) > 0:
		var out []way
		for _, c := range r.Clusters {
			out = append(out, way{cluster: c.Name, conditional: len(r.Clusters) > 1, source: source})
		}
		return out
	case r.DirectResponse == 502: // Istio's block_all of REGISTRY_ONLY
		return []way{{problem: BlackHoled, why: "the client's proxy answers 502 itself: it does not know the host (REGISTRY_ONLY)", source: source}}
	case r.DirectResponse != 0, r.Redirect:
		return []way{{problem: NoRoute, why: "the client's proxy answers the request itself (route " + r.Name + ")", source: source}}
	case r.ClusterHeader != "":
		return []way{{problem: NotModelled, why: "the route takes its cluster from header " + r.ClusterHeader, source: source}}
	}
	return []way{{problem: NotModelled, why: "a route action that is not modelled", source: source}}
}

// virtualHost chooses by domain: exact, then the longest suffix wildcard, then the longest
// prefix wildcard, then "*" (envoy/config/route/v3/route_components.proto, VirtualHost.domains).
func virtualHost(rc *envoy.RouteConfig, d dial) *envoy.VirtualHost {
	var best *envoy.VirtualHost
	score := 0
	for _, vh := range rc.VirtualHosts {
		for _, domain := range vh.Domains {
			s := max(domainScore(domain, d.name), domainScore(domain, d.label()))
			if s > score {
				best, score = vh, s
			}
		}
	}
	return best
}

func domainScore(domain, host string) int {
	const exact, suffix, prefix = 3 << 20, 2 << 20, 1 << 20
	host = strings.ToLower(host)
	switch domain = strings.ToLower(domain); {
	case domain == host:
		return exact
	case domain == "*":
		return 1
	case strings.HasPrefix(domain, "*") && strings.HasSuffix(host, domain[1:]) && len(host) >= len(domain):
		return suffix + len(domain)
	case strings.HasSuffix(domain, "*") && strings.HasPrefix(host, domain[:len(domain)-1]):
		return prefix + len(domain)
	}
	return 0
}

// along sends a connection to every endpoint of one upstream.
func (e *Engine) along(client *mesh.Pod, ix *proxyIndex, d dial, w way) []*Edge {
	if w.problem != "" {
		return e.stopped(client, d, w)
	}
	c := ix.clusters[w.cluster]
	if c == nil {
		w.problem, w.why = NoRoute, "the client's proxy has no cluster "+w.cluster
		return e.stopped(client, d, w)
	}
	if c.Name == "BlackHoleCluster" {
		w.problem, w.why = BlackHoled, "the client's proxy sends "+d.label()+" to BlackHoleCluster (REGISTRY_ONLY): it does not know the destination"
		return e.stopped(client, d, w)
	}
	var out []*Edge
	for _, u := range e.upstreams(ix, c, d) {
		if u.Pod == client {
			continue
		}
		r := e.start(client, d)
		r.to(u.Endpoint)
		r.outbound(c, w)
		out = append(out, r.upstream(ix, c, u, w))
	}
	return out
}

// stopped gives the edges of a connection that never leaves the client's proxy: one for each
// endpoint that it was meant for.
func (e *Engine) stopped(client *mesh.Pod, d dial, w way) []*Edge {
	var out []*Edge
	for _, ep := range d.direct {
		if ep.Pod == client {
			continue
		}
		r := e.start(client, d)
		r.to(ep)
		r.Outbound = Outbound{Path: ViaCluster, Cluster: w.cluster}
		if w.problem == BlackHoled {
			r.Outbound.Path = BlackHole
		}
		if w.source != "" {
			r.fact(Proxy, w.source, w.why)
		}
		r.block(w.problem, "%s", w.why)
		out = append(out, r.finish())
	}
	return out
}

// outbound notes where the client's proxy sends the connection.
func (r *replay) outbound(c *envoy.Cluster, w way) {
	r.assume(CaptureAsAnnotated)
	if w.conditional {
		r.assume(RouteConditional)
	}
	r.Outbound = Outbound{Path: ViaCluster, Cluster: c.Name, Rule: ruleRef(c.Config)}
	if n, ok := parseClusterName(c.Name); ok {
		r.Server.Subset = n.subset
	}
	if c.Name == "PassthroughCluster" {
		r.Outbound.Path = Passthrough
		r.fact(Proxy, w.source, "leads to PassthroughCluster: the client's proxy does not know "+r.dial.label())
	}
}

// ruleRef reads cluster metadata istio.config,
// "/apis/networking.istio.io/v1/namespaces/shop/destination-rule/server".
func ruleRef(config string) kube.Ref {
	f := strings.Split(strings.Trim(config, "/"), "/")
	if len(f) != 7 || f[3] != "namespaces" {
		return kube.Ref{}
	}
	return kube.Ref{Kind: "DestinationRule", Namespace: f[4], Name: f[6]}
}
