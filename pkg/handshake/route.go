package handshake

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

func tcpWays(f *envoy.Filter, at place) []way {
	switch {
	case len(f.Clusters) == 0:
		return []way{{problem: NotModelled, why: "a tcp_proxy without a cluster", at: at}}
	case f.Tunnels:
		return []way{{problem: NotModelled, why: "TcpProxy.tunneling_config sends an HTTP CONNECT: what the other end makes of it is not known", at: at}}
	}
	return weighted(f.Clusters, at)
}

// weighted gives one way for each target that takes a share.
func weighted(list []envoy.WeightedCluster, at place) []way {
	var out []way
	for _, c := range list {
		if len(list) == 1 || c.Weight > 0 {
			out = append(out, way{cluster: c.Name, conditional: len(list) > 1, at: at})
		}
	}
	if len(out) == 1 {
		out[0].conditional = false
	}
	return out
}

// httpWays follows the Host header through virtual hosts and routes.
func (e *Engine) httpWays(client *mesh.Pod, ix *proxyIndex, f *envoy.Filter, d dial, at place) []way {
	rc := f.Routes
	if rc == nil {
		rc = ix.proxy.Routes[f.RouteName]
		at = placeOf(client, "routes", f.RouteName)
	}
	if rc == nil {
		why := fmt.Sprintf("route configuration %s was not read", f.RouteName)
		return []way{{problem: EvidenceMissing, why: why, at: at}}
	}
	vh := ix.virtualHost(rc, d)
	switch {
	case vh == nil && len(rc.Unmodelled) > 0: // vhds brings virtual hosts on demand
		return []way{{problem: NotModelled, why: "the route configuration sets " + rc.Unmodelled[0], at: at}}
	case vh == nil:
		return []way{{problem: NoRoute, why: "no virtual host of the client's proxy takes " + d.label(), at: at}}
	}
	at = at.within(vh.Name)
	if len(vh.Unmodelled) > 0 {
		return []way{{problem: NotModelled, why: "virtual host " + vh.Name + " sets " + vh.Unmodelled[0], at: at}}
	}
	ways := routesOf(vh, at)
	if len(ways) == 0 {
		ways = []way{{problem: NoRoute, why: "no route of the client's proxy takes " + d.label(), at: at}}
	}
	for i := range ways {
		ways[i].http = f
	}
	return ways
}

// routesOf lists where a virtual host's routes lead, up to the one that takes every request. A
// route that the proxy answers itself for some requests only is no connection.
func routesOf(vh *envoy.VirtualHost, at place) []way {
	var out []way
	for _, route := range vh.Routes {
		for _, w := range madeFrom(route.Config, routeWays(route, at)) {
			w.conditional = w.conditional || !route.CatchAll
			if i := slices.IndexFunc(out, func(o way) bool { return o.cluster == w.cluster && o.problem == w.problem }); i >= 0 {
				out[i].conditional = out[i].conditional && w.conditional
			} else if !w.answered || !w.conditional {
				out = append(out, w)
			}
		}
		if route.CatchAll {
			break
		}
	}
	return out
}

func routeWays(r *envoy.Route, at place) []way {
	switch {
	case len(r.Clusters) > 0:
		return weighted(r.Clusters, at)
	case r.DirectResponse == 502 && r.Name == "block_all": // Istio's REGISTRY_ONLY
		return []way{{problem: BlackHoled, why: "the client's proxy answers 502 itself: it does not know the host (REGISTRY_ONLY)", at: at}}
	case r.DirectResponse != 0, r.Redirect:
		return []way{{problem: NoRoute, answered: true, why: "the client's proxy answers the request itself (route " + r.Name + ")", at: at}}
	case r.ClusterHeader != "":
		return []way{{problem: NotModelled, why: "the route takes its cluster from header " + r.ClusterHeader, at: at}}
	}
	return []way{{problem: NotModelled, why: "a route action that is not modelled", at: at}}
}

// domains finds the virtual host of a name: exact, then the longest suffix wildcard, then the
// longest prefix wildcard, then "*" (envoy/config/route/v3/route_components.proto,
// VirtualHost.domains).
type domains struct {
	exact    map[string]*envoy.VirtualHost
	wildcard []wildcard
}

type wildcard struct {
	domain string
	host   *envoy.VirtualHost
}

func newDomains(rc *envoy.RouteConfig) *domains {
	d := &domains{exact: map[string]*envoy.VirtualHost{}}
	for _, vh := range rc.VirtualHosts {
		for _, domain := range vh.Domains {
			domain = strings.ToLower(domain)
			if strings.HasPrefix(domain, "*") || strings.HasSuffix(domain, "*") {
				d.wildcard = append(d.wildcard, wildcard{domain, vh})
			}
			if d.exact[domain] == nil {
				d.exact[domain] = vh
			}
		}
	}
	return d
}

// find looks for a host as it stands in the Host header: with or without its port.
func (d *domains) find(name, label string) *envoy.VirtualHost {
	name, label = strings.ToLower(name), strings.ToLower(label)
	for _, host := range []string{name, label} {
		if vh := d.exact[host]; vh != nil {
			return vh
		}
	}
	var best *envoy.VirtualHost
	score := 0
	for _, w := range d.wildcard {
		if s := max(wildcardScore(w.domain, name), wildcardScore(w.domain, label)); s > score {
			best, score = w.host, s
		}
	}
	return best
}

// wildcardScore is higher for a better match, 0 for none.
func wildcardScore(domain, host string) int {
	const suffix, prefix = 2 << 20, 1 << 20
	switch {
	case domain == "*":
		return 1
	case strings.HasPrefix(domain, "*") && strings.HasSuffix(host, domain[1:]) && len(host) >= len(domain):
		return suffix + len(domain)
	case strings.HasSuffix(domain, "*") && strings.HasPrefix(host, domain[:len(domain)-1]) && len(host) >= len(domain):
		return prefix + len(domain)
	}
	return 0
}

// virtualHost finds a name in a route configuration of the proxy.
func (ix *proxyIndex) virtualHost(rc *envoy.RouteConfig, d dial) *envoy.VirtualHost {
	index := ix.domains[rc]
	if index == nil {
		index = newDomains(rc)
		ix.domains[rc] = index
	}
	return index.find(d.name, d.label())
}

// sent is how a gateway sends to a cluster: what its routes of HTTP take, or the bytes of whole connections.
type sent struct{ requests, bytes bool }

// sendsRequests reports whether routes of HTTP lead to a cluster, and no tcp_proxy does.
func (ix *proxyIndex) sendsRequests(cluster string) bool {
	if ix.sends == nil {
		ix.sends = sends(ix.proxy)
	}
	s := ix.sends[cluster]
	return s.requests && !s.bytes
}

func sends(p *envoy.Proxy) map[string]sent {
	out := map[string]sent{}
	note := func(list []envoy.WeightedCluster, by sent) {
		for _, c := range list {
			out[c.Name] = sent{out[c.Name].requests || by.requests, out[c.Name].bytes || by.bytes}
		}
	}
	routes := func(rc *envoy.RouteConfig) {
		for _, vh := range rc.VirtualHosts {
			for _, r := range vh.Routes {
				note(r.Clusters, sent{requests: true})
			}
		}
	}
	for _, rc := range p.Routes {
		routes(rc)
	}
	for _, l := range p.Listeners {
		for _, fc := range l.Chains() {
			for _, f := range fc.Filters {
				if f.Kind == envoy.TCPProxy {
					note(f.Clusters, sent{bytes: true})
				}
				if f.Routes != nil {
					routes(f.Routes)
				}
			}
		}
	}
	return out
}
