package handshake

import (
	"net/netip"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// routeCases: which upstream a captured connection is led to.
func routeCases() []edgeCase {
	v1 := envoy.WeightedCluster{Name: "outbound|80|v1|server.shop.svc.cluster.local", Weight: 90}
	v2 := envoy.WeightedCluster{Name: "outbound|80|v2|server.shop.svc.cluster.local", Weight: 10}
	route := func(f func(*envoy.Route)) func(*world) {
		return func(w *world) { f(routeOf(w, "server.shop")) }
	}
	return []edgeCase{
		{
			name: "VirtualService with weights: both subsets, each a share", from: "shop/client", to: "server.shop:80", want: "mTLS | mTLS",
			given: func(w *world) {
				w.pod("shop/server-2")
				subsets(w)
				routeOf(w, "server.shop").Clusters = []envoy.WeightedCluster{v1, v2}
			}, takes: []Assumption{RouteConditional},
		},
		{
			name: "a weight of 0 takes nothing", from: "shop/client", to: "server.shop:80", want: "mTLS",
			given: func(w *world) {
				w.pod("shop/server-2")
				subsets(w)
				routeOf(w, "server.shop").Clusters = []envoy.WeightedCluster{v1, {Name: v2.Name}}
			},
		},
		{
			name: "a subset whose rule is DISABLE", from: "shop/client", to: "server.shop:80", want: "mTLS | fails: plaintext-refused",
			given: func(w *world) {
				w.accept("shop/server", strict)
				w.pod("shop/server-2").modes[0] = strict
				subsets(w)
				clusterNamed(w.proxy("shop/client"), v2.Name).Matches = nil
				routeOf(w, "server.shop").Clusters = []envoy.WeightedCluster{v1, v2}
			},
		},
		{
			name: "a conditional route, then the rest", from: "shop/client", to: "server.shop:80", want: "mTLS | plaintext", takes: []Assumption{RouteConditional},
			given: func(w *world) {
				vh := hostOf(w, "server.shop")
				canary := &envoy.Route{Match: "prefix / with header end-user", Clusters: []envoy.WeightedCluster{{Name: "outbound|80||naked.legacy.svc.cluster.local"}}}
				vh.Routes = append([]*envoy.Route{canary}, vh.Routes...)
			},
		},
		{
			name: "a cluster of a type that is not modelled", from: "shop/client", to: "server.shop:80", want: "unknown: not-modelled",
			given: func(w *world) {
				c := clusterNamed(w.proxy("shop/client"), "outbound|80||server.shop.svc.cluster.local")
				c.Type, c.ServiceName = "envoy.clusters.aggregate", ""
			},
		},
		{
			name: "a host of which no endpoint is known, and such a cluster", from: "shop/client", to: "api.example.com:80", want: "unknown: not-modelled",
			given: func(w *world) {
				w.entry("api.example.com", "DNS", "http 80")
				c := clusterNamed(w.proxy("shop/client"), "outbound|80||api.example.com")
				c.Type, c.Endpoints = "envoy.clusters.aggregate", nil
			},
		},
		{
			name: "ALLOW_ANY_DYNAMIC_DNS: who is not known is called by its name, in plaintext", from: "shop/client", to: "server.shop:80", want: "fails: plaintext-refused",
			given: func(w *world) {
				w.accept("shop/server", strict)
				allowByDNS(w)
				routeOf(w, "server.shop").Clusters[0].Name = "AllowAnyDynamicDNSCluster"
			},
		},
		{
			name: "ALLOW_ANY_DYNAMIC_DNS, a host outside", from: "shop/client", to: "api.example.com:80", want: "plaintext",
			given: func(w *world) {
				s := w.entry("api.example.com", "DNS", "http 80")
				s.entry.Spec.Addresses = []string{"192.0.2.1"} // which says nothing of where its name leads
				allowByDNS(w)
				routeOf(w, "api.example.com").Clusters[0].Name = "AllowAnyDynamicDNSCluster"
			},
		},
		{
			name: "ALLOW_ANY_DYNAMIC_DNS, an address", from: "shop/client", to: "10.1.0.2:8080", want: "fails: plaintext-refused",
			given: func(w *world) {
				w.accept("shop/server", strict)
				w.entry("api.example.com", "DNS", "http 8080").entry.Spec.Addresses = []string{"10.1.0.2"} // which is shop/server's
				allowByDNS(w)
				for _, rc := range w.proxy("shop/client").Routes {
					rc.VirtualHosts = []*envoy.VirtualHost{{Name: "allow_any", Domains: []string{"*"}, Routes: []*envoy.Route{routeTo("AllowAnyDynamicDNSCluster")}}}
				}
			},
		},
		{
			name: "a redirect of some requests is no connection", from: "shop/client", to: "server.shop:80", want: "mTLS",
			given: func(w *world) {
				vh := hostOf(w, "server.shop")
				vh.Routes = append([]*envoy.Route{{Name: "old", Match: "prefix /old", Redirect: true}}, vh.Routes...)
			},
		},
		{
			name: "a redirect of all requests", from: "shop/client", to: "server.shop:80", want: "fails: no-route",
			given: route(func(r *envoy.Route) { r.Clusters, r.Redirect = nil, true }),
		},
		{
			name: "a direct response is not REGISTRY_ONLY", from: "shop/client", to: "server.shop:80", want: "fails: no-route",
			given: route(func(r *envoy.Route) { r.Clusters, r.Name, r.DirectResponse = nil, "maintenance", 502 }),
		},
		{
			name: "a cluster that a header names", from: "shop/client", to: "server.shop:80", want: "unknown: not-modelled",
			given: route(func(r *envoy.Route) { r.Clusters, r.ClusterHeader = nil, "x-cluster" }),
		},
		{
			name: "a virtual host without routes", from: "shop/client", to: "server.shop:80", want: "fails: no-route",
			given: func(w *world) { hostOf(w, "server.shop").Routes = nil },
		},
		{
			name: "no virtual host takes the name", from: "shop/client", to: "server.shop:80", want: "fails: no-route",
			given: func(w *world) { w.proxy("shop/client").Routes["80"].VirtualHosts = nil },
		},
		{
			name: "virtual hosts may come on demand (vhds)", from: "shop/client", to: "server.shop:80", want: "unknown: not-modelled",
			given: func(w *world) {
				rc := w.proxy("shop/client").Routes["80"]
				rc.VirtualHosts, rc.Unmodelled = nil, []string{"RouteConfiguration.vhds"}
			},
		},
		{
			name: "a virtual host that is there needs no vhds", from: "shop/client", to: "server.shop:80", want: "mTLS",
			given: func(w *world) {
				w.proxy("shop/client").Routes["80"].Unmodelled = []string{"RouteConfiguration.vhds"}
			},
		},
		{
			name: "a virtual host with a matcher tree", from: "shop/client", to: "server.shop:80", want: "unknown: not-modelled",
			given: func(w *world) {
				vh := hostOf(w, "server.shop")
				vh.Routes, vh.Unmodelled = nil, []string{"VirtualHost.matcher"}
			},
		},
		{
			name: "a wildcard domain takes what no exact one does", from: "shop/client", to: "server.shop:80", want: "mTLS",
			given: func(w *world) {
				hostOf(w, "server.shop").Domains = []string{"*.shop.svc.cluster.local"}
			},
		},
		{
			name: "a route to a cluster that is not there", from: "shop/client", to: "server.shop:80", want: "fails: no-route",
			given: route(func(r *envoy.Route) { r.Clusters[0].Name = "outbound|80||gone.shop.svc.cluster.local" }),
		},
		{
			name: "a share that a route loses, of a name without endpoints", from: "shop/client", to: "front.shop:80", want: "fails: no-route | mTLS", takes: []Assumption{RouteConditional},
			given: func(w *world) {
				w.service("shop/front", "http 80")
				routeOf(w, "front.shop").Clusters = []envoy.WeightedCluster{{Name: server80, Weight: 80}, {Name: "outbound|80|none|server.shop.svc.cluster.local", Weight: 20}}
			},
		},
		{
			name: "all that a route loses, of a name without endpoints", from: "shop/client", to: "front.shop:80", want: "fails: no-route",
			given: func(w *world) {
				w.service("shop/front", "http 80")
				routeOf(w, "front.shop").Clusters[0].Name = "outbound|80|none|server.shop.svc.cluster.local"
			},
		},
		{
			name: "a subset without endpoints", from: "shop/client", to: "server.shop:80", want: "fails: no-healthy-upstream",
			given: func(w *world) {
				w.proxy("shop/client").Endpoints["outbound|80||server.shop.svc.cluster.local"] = nil
			},
		},
		{
			name: "REGISTRY_ONLY drops HTTP to an unknown host", from: "shop/client", to: "www.example.com:80", want: "fails: black-holed",
			given: func(w *world) { w.policy = "REGISTRY_ONLY" },
		},
		{
			name: "REGISTRY_ONLY drops TCP to an unknown host", from: "shop/client", to: "www.example.com:6379", want: "fails: black-holed",
			given: func(w *world) { w.policy = "REGISTRY_ONLY" },
		},
		{name: "ALLOW_ANY passes an unknown host through", from: "shop/client", to: "www.example.com:443", want: "appTLS"},
		{
			name: "TCP on a port where HTTP listens falls to the passthrough chain", from: "shop/client", to: "raw.shop:80", want: "mTLS",
			given: func(w *world) { w.service("shop/raw", "tcp 80 8081").of("shop/server") },
		},
		{
			name: "tcp_proxy that asks by HTTP CONNECT", from: "shop/client", to: "server.shop:9000", want: "unknown: not-modelled",
			given: func(w *world) {
				for _, l := range w.proxy("shop/client").Listeners {
					for _, fc := range l.FilterChains {
						for i, f := range fc.Filters {
							own := *f
							own.Tunnels = true
							fc.Filters[i] = &own
						}
					}
				}
			},
		},
		{
			name: "tcp_proxy with several clusters", from: "shop/client", to: "server.shop:9000", want: "mTLS | plaintext", takes: []Assumption{RouteConditional},
			given: func(w *world) {
				l := listenerNamed(w.proxy("shop/client"), "10.96.0.1_9000")
				l.FilterChains[0].Filters[0].Clusters = []envoy.WeightedCluster{
					{Name: "outbound|9000||server.shop.svc.cluster.local", Weight: 1}, {Name: "outbound|80||naked.legacy.svc.cluster.local", Weight: 1},
				}
			},
		},
		{
			name: "a listener that ends in a protocol proxy", from: "shop/client", to: "server.shop:9000", want: "unknown: not-modelled",
			given: func(w *world) {
				listenerNamed(w.proxy("shop/client"), "10.96.0.1_9000").FilterChains[0].Filters = []*envoy.Filter{{Kind: envoy.AppProtocol, Name: "envoy.filters.network.redis_proxy"}}
			},
		},
		{
			name: "an inline route configuration", from: "shop/client", to: "server.shop:80", want: "mTLS",
			given: func(w *world) {
				x := w.proxy("shop/client")
				f := wildcardListener(x, 80).FilterChains[0].Filters[0]
				f.Routes, f.RouteName = x.Routes["80"], ""
				x.Routes = nil
			},
		},
		{
			name: "the client's own chain does not match", from: "shop/client", to: "server.shop:9000", want: "fails: no-route",
			given: func(w *world) {
				listenerNamed(w.proxy("shop/client"), "10.96.0.1_9000").FilterChains[0].Match.DestinationPrefixes = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
			},
		},
		{
			name: "endpoints of /clusters stand in for an unread dump, with the pods' labels", from: "shop/client", to: "server.shop:80", want: "mTLS", takes: []Assumption{TLSModeFromLabel},
			given: func(w *world) {
				x := w.proxy("shop/client")
				x.Endpoints, x.Read = nil, x.Read&^envoy.SectionEndpoints
				x.Hosts = map[string][]envoy.Host{"outbound|80||server.shop.svc.cluster.local": {{Address: netip.MustParseAddrPort("10.1.0.2:8080")}}}
			},
		},
		{
			name: "the registry stands in, narrowed by the subset's labels", from: "shop/client", to: "server.shop:80", want: "mTLS", takes: []Assumption{TLSModeFromLabel},
			given: func(w *world) {
				w.pod("shop/server-2")
				subsets(w)
				x := w.proxy("shop/client")
				x.Endpoints, x.Read = nil, x.Read&^envoy.SectionEndpoints
				clusterNamed(x, v1.Name).Config = "/apis/networking.istio.io/v1/namespaces/shop/destination-rule/server"
				w.resources().DestinationRules = []*kube.DestinationRule{{
					Meta: kube.Meta{Name: "server", Namespace: "shop"},
					Spec: kube.DestinationRuleSpec{Subsets: []kube.Subset{{Name: "v1", Labels: map[string]string{"app": "server"}}}},
				}}
				routeOf(w, "server.shop").Clusters = []envoy.WeightedCluster{{Name: v1.Name}}
			},
		},
		{
			name: "the registry stands in for the cluster's host, not for the one that was dialled", from: "shop/client", to: "server.shop:80", want: "plaintext", takes: []Assumption{TLSModeFromLabel},
			given: func(w *world) {
				x := w.proxy("shop/client")
				x.Endpoints, x.Read = nil, x.Read&^envoy.SectionEndpoints
				routeOf(w, "server.shop").Clusters[0].Name = "outbound|80||naked.legacy.svc.cluster.local"
			},
		},
	}
}

// subsets splits shop/server: v1 is pod server, v2 is pod server-2.
func subsets(w *world) {
	w.services[0].of("shop/server-2")
	x := w.proxy("shop/client")
	for i, subset := range []string{"v1", "v2"} {
		name := "outbound|80|" + subset + "|server.shop.svc.cluster.local"
		c := *clusterNamed(x, "outbound|80||server.shop.svc.cluster.local")
		c.Name, c.ServiceName = name, name
		x.Clusters = append(x.Clusters, &c)
		x.Endpoints[name] = x.Endpoints["outbound|80||server.shop.svc.cluster.local"][i : i+1]
	}
}

func hostOf(w *world, host string) *envoy.VirtualHost {
	for _, vh := range w.proxy("shop/client").Routes["80"].VirtualHosts {
		if vh.Domains[0] == fqdn(host) {
			return vh
		}
	}
	w.t.Fatalf("no virtual host for %s", host)
	return nil
}

// allowByDNS gives shop/client the cluster of outboundTrafficPolicy ALLOW_ANY_DYNAMIC_DNS.
func allowByDNS(w *world) {
	x := w.proxy("shop/client")
	x.Clusters = append(x.Clusters, &envoy.Cluster{Name: "AllowAnyDynamicDNSCluster", Type: "envoy.clusters.dynamic_forward_proxy", Freshness: active})
}
