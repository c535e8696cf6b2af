package handshake

import "github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"

// serverCases is "Inbound chains on virtualInbound": each mode and protocol against mutual TLS,
// plaintext and the application's own TLS.
func serverCases() []edgeCase {
	mode := func(m string) func(*world) { return func(w *world) { w.accept("shop/server", m) } }
	vague := func(m string) func(*world) {
		return func(w *world) {
			w.service("shop/vague", "web 7070").of("shop/server")
			w.accept("shop/server", m)
		}
	}
	direct := func(m string) func(*world) {
		return func(w *world) { w.accept("shop/server", m); w.pod("shop/bare", noProxy) }
	}
	return []edgeCase{
		{name: "STRICT http takes mTLS", given: mode(strict), from: "shop/client", to: "server.shop:80", want: "mTLS"},
		{name: "STRICT http refuses plaintext", given: direct(strict), from: "shop/bare", to: "server.shop:80", want: "fails: plaintext-refused"},
		{name: "STRICT tcp takes mTLS", given: mode(strict), from: "shop/client", to: "server.shop:9000", want: "mTLS"},
		{name: "STRICT tcp refuses plaintext", given: direct(strict), from: "shop/bare", to: "server.shop:9000", want: "fails: plaintext-refused"},
		{name: "STRICT https asks the application's own TLS for a certificate", given: direct(strict), from: "shop/bare", to: "server.shop:443", want: "fails: client-certificate-required"},
		{name: "STRICT undeclared takes mTLS", given: vague(strict), from: "shop/client", to: "vague.shop:7070", want: "mTLS"},
		{name: "STRICT undeclared refuses plaintext", given: vague(strict), from: "legacy/naked", to: "vague.shop:7070", want: "fails: plaintext-refused"},
		{name: "STRICT takes ports that no service names", given: mode(strict), from: "shop/client", to: "10.1.0.2:6060", want: "fails: plaintext-refused"},

		{name: "PERMISSIVE http takes plaintext", given: direct(permissive), from: "shop/bare", to: "server.shop:80", want: "plaintext"},
		{
			name: "PERMISSIVE tcp takes plaintext, if the client speaks first", given: direct(permissive), from: "shop/bare", to: "server.shop:9000", want: "plaintext",
			takes: []Assumption{ClientSpeaksFirst},
		},
		{name: "PERMISSIVE https passes the application's own TLS", given: direct(permissive), from: "shop/bare", to: "server.shop:443", want: "appTLS"},
		{name: "PERMISSIVE undeclared takes mTLS", given: vague(permissive), from: "shop/client", to: "vague.shop:7070", want: "mTLS"},
		{name: "PERMISSIVE undeclared takes plaintext", given: vague(permissive), from: "legacy/naked", to: "vague.shop:7070", want: "plaintext"},

		{name: "DISABLE: the client is told and sends plaintext", given: mode(disable), from: "shop/client", to: "server.shop:80", want: "plaintext"},
		{
			name: "DISABLE: ISTIO_MUTUAL meets plaintext", from: "shop/client", to: "server.shop:80", want: "fails: tls-to-plaintext",
			given: func(w *world) { w.accept("shop/server", disable); w.rule("server.shop", istioMutual) },
		},
		{name: "DISABLE: the inspectors are off and the application's own TLS passes as raw bytes", given: direct(disable), from: "shop/bare", to: "server.shop:443", want: "appTLS"},
		{name: "DISABLE: server-first protocols work, nothing waits for the client", given: direct(disable), from: "shop/bare", to: "server.shop:9000", want: "plaintext"},
		{
			name: "one port open in a STRICT workload", from: "legacy/naked", to: "server.shop:80", want: "plaintext",
			given: func(w *world) { w.accept("shop/server", strict); w.accept("shop/server", permissive, 8080) },
		},
		{
			name: "the other ports stay shut", from: "legacy/naked", to: "server.shop:9000", want: "fails: plaintext-refused",
			given: func(w *world) { w.accept("shop/server", strict); w.accept("shop/server", permissive, 8080) },
		},
		{name: "server-first TCP inside mTLS: the client's proxy speaks first", given: mode(strict), from: "shop/client", to: "server.shop:9000", want: "mTLS"},
		{
			name: "a container port of two declarations takes HTTP only: TCP in mTLS", from: "shop/client", to: "raw.shop:81", want: "fails: not-http", takes: []Assumption{ProtocolAsDeclared},
			given: func(w *world) { w.service("shop/raw", "tcp 81 8080").of("shop/server") },
		},
		{
			name: "a container port of two declarations takes HTTP only: TCP in clear text", from: "legacy/naked", to: "raw.shop:81", want: "fails: not-http",
			given: func(w *world) { w.service("shop/raw", "tcp 81 8080").of("shop/server") },
		},
		{
			name: "a container port of two declarations takes HTTP only: the application's TLS in mTLS", from: "shop/client", to: "odd.shop:443", want: "fails: not-http",
			given: func(w *world) { w.service("shop/odd", "https 443 8080").of("shop/server") },
		},
		{
			name: "the application's TLS meets an HTTP chain that sees raw bytes", from: "shop/bare", to: "odd.shop:443", want: "fails: not-http",
			given: func(w *world) {
				w.pod("shop/bare", noProxy)
				w.accept("shop/server", disable)
				w.service("shop/odd", "https 443 8080").of("shop/server")
			},
		},
		{
			name: "HTTP that a route sends to a port named https travels in mTLS through the TCP chain", from: "shop/client", to: "server.shop:80", want: "mTLS",
			given: func(w *world) {
				w.accept("shop/server", strict)
				routeOf(w, "server.shop").Clusters = []envoy.WeightedCluster{{Name: "outbound|443||server.shop.svc.cluster.local"}}
			},
		},
	}
}

