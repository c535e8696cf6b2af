package handshake

import (
	"net/netip"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/certs"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
)

// ingress is a gateway with one HTTPS listener, whose chain a case chooses, and one HTTP listener.
func ingress(w *world, chains ...*envoy.FilterChain) {
	w.pod("infra/edge", gateway)
	w.pod("shop/bare", noProxy)
	w.service("infra/edge", "https 443 8443", "http 80 8080").of("infra/edge")
	x := w.proxy("infra/edge")
	tls := &envoy.Listener{
		Name: "0.0.0.0_8443", Addresses: []netip.AddrPort{netip.MustParseAddrPort("0.0.0.0:8443")}, BindToPort: true,
		Filters: []envoy.ListenerFilter{{Kind: envoy.TLSInspector}}, FilterChains: chains, Freshness: active,
	}
	http := &envoy.Listener{
		Name: "0.0.0.0_8080", Addresses: []netip.AddrPort{netip.MustParseAddrPort("0.0.0.0:8080")}, BindToPort: true,
		FilterChains: []*envoy.FilterChain{{Filters: []*envoy.Filter{{Kind: envoy.HTTPManager}}}}, Freshness: active,
	}
	x.Listeners = append(x.Listeners, tls, http)
}

func gatewayChain(sni string, socket *envoy.TransportSocket, filters []*envoy.Filter) *envoy.FilterChain {
	return &envoy.FilterChain{Name: sni, Match: envoy.FilterChainMatch{ServerNames: []string{sni}}, Socket: socket, Filters: filters}
}

// gatewayTLS is a Gateway server's own TLS.
func gatewayTLS(mutual bool) *envoy.TransportSocket {
	ctx := &envoy.TLSContext{Certificates: []envoy.CertificateRef{{SDS: "kubernetes://cert"}}, RequireClientCertificate: mutual}
	if mutual {
		ctx.Validation = envoy.Validation{Present: true, CA: &envoy.TrustRef{SDS: "kubernetes://cert-cacert"}}
	}
	return &envoy.TransportSocket{Kind: envoy.TLS, TLS: ctx}
}

const server443 = "outbound|443||server.shop.svc.cluster.local"

// routed gives the gateway infra/edge a route to the port on which server speaks TLS of its own.
func routed(w *world) {
	route := &envoy.Route{Clusters: []envoy.WeightedCluster{{Name: server443}}}
	config := &envoy.RouteConfig{Name: "http.8080", VirtualHosts: []*envoy.VirtualHost{{Domains: []string{"*"}, Routes: []*envoy.Route{route}}}}
	w.proxy("infra/edge").Routes = map[string]*envoy.RouteConfig{config.Name: config}
}

