package handshake

import (
	"slices"

	"github.com/mtls-doctor/kubectl-mtls-doctor/internal/testca"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

func (w *world) otherCA() *testca.CA           { return testca.New(worldTime, testca.Seed("other")) }
func dnsName(names ...string) testca.Option    { return testca.DNS(names...) }
func warming() envoy.Freshness                 { return envoy.Freshness{State: envoy.Warming} }
func without(x *envoy.Proxy, s envoy.Sections) { x.Read &^= s }

// staleCases: drained, warming, rejected and missing resources. Only what is active or static
// takes connections.
func staleCases() []edgeCase {
	secret := func(pod, name string, f func(*envoy.Secret)) func(*world) {
		return func(w *world) { w.accept("shop/server", strict); f(secretNamed(w.proxy(pod), name)) }
	}
	warm := func(s *envoy.Secret) { s.Freshness, s.Chain, s.Bundle = warming(), nil, nil }
	return []edgeCase{
		{name: "the client's certificate is warming", from: "shop/client", to: "server.shop:80", want: "fails: client-secret-missing", given: secret("shop/client", "default", warm)},
		{name: "the client's trust bundle is warming", from: "shop/client", to: "server.shop:80", want: "fails: client-secret-missing", given: secret("shop/client", "ROOTCA", warm)},
		{name: "the server's certificate is warming", from: "shop/client", to: "server.shop:80", want: "fails: server-secret-missing", given: secret("shop/server", "default", warm)},
		{name: "the server's trust bundle is warming", from: "shop/client", to: "server.shop:80", want: "fails: server-secret-missing", given: secret("shop/server", "ROOTCA", warm)},
		{
			name: "a new certificate warms while the old one is active", from: "shop/client", to: "server.shop:80", want: "mTLS",
			given: func(w *world) {
				x := w.proxy("shop/client")
				x.Secrets = append([]*envoy.Secret{{Name: "default", Freshness: warming()}}, x.Secrets...)
			},
		},
		{
			name: "a secret that could not be read", from: "shop/client", to: "server.shop:80", want: "unknown: evidence-missing",
			given: secret("shop/server", "default", func(s *envoy.Secret) { s.Chain, s.Problem = nil, "certificate 1: malformed" }),
		},
		{
			name: "a trust bundle that could not be read", from: "shop/client", to: "server.shop:80", want: "unknown: evidence-missing",
			given: secret("shop/client", "ROOTCA", func(s *envoy.Secret) { s.Bundle, s.Problem = nil, "certificate 1: malformed" }),
		},

		{
			name: "the cluster of a new DestinationRule warms while the old one is active", from: "shop/client", to: "server.shop:80", want: "plaintext",
			given: func(w *world) {
				w.rule("server.shop", tlsDisable)
				x := w.proxy("shop/client")
				next := *clusterNamed(x, server80)
				next.State, next.Socket = envoy.Warming, upstreamTLS(&envoy.TLSContext{})
				x.Clusters = append(x.Clusters, &next)
			},
		},
		{
			name: "a cluster that warms for a secret, and no old one", from: "shop/client", to: "server.shop:80", want: "fails: client-secret-missing",
			given: func(w *world) {
				w.rule("server.shop", tlsMutual)
				x := w.proxy("shop/client")
				clusterNamed(x, server80).State = envoy.Warming
				x.Secrets = append(x.Secrets, &envoy.Secret{Name: "file-cert:/etc/certs/cert.pem", Freshness: warming()})
			},
		},
		{
			name: "a cluster that warms for the secret of a wrapped transport socket", from: "shop/client", to: "server.shop:80", want: "fails: client-secret-missing",
			given: func(w *world) {
				w.rule("server.shop", tlsMutual)
				x := w.proxy("shop/client")
				c := clusterNamed(x, server80)
				c.State, c.Socket = envoy.Warming, &envoy.TransportSocket{Kind: envoy.OtherSocket, Inner: c.Socket}
				x.Secrets = append(x.Secrets, &envoy.Secret{Name: "file-cert:/etc/certs/cert.pem", Freshness: warming()})
			},
		},
		{
			name: "a cluster that warms for another reason", from: "shop/client", to: "server.shop:80", want: "fails: no-route",
			given: func(w *world) { clusterNamed(w.proxy("shop/client"), server80).State = envoy.Warming },
		},

		{
			name: "a draining inbound listener gives way to the active one", from: "legacy/naked", to: "server.shop:80", want: "fails: plaintext-refused",
			given: func(w *world) {
				w.accept("shop/server", strict)
				x := w.proxy("shop/server")
				old := *listenerNamed(x, "virtualInbound")
				old.State, old.FilterChains = envoy.Draining, inboundChains("auto", 0, permissive)
				x.Listeners = append(x.Listeners, &old)
			},
		},
		{
			name: "an inbound listener that warms while the PERMISSIVE one is active", from: "legacy/naked", to: "server.shop:80", want: "plaintext",
			given: func(w *world) {
				x := w.proxy("shop/server")
				next := *listenerNamed(x, "virtualInbound")
				next.State, next.FilterChains = envoy.Warming, inboundChains("auto", 0, strict)
				x.Listeners = append(x.Listeners, &next)
			},
		},
		{
			name: "the only inbound listener warms", from: "shop/client", to: "server.shop:80", want: "unknown: evidence-missing",
			given: func(w *world) { listenerNamed(w.proxy("shop/server"), "virtualInbound").State = envoy.Warming },
		},
		{
			name: "the inbound listener was rejected from the start", from: "shop/client", to: "server.shop:80", want: "fails: inbound-listener-rejected",
			given: func(w *world) {
				x := w.proxy("shop/server")
				x.Listeners = x.Listeners[:len(x.Listeners)-1]
				x.Rejected = []envoy.Rejection{{Kind: "listener", Name: "virtualInbound", Details: "unknown filter"}}
			},
		},
		{
			name: "an outbound listener that warms leaves its traffic to the passthrough", from: "shop/client", to: "server.shop:9000", want: "fails: plaintext-refused",
			given: func(w *world) {
				w.accept("shop/server", strict)
				listenerNamed(w.proxy("shop/client"), "10.96.0.1_9000").State = envoy.Warming
			},
		},
		{
			name: "static resources take connections", from: "shop/client", to: "server.shop:80", want: "mTLS",
			given: func(w *world) { clusterNamed(w.proxy("shop/client"), server80).State = envoy.Static },
		},
		{
			name: "a UDP listener of the same address takes no TCP", from: "shop/client", to: "server.shop:9000", want: "mTLS",
			given: func(w *world) {
				x := w.proxy("shop/client")
				udp := outboundListener("10.96.0.1", 9000)
				udp.UDP = true
				x.Listeners = append(x.Listeners, udp)
			},
		},
	}
}

// unknownCases: what was not read or is not modelled is never green, and never blamed.
func unknownCases() []edgeCase {
	strictly := func(f func(*world)) func(*world) {
		return func(w *world) { w.accept("shop/server", strict); f(w) }
	}
	edge := func(name, want string, f func(*world)) edgeCase {
		return edgeCase{name: name, from: "shop/client", to: "server.shop:80", want: want, given: strictly(f)}
	}
	const missing, unmodelled = "unknown: evidence-missing", "unknown: not-modelled"
	return []edgeCase{
		edge("the client's proxy was not read", "unknown: client-proxy-unread", func(w *world) { w.unread("shop/client") }),
		edge("the server's proxy was not read", "unknown: server-proxy-unread", func(w *world) { w.unread("shop/server") }),
		edge("the client's listeners were not read", missing, func(w *world) { without(w.proxy("shop/client"), envoy.SectionListeners) }),
		edge("the client's clusters were not read", missing, func(w *world) { without(w.proxy("shop/client"), envoy.SectionClusters) }),
		edge("the client's routes were not read", missing, func(w *world) { w.proxy("shop/client").Routes = nil }),
		edge("the client's secrets were not read", missing, func(w *world) {
			w.proxy("shop/client").Secrets = nil
			without(w.proxy("shop/client"), envoy.SectionSecrets)
		}),
		edge("the client's secrets were read and empty", "fails: client-secret-missing", func(w *world) { w.proxy("shop/client").Secrets = nil }),
		edge("the server's listeners were not read", missing, func(w *world) { without(w.proxy("shop/server"), envoy.SectionListeners) }),
		edge("the server's secrets were not read", missing, func(w *world) {
			w.proxy("shop/server").Secrets = nil
			without(w.proxy("shop/server"), envoy.SectionSecrets)
		}),
		edge("no listener of the client's proxy is known", missing, func(w *world) { w.proxy("shop/client").Listeners = nil }),
		edge("the pods were not read: what bypasses a proxy is not known", missing, func(w *world) { forget(w, "pods.core"); w.resources().Pods = nil }),
		{
			name: "the pods were not read: who holds an address is not known", from: "shop/client", to: "naked.legacy:80", want: missing,
			given: func(w *world) {
				forget(w, "pods.core")
				w.resources().Pods = slices.DeleteFunc(w.resources().Pods, func(p *kube.Pod) bool { return p.Namespace == "legacy" })
			},
		},
		{
			name: "the endpoints were not read and the server takes plaintext only: the label may lie", from: "shop/client", to: "server.shop:80", want: missing,
			given: func(w *world) {
				w.accept("shop/server", disable)
				w.proxy("shop/client").Endpoints = nil
				without(w.proxy("shop/client"), envoy.SectionEndpoints)
			},
		},
		edge("transport_socket_matcher is not modelled", unmodelled, func(w *world) { clusterNamed(w.proxy("shop/client"), server80).HasMatcher = true }),
		edge("a cluster field that is not modelled", unmodelled, func(w *world) { clusterNamed(w.proxy("shop/client"), server80).Unmodelled = []string{"Cluster.x"} }),
		edge("original_dst by a header is not modelled", unmodelled, func(w *world) { clusterNamed(w.proxy("shop/client"), server80).UseHTTPHeader = true }),
		edge("a transport socket of an unknown type at the client", unmodelled, func(w *world) {
			clusterNamed(w.proxy("shop/client"), server80).Matches[0].Socket = &envoy.TransportSocket{Kind: envoy.OtherSocket, TypeURL: "example.Alts"}
		}),
		edge("a transport socket of an unknown type at the server", unmodelled, func(w *world) {
			for _, fc := range listenerNamed(w.proxy("shop/server"), "virtualInbound").FilterChains {
				fc.Socket = &envoy.TransportSocket{Kind: envoy.OtherSocket, TypeURL: "example.Alts"}
			}
		}),
		edge("a listener field that is not modelled, at the client", unmodelled, func(w *world) { wildcardListener(w.proxy("shop/client"), 80).Unmodelled = []string{"Listener.x"} }),
		edge("a listener field that is not modelled, at the server", unmodelled, func(w *world) {
			listenerNamed(w.proxy("shop/server"), "virtualInbound").Unmodelled = []string{"Listener.filter_chain_matcher"}
		}),
		edge("a filter chain match that is not modelled", unmodelled, func(w *world) {
			listenerNamed(w.proxy("shop/server"), "virtualInbound").FilterChains[0].Match.Unmodelled = []string{"FilterChainMatch.address_suffix"}
		}),
		edge("a listener filter that nobody knows", unmodelled, func(w *world) {
			x := w.proxy("shop/server")
			l := listenerNamed(x, "virtualInbound")
			l.Filters = append(l.Filters, envoy.ListenerFilter{Kind: envoy.OtherListener, Name: "example"})
			x.Unmodelled = map[string]int{"listener filter example.Filter": 1}
		}),
		edge("a listener filter that is known to be neutral", "mTLS", func(w *world) {
			l := listenerNamed(w.proxy("shop/server"), "virtualInbound")
			l.Filters = append(l.Filters, envoy.ListenerFilter{Kind: envoy.OtherListener, Name: "envoy.filters.listener.local_ratelimit"})
		}),
		{
			name: "ztunnel in front of the server", from: "shop/client", to: "ambient.shop:80", want: unmodelled,
			given: func(w *world) {
				w.pod("shop/ambient", noProxy, annotated("ambient.istio.io/redirection", "enabled"))
				w.service("shop/ambient", "http 80 8080").of("shop/ambient")
			},
		},
		{
			name: "ztunnel in front of the client", from: "shop/ambient", to: "server.shop:80", want: unmodelled,
			given: func(w *world) { w.pod("shop/ambient", noProxy, annotated("ambient.istio.io/redirection", "enabled")) },
		},
	}
}

// forget unmarks a list as read.
func forget(w *world, id string) {
	was := w.resources()

	now := kube.Resources{Pods: was.Pods, Services: was.Services, EndpointSlices: was.EndpointSlices, ServiceEntries: was.ServiceEntries}
	for _, k := range kube.Kinds() {
		if k.ID() != id {
			now.MarkRead(k.ID())
		}
	}
	w.ev.Resources = &now
}