// observedCases are the rows of "What a failure looks like from both ends".
func observedCases() []edgeCase {
	return []edgeCase{
		{
			name: "observed: plaintext to STRICT", from: "legacy/naked", to: "server.shop:80", want: "fails: plaintext-refused",
			given: func(w *world) { w.accept("shop/server", strict) },
		},
		{
			name: "observed: app's own TLS, no client proxy, to a STRICT https port", from: "legacy/naked", to: "server.shop:443", want: "fails: client-certificate-required",
			given: func(w *world) { w.accept("shop/server", strict) },
		},
		{
			name: "observed: mTLS to an endpoint without proxy", from: "shop/client", to: "naked.legacy:80", want: "fails: tls-to-plaintext",
			given: func(w *world) { w.rule("naked.legacy", istioMutual) },
		},
		{
			name: "observed: mTLS to an excluded port", from: "shop/client", to: "apart.shop:80", want: "fails: tls-to-plaintext",
			given: func(w *world) {
				w.pod("shop/apart", annotated("traffic.sidecar.istio.io/excludeInboundPorts", "8080"))
				w.service("shop/apart", "http 80 8080").of("shop/apart")
			},
		},
		{
			name: "observed: mTLS to a port in DISABLE", from: "shop/client", to: "db.shop:5432", want: "fails: tls-to-plaintext",
			given: func(w *world) { w.accept("shop/db-0", disable) },
		},
		{
			name: "observed: the same, but the app itself speaks TLS", from: "shop/client", to: "apart.shop:443", want: "fails: mesh-tls-to-app-tls",
			given: func(w *world) {
				w.pod("shop/apart", annotated("traffic.sidecar.istio.io/excludeInboundPorts", "8443"))
				w.service("shop/apart", "https 443 8443").of("shop/apart")
			},
		},
		{
			name: "observed: TLS in TLS (ServiceEntry HTTPS and SIMPLE)", from: "shop/client", to: "api.example.com:443", want: "fails: double-tls",
			given: func(w *world) { w.entry("api.example.com", "DNS", "https 443"); w.rule("api.example.com", tlsSimple) },
		},
		{
			name: "observed: a pod's IP goes through PassthroughCluster as plaintext to STRICT", from: "shop/client", to: "10.1.0.2:8080", want: "fails: plaintext-refused",
			given: func(w *world) { w.accept("shop/server", strict) },
		},
		{
			name: "observed: a service that the client's Sidecar hides", from: "shop/client", to: "server.shop:80", want: "fails: plaintext-refused",
			given: func(w *world) {
				w.accept("shop/server", strict)
				hide(w.proxy("shop/client"), "server.shop.svc.cluster.local")
			},
		},
		{
			name: "observed: after a rejected push the old PERMISSIVE config lets plaintext in", from: "legacy/naked", to: "server.shop:80", want: "plaintext",
			given: func(w *world) {
				x := w.proxy("shop/server")
				x.Rejected = []envoy.Rejection{{Kind: "listener", Name: "virtualInbound", Details: "proto constraint validation failed"}}
			},
		},
	}
}

// hide takes a host out of what a proxy knows.
func hide(x *envoy.Proxy, host string) {
	for _, rc := range x.Routes {
		var rest []*envoy.VirtualHost
		for _, vh := range rc.VirtualHosts {
			if vh.Domains[0] != host {
				rest = append(rest, vh)
			}
		}
		rc.VirtualHosts = rest
	}
	var clusters []*envoy.Cluster
	for _, c := range x.Clusters {
		if n, _ := parseClusterName(c.Name); n.host != host {
			clusters = append(clusters, c)
		}
	}
	x.Clusters = clusters
}

// routeOf is the route of a host in the client's route configuration of port 80.
func routeOf(w *world, host string) *envoy.Route { return hostOf(w, host).Routes[0] }
