package oracle

import (
	listener "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	route "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	tcp "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/tcp_proxy/v3"
	"istio.io/istio/pilot/pkg/simulation"
)

// upstreams are the clusters that a simulated call leads to. The simulation names one only
// where there is one; the shares of several are read from the route or filter that it took.
func (p *Proxy) upstreams(res simulation.Result) []string {
	switch {
	case res.Error != nil:
		return nil
	case res.ClusterMatched != "":
		return []string{res.ClusterMatched}
	case res.VirtualHostMatched != "":
		return weightedRoute(p.route(res))
	}
	for _, fc := range append(p.Listener(res.ListenerMatched).GetFilterChains(), p.Listener(res.ListenerMatched).GetDefaultFilterChain()) {
		if fc.GetName() == res.FilterChainMatched {
			return weightedTCP(fc)
		}
	}
	return nil
}

func (p *Proxy) route(res simulation.Result) *route.Route {
	for _, rc := range p.Simulation.Routes {
		if rc.Name != res.RouteConfigMatched {
			continue
		}
		for _, vh := range rc.VirtualHosts {
			for _, r := range vh.Routes {
				if vh.Name == res.VirtualHostMatched && r.Name == res.RouteMatched {
					return r
				}
			}
		}
	}
	return nil
}

func weightedRoute(r *route.Route) []string {
	var out []string
	for _, c := range r.GetRoute().GetWeightedClusters().GetClusters() {
		if c.GetWeight().GetValue() > 0 {
			out = append(out, c.Name)
		}
	}
	return out
}

func weightedTCP(fc *listener.FilterChain) []string {
	var out []string
	for _, f := range fc.GetFilters() {
		proxy := new(tcp.TcpProxy)
		if f.GetTypedConfig().UnmarshalTo(proxy) != nil {
			continue
		}
		for _, c := range proxy.GetWeightedClusters().GetClusters() {
			out = append(out, c.Name)
		}
	}
	return out
}
