package handshake

import (
	"net/netip"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
)

// clientCases is "What the client sends", situation by situation.
func clientCases() []edgeCase {
	return []edgeCase{
		{
			name: "auto mTLS to an endpoint with a proxy", from: "shop/client", to: "server.shop:80", want: "mTLS",
			takes: []Assumption{CaptureAsAnnotated, NetworkPolicyNotRead},
		},
		{name: "auto mTLS to an endpoint without a proxy", from: "shop/client", to: "naked.legacy:80", want: "plaintext"},
		{
			name: "auto mTLS chooses endpoint by endpoint", from: "shop/client", to: "mixed.shop:80", want: "mTLS | plaintext",
			given: func(w *world) { w.service("shop/mixed", "http 80 8080").of("shop/server", "legacy/naked") },
		},
		{name: "auto mTLS carries raw TCP", from: "shop/client", to: "server.shop:9000", want: "mTLS"},
		{name: "auto mTLS wraps the application's own TLS", from: "shop/client", to: "server.shop:443", want: "mTLS"},
		{
			name: "a port that declares no protocol is replayed as HTTP", from: "shop/client", to: "vague.shop:8080", want: "mTLS", takes: []Assumption{ProtocolGuessed},
			given: func(w *world) { w.service("shop/vague", "web 8080").of("shop/server") },
		},

		{
			name: "ISTIO_MUTUAL to an endpoint with a proxy", from: "shop/client", to: "server.shop:80", want: "mTLS",
			given: func(w *world) { w.rule("server.shop", istioMutual) },
		},
		{
			name: "ISTIO_MUTUAL to an endpoint without a proxy", from: "shop/client", to: "naked.legacy:80", want: "fails: tls-to-plaintext",
			given: func(w *world) { w.rule("naked.legacy", istioMutual) }, takes: []Assumption{ProtocolAsDeclared},
		},
		{
			name: "ISTIO_MUTUAL to an application that serves TLS itself", from: "shop/client", to: "naked.legacy:443", want: "fails: mesh-tls-to-app-tls",
			given: func(w *world) { w.rule("naked.legacy", istioMutual) },
		},

		{
			name: "DISABLE to PERMISSIVE", from: "shop/client", to: "server.shop:80", want: "plaintext",
			given: func(w *world) { w.rule("server.shop", tlsDisable) },
		},
		{
			name: "DISABLE to STRICT", from: "shop/client", to: "server.shop:80", want: "fails: plaintext-refused",
			given: func(w *world) { w.accept("shop/server", strict); w.rule("server.shop", tlsDisable) },
		},
		{
			name: "DISABLE lets the application's own TLS through", from: "shop/client", to: "naked.legacy:443", want: "appTLS",
			given: func(w *world) { w.rule("naked.legacy", tlsDisable) }, takes: []Assumption{AppCertificateAccepted},
		},

		{
			name: "SIMPLE to STRICT presents no certificate, and knows public roots only", from: "shop/client", to: "server.shop:80",
			want:  "fails: server-certificate-unknown-root, server-san-mismatch, client-certificate-required",
			given: func(w *world) { w.accept("shop/server", strict); w.rule("server.shop", tlsSimple) },
		},
		{
			name: "SIMPLE to PERMISSIVE HTTP: no chain takes TLS without an istio ALPN", from: "shop/client", to: "server.shop:80", want: "fails: no-filter-chain",
			given: func(w *world) { w.rule("server.shop", tlsSimple) },
		},
		{
			name: "SIMPLE to PERMISSIVE TCP reaches the application, which speaks plaintext", from: "shop/client", to: "server.shop:9000", want: "fails: tls-to-plaintext",
			given: func(w *world) { w.rule("server.shop", tlsSimple) },
		},
		{
			name: "SIMPLE around the application's own TLS", from: "shop/client", to: "naked.legacy:443", want: "fails: double-tls",
			given: func(w *world) { w.rule("naked.legacy", tlsSimple) },
		},
		{
			name: "MUTUAL with a certificate file that the proxy was not given", from: "shop/client", to: "server.shop:80",
			want:  "fails: client-secret-missing",
			given: func(w *world) { w.accept("shop/server", strict); w.rule("server.shop", tlsMutual) },
		},

		{name: "headless: unconditional mTLS when every endpoint has a proxy", from: "shop/client", to: "db.shop:5432", want: "mTLS"},
		{name: "headless HTTP goes through the route, and to the endpoint that was dialled", from: "shop/client", to: "db.shop:8080", want: "mTLS"},
		{
			name: "headless: one endpoint without a proxy turns all to plaintext", from: "shop/client", to: "half.shop:5432", want: "fails: plaintext-refused | plaintext",
			given: func(w *world) {
				w.service("shop/half", "tcp 5432").of("shop/db-0", "legacy/naked").headless()
				w.accept("shop/db-0", strict)
			},
		},
		{
			name: "headless: a workload policy of DISABLE is ignored by the client", from: "shop/client", to: "db.shop:8080", want: "fails: tls-to-plaintext",
			given: func(w *world) { w.accept("shop/db-0", disable, 8080) },
		},
		{
			name: "PASSTHROUGH load balancing dials the virtual IP", from: "shop/client", to: "server.shop:9000", want: "mTLS",
			given: func(w *world) {
				c := clusterNamed(w.proxy("shop/client"), "outbound|9000||server.shop.svc.cluster.local")
				c.Type, c.Socket, c.Matches = "ORIGINAL_DST", c.Matches[0].Socket, nil
			},
		},
		{
			name: "upstream_port_override moves an ORIGINAL_DST connection", from: "shop/client", to: "db.shop:5432", want: "plaintext",
			given: func(w *world) {
				c := clusterNamed(w.proxy("shop/client"), "outbound|5432||db.shop.svc.cluster.local")
				c.PortOverride, c.Socket = 9999, nil
			},
		},

		{
			name: "HBONE is not modelled", from: "shop/client", to: "server.shop:80", want: "unknown: not-modelled",
			given: func(w *world) {
				w.proxy("shop/client").Endpoints["outbound|80||server.shop.svc.cluster.local"] = []envoy.Endpoint{{
					Address: netip.MustParseAddrPort("10.1.0.2:8080"), Internal: "connect_originate", SocketMatch: map[string]string{"tunnel": "http"},
				}}
			},
		},
		{name: "no proxy at the client", from: "legacy/naked", to: "server.shop:80", want: "plaintext", takes: []Assumption{DNSAsRegistered}},
		{
			name: "Istio's alpn filter marks HTTP inside mTLS, which the catch-all HTTP chain takes", from: "shop/client", to: "vague.shop:7070", want: "mTLS",
			given: func(w *world) {
				w.service("shop/vague", "http 7070").of("shop/server")
				x := w.proxy("shop/client")
				wildcardListener(x, 7070).FilterChains[0].Filters[0].HTTPFilters = alpnFilter()
				l := listenerNamed(w.proxy("shop/server"), "virtualInbound")
				l.FilterChains = l.FilterChains[len(l.FilterChains)-5:] // only the catch-alls
				l.FilterChains[2].Match.DestinationPort = 1             // and of them not the TCP one
			},
		},
	}
}

func alpnFilter() []*envoy.Filter {
	return []*envoy.Filter{{Kind: envoy.ALPNFilter, ALPN: map[string][]string{
		"HTTP10": {"istio-http/1.0", "istio", "http/1.0"}, "HTTP11": {"istio-http/1.1", "istio", "http/1.1"}, "HTTP2": {"istio-h2", "istio", "h2"},
	}}}
}