func gatewayCases() []edgeCase {
	const host = "edge.infra.svc.cluster.local"
	http := []*envoy.Filter{{Kind: envoy.HTTPManager}}
	simple := func(w *world) { ingress(w, gatewayChain(host, gatewayTLS(false), http)) }
	mutual := func(w *world) { ingress(w, gatewayChain(host, gatewayTLS(true), http)) }
	passthrough := func(w *world) {
		ingress(w, gatewayChain(host, nil, tcpTo("outbound|443||server.shop.svc.cluster.local")))
	}
	return []edgeCase{
		{
			name: "a gateway calls a service of the mesh", from: "infra/edge", to: "server.shop:80", want: "mTLS", takes: []Assumption{RouteConditional},
			given: func(w *world) { w.accept("shop/server", strict); w.pod("infra/edge", gateway) },
		},
		{
			name: "a gateway calls a service without a proxy", from: "infra/edge", to: "naked.legacy:80", want: "plaintext",
			given: func(w *world) { w.pod("infra/edge", gateway) },
		},
		{
			name: "a gateway under another root", from: "infra/edge", to: "server.shop:80", want: "fails: client-certificate-unknown-root",
			given: func(w *world) {
				w.pod("infra/edge", gateway).leaf = newWorld(w.t).otherCA().Leaf("infra/edge")
			},
		},
		{
			name: "a gateway's route sends HTTP to an application's own TLS", from: "infra/edge", to: "server.shop:443", want: "fails: http-to-app-tls",
			given: func(w *world) { w.accept("shop/server", strict); w.pod("infra/edge", gateway); routed(w) },
		},
		{
			name: "a gateway passes connections on to an application's own TLS, too", from: "infra/edge", to: "server.shop:443", want: "mTLS", takes: []Assumption{RouteConditional},
			given: func(w *world) {
				w.accept("shop/server", strict)
				ingress(w, gatewayChain("x", nil, tcpTo(server443)))
				routed(w)
			},
		},
		{
			name: "a gateway has no cluster for a host", from: "infra/edge", to: "www.example.com:80", want: "fails: no-route",
			given: func(w *world) { w.pod("infra/edge", gateway) },
		},
		{
			name: "a gateway whose clusters were not read", from: "infra/edge", to: "server.shop:80", want: "unknown: evidence-missing",
			given: func(w *world) {
				w.pod("infra/edge", gateway)
				x := w.proxy("infra/edge")
				x.Clusters, x.Read = nil, x.Read&^envoy.SectionClusters
			},
		},
		{
			name: "a gateway that was not read", from: "infra/edge", to: "server.shop:80", want: "unknown: client-proxy-unread",
			given: func(w *world) { w.pod("infra/edge", gateway); w.unread("infra/edge") },
		},

		{name: "to a gateway's HTTP listener", from: "shop/bare", to: "edge.infra:80", want: "plaintext", given: simple},
		{name: "to a gateway's SIMPLE listener, by SNI", from: "shop/bare", to: "edge.infra:443", want: "tls", given: simple},
		{
			name: "to a gateway's SIMPLE listener with an SNI that it does not have", from: "shop/bare", to: "edge.infra:443", want: "fails: no-filter-chain",
			given: func(w *world) { ingress(w, gatewayChain("www.example.com", gatewayTLS(false), http)) },
		},
		{name: "to a gateway's MUTUAL listener without a certificate", from: "shop/bare", to: "edge.infra:443", want: "fails: client-certificate-required", given: mutual},
		{name: "to a gateway's PASSTHROUGH listener", from: "shop/bare", to: "edge.infra:443", want: "appTLS", given: passthrough},
		{
			name: "TLS origination to a MUTUAL gateway, with its certificate", from: "shop/client", to: "edge.infra:80", want: "mTLS",
			given: func(w *world) {
				ingress(w)
				x := w.proxy("infra/edge")
				own := gatewayTLS(true)
				wildcardListener(x, 8080).FilterChains[0].Socket = own
				x.Secrets = append(x.Secrets,
					&envoy.Secret{Name: "kubernetes://cert", Chain: chainOf(w.ca.Leaf("infra/edge")), Freshness: active},
					&envoy.Secret{Name: "kubernetes://cert-cacert", Bundle: bundleOf(w.ca), Freshness: active})
				clusterNamed(w.proxy("shop/client"), "outbound|80||"+host).Matches = nil
				clusterNamed(w.proxy("shop/client"), "outbound|80||"+host).Socket = upstreamTLS(&envoy.TLSContext{
					Certificates: []envoy.CertificateRef{{SDS: "default"}}, Validation: envoy.Validation{Present: true, CA: &envoy.TrustRef{SDS: "ROOTCA"}},
				})
			},
		},
		{
			name: "a gateway's certificate that warms for want of its Secret", from: "shop/client", to: "edge.infra:80", want: "fails: server-secret-missing",
			given: func(w *world) {
				ingress(w)
				wildcardListener(w.proxy("infra/edge"), 8080).FilterChains[0].Socket = gatewayTLS(false)
				w.proxy("infra/edge").Secrets = append(w.proxy("infra/edge").Secrets, &envoy.Secret{Name: "kubernetes://cert", Freshness: envoy.Freshness{State: envoy.Warming}})
				clusterNamed(w.proxy("shop/client"), "outbound|80||"+host).Matches = nil
				clusterNamed(w.proxy("shop/client"), "outbound|80||"+host).Socket = upstreamTLS(&envoy.TLSContext{})
			},
		},
		{name: "a port that no Gateway opens", from: "shop/bare", to: "edge.infra:9999", want: "fails: no-healthy-upstream", given: simple},
		{name: "a gateway's pod address on a port that no Gateway opens", from: "shop/bare", to: "10.1.0.5:9999", want: "fails: no-listener", given: simple},
		{
			name: "a gateway's pod with another container that may listen", from: "shop/bare", to: "10.1.0.5:9999", want: "unknown: evidence-missing",
			given: func(w *world) {
				simple(w)
				p := w.find("infra/edge")
				p.Spec.Containers = append(p.Spec.Containers, p.Spec.Containers[0])
			},
		},
		{
			name: "a gateway that expects the PROXY protocol", from: "shop/bare", to: "edge.infra:443", want: "fails: proxy-header-missing",
			given: func(w *world) {
				simple(w)
				l := wildcardListener(w.proxy("infra/edge"), 8443)
				l.Filters = append(l.Filters, envoy.ListenerFilter{Kind: envoy.ProxyProtocol, Name: "envoy.filters.listener.proxy_protocol"})
			},
		},
		{
			name: "the server's certificate bears the host's name", from: "shop/client", to: "server.shop:80", want: "mTLS",
			given: func(w *world) {
				w.find("shop/server").leaf = w.ca.Leaf("shop/server", dnsName("server.shop.svc.cluster.local"))
				ctx := outboundContext(w.proxy("shop/client"))
				ctx.AutoSANValidation, ctx.SNI, ctx.Validation.SANs = true, "server.shop.svc.cluster.local", []certs.Matcher{}
			},
		},
	}
}
