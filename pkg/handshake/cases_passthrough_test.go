package handshake

import (
	"net/netip"
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/internal/testca"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

const sni = "outbound_.80_._.server.shop.svc.cluster.local"

// eastWest sends the calls of server.shop to a gateway, as those of another network are, and gives the
// gateway what istiod does for AUTO_PASSTHROUGH.
func eastWest(w *world) {
	w.accept("shop/server", strict)
	chain := gatewayChain(sni, nil, tcpTo(sni))
	chain.Match.ApplicationProtocols = meshALPN
	ingress(w, chain)
	x := w.proxy("infra/edge")
	x.Clusters = append(x.Clusters, &envoy.Cluster{Name: sni, Type: "EDS", ServiceName: sni, PanicThreshold: new(uint32), Freshness: active})
	x.Endpoints[sni] = w.proxy("shop/client").Endpoints[server80]
	gateway := netip.AddrPortFrom(addr(w.find("infra/edge").Status.PodIP), 8443)
	w.proxy("shop/client").Endpoints[server80] = []envoy.Endpoint{{Address: gateway, SocketMatch: tlsModeIstio}}
}

// balance puts a load balancer in front of a Service.
func (w *world) balance(service, ip string) {
	for _, s := range w.resources().Services {
		if s.Name == service {
			s.Status.LoadBalancer.Ingress = []kube.LoadBalancerIngress{{IP: ip}}
		}
	}
}

// calls gives shop/client another address for server.shop:80.
func (w *world) calls(address string) {
	w.proxy("shop/client").Endpoints[server80][0].Address = netip.MustParseAddrPort(address)
}

// The question may be about what is behind the gateway only.
func TestScopeBehindGateway(t *testing.T) {
	w := shop(t)
	eastWest(w)
	edges := New(mesh.New(w.evidence())).Edges(Query{Either: func(p *mesh.Pod) bool { return p.Name == "server" }})
	for _, e := range edges {
		if e.Client.Name == "client" && e.Server.Port == 80 && e.Via != nil && e.Via.Name == "edge" && e.Server.Pod.Name == "server" {
			return
		}
	}
	t.Errorf("no edge through the gateway among %d", len(edges))
}

// passthroughCases: a gateway hands the TLS of the client's proxy on, by its SNI.
func passthroughCases() []edgeCase {
	const from, to, elsewhere = "shop/client", "server.shop:80", "outbound_.80_._.else.shop.svc.cluster.local"
	with := func(fs ...func(*world)) func(*world) {
		return func(w *world) {
			for _, f := range fs {
				f(w)
			}
		}
	}
	gatewaysOwn := func(w *world) *envoy.Cluster { return clusterNamed(w.proxy("infra/edge"), sni) }
	return []edgeCase{
		{name: "AUTO_PASSTHROUGH: the handshake is with the server behind the gateway", from: from, to: to, want: "mTLS", given: eastWest},
		{
			name: "AUTO_PASSTHROUGH behind a load balancer's address", from: from, to: to, want: "mTLS",
			given: with(eastWest, func(w *world) { w.balance("edge", "198.51.100.7"); w.calls("198.51.100.7:443") }),
		},
		{
			name: "a load balancer's address whose Service nobody knows", from: from, to: to, want: "unknown: server-proxy-unread",
			given: with(eastWest, func(w *world) { w.calls("198.51.100.7:443") }),
		},
		{
			name: "a load balancer's address that is dialled", from: "shop/bare", to: "198.51.100.7:80", want: "plaintext",
			given: with(eastWest, func(w *world) { w.balance("edge", "198.51.100.7") }),
		},
		{
			name: "AUTO_PASSTHROUGH: a server of another root behind the gateway", from: from, to: to, want: "fails: server-certificate-unknown-root, client-certificate-unknown-root",
			given: func(w *world) {
				s, other := w.find("shop/server"), w.otherCA()
				s.leaf, s.trust = other.Leaf("shop/server"), []*testca.CA{other}
				eastWest(w)
			},
		},
		{
			name: "AUTO_PASSTHROUGH: two endpoints behind the gateway", from: from, to: to, want: "mTLS | mTLS",
			given: with(func(w *world) { w.pod("shop/server-2"); w.services[0].of("shop/server-2") }, eastWest),
		},
		{
			name: "AUTO_PASSTHROUGH: an endpoint behind the gateway is ejected", from: from, to: to, want: "mTLS", takes: []Assumption{EndpointInRotation},
			given: with(eastWest, func(w *world) { w.proxy("infra/edge").Endpoints[sni][0].Health = "UNHEALTHY" }),
		},
		{
			name: "AUTO_PASSTHROUGH: the gateway knows no endpoint that speaks mutual TLS", from: from, to: to, want: "fails: no-healthy-upstream",
			given: with(eastWest, func(w *world) { w.proxy("infra/edge").Endpoints[sni] = []envoy.Endpoint{} }),
		},
		{
			name: "AUTO_PASSTHROUGH: an SNI that the gateway does not serve", from: from, to: to, want: "fails: no-filter-chain",
			given: with(eastWest, func(w *world) {
				wildcardListener(w.proxy("infra/edge"), 8443).FilterChains[0].Match.ServerNames[0] = elsewhere
			}),
		},
		{
			name: "AUTO_PASSTHROUGH takes no plaintext", from: from, to: to, want: "fails: plaintext-refused",
			given: with(func(w *world) { w.rule("server.shop", tlsDisable) }, eastWest),
		},
		{
			name: "AUTO_PASSTHROUGH takes no TLS but the mesh's", from: from, to: to, want: "fails: no-filter-chain",
			given: with(func(w *world) { w.rule("server.shop", tlsSimple) }, eastWest),
		},
		{
			name: "AUTO_PASSTHROUGH: the server sees the client's identity", from: from, to: to, want: "denied: authorization-denied",
			given: with(eastWest, func(w *world) {
				guard(w, rbac("DENY", &envoy.RBACRule{Any: true}, principal("exact", "spiffe://cluster.local/ns/shop/sa/client")))
			}),
		},
		{
			name: "AUTO_PASSTHROUGH: the server sees the gateway's address", from: from, to: to, want: "denied: authorization-denied",
			given: with(eastWest, func(w *world) {
				guard(w, rbac("DENY", &envoy.RBACRule{Any: true}, &envoy.RBACRule{SourceIPs: prefixes(w.find("infra/edge").Status.PodIP + "/32")}))
			}),
		},
		{
			name: "AUTO_PASSTHROUGH: what is behind the gateway is not in the evidence", from: from, to: to, want: "unknown: server-proxy-unread",
			given: with(eastWest, func(w *world) { w.unread("shop/server") }),
		},
		{
			name: "AUTO_PASSTHROUGH: the gateway's clusters were not read", from: from, to: to, want: "unknown: evidence-missing",
			given: with(eastWest, func(w *world) { without(w.proxy("infra/edge"), envoy.SectionClusters) }),
		},
		{
			name: "AUTO_PASSTHROUGH: the gateway's endpoints were not read, the registry's stand in", from: from, to: to, want: "mTLS", takes: []Assumption{TLSModeFromLabel},
			given: with(eastWest, func(w *world) {
				x := w.proxy("infra/edge")
				x.Endpoints = nil
				without(x, envoy.SectionEndpoints)
			}),
		},
		{
			name: "AUTO_PASSTHROUGH: the gateway's endpoints were not read, and nobody knows the host", from: from, to: to, want: "unknown: evidence-missing",
			given: with(eastWest, func(w *world) {
				x := w.proxy("infra/edge")
				x.Endpoints, gatewaysOwn(w).Name = nil, elsewhere
				without(x, envoy.SectionEndpoints)
				wildcardListener(x, 8443).FilterChains[0].Filters = tcpTo(elsewhere)
			}),
		},
		{
			name: "AUTO_PASSTHROUGH of a gateway behind a gateway", from: from, to: to, want: "unknown: not-modelled",
			given: with(eastWest, func(w *world) { w.proxy("infra/edge").Endpoints[sni] = w.proxy("shop/client").Endpoints[server80] }),
		},
		{
			name: "a gateway that wraps what it passes on", from: from, to: to, want: "unknown: not-modelled",
			given: with(eastWest, func(w *world) { gatewaysOwn(w).Socket = upstreamTLS(&envoy.TLSContext{}) }),
		},
		{
			name: "a gateway that passes on to where it was called", from: from, to: to, want: "unknown: not-modelled",
			given: with(eastWest, func(w *world) { gatewaysOwn(w).Type = "ORIGINAL_DST" }),
		},
		{
			name: "a gateway's passthrough chain without a tcp_proxy", from: from, to: to, want: "unknown: not-modelled",
			given: with(eastWest, func(w *world) { wildcardListener(w.proxy("infra/edge"), 8443).FilterChains[0].Filters = nil }),
		},
		{
			name: "a gateway that passes on by weights", from: from, to: to, want: "mTLS | fails: no-route", takes: []Assumption{RouteConditional},
			given: with(eastWest, func(w *world) {
				wildcardListener(w.proxy("infra/edge"), 8443).FilterChains[0].Filters[0].Clusters = []envoy.WeightedCluster{{Name: sni, Weight: 1}, {Name: "BlackHoleCluster", Weight: 1}}
			}),
		},
		{
			name: "sni_cluster: the SNI names the cluster", from: from, to: to, want: "mTLS",
			given: with(eastWest, sniCluster),
		},
		{
			name: "sni_cluster: no cluster of that name", from: from, to: to, want: "fails: no-route",
			given: with(eastWest, sniCluster, func(w *world) { gatewaysOwn(w).Name = "else" }),
		},
		{
			name: "sni_cluster: the application's own TLS names no cluster", from: "shop/bare", to: "edge.infra:443", want: "fails: no-route",
			given: func(w *world) {
				ingress(w, gatewayChain("edge.infra.svc.cluster.local", nil, append([]*envoy.Filter{{Kind: envoy.SNICluster}}, tcpTo("BlackHoleCluster")...)))
			},
		},
		{
			name: "PASSTHROUGH of the mesh's TLS, which the gateway's cluster wraps once more", from: "shop/client", to: "edge.infra:443", want: "unknown: not-modelled",
			given: func(w *world) {
				w.rule("edge.infra", istioMutual)
				ingress(w, gatewayChain("outbound_.443_._.edge.infra.svc.cluster.local", nil, tcpTo("outbound|443||server.shop.svc.cluster.local")))
			},
		},
	}
}

// sniCluster gives the gateway the chain of Istio before 1.11.
func sniCluster(w *world) {
	fc := wildcardListener(w.proxy("infra/edge"), 8443).FilterChains[0]
	fc.Match = envoy.FilterChainMatch{ServerNames: []string{"*.local"}}
	fc.Filters = append([]*envoy.Filter{{Kind: envoy.SNICluster}}, tcpTo("BlackHoleCluster")...)
}
