package handshake

import (
	"slices"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
)

// selfCases: what leads a pod to itself, and what does not.
func selfCases() []edgeCase {
	const traffic = "traffic.sidecar.istio.io/"
	// routed sends the calls of naked.legacy that shop/client makes to its own pod.
	routed := func(mode, annotation, value string) func(*world) {
		return func(w *world) {
			w.service("shop/client", "http 80 8080").of("shop/client")
			w.accept("shop/client", mode)
			if annotation != "" {
				w.find("shop/client").Annotations[annotation] = value
			}
			routeOf(w, "naked.legacy").Clusters[0].Name = "outbound|80||client.shop.svc.cluster.local"
		}
	}
	return []edgeCase{
		{name: "a route leads a client to its own pod, whose proxy takes it", from: "shop/client", to: "naked.legacy:80", want: "mTLS", given: routed(strict, "", "")},
		{
			name: "an excluded inbound port is not excluded from the pod's own proxy", from: "shop/client", to: "naked.legacy:80", want: "mTLS",
			given: routed(strict, traffic+"excludeInboundPorts", "8080"),
		},
		{
			name: "an excluded outbound port is: the proxy's TLS meets its own application", from: "shop/client", to: "naked.legacy:80", want: "fails: tls-to-plaintext",
			given: routed(strict, traffic+"excludeOutboundPorts", "8080"),
		},
		{
			name: "a chain for connections from the pod itself", from: "shop/client", to: "naked.legacy:80", want: "fails: tls-to-plaintext",
			given: func(w *world) {
				routed(strict, "", "")(w)
				l := listenerNamed(w.proxy("shop/client"), "virtualInbound")
				local := &envoy.FilterChain{Name: "own", Match: envoy.FilterChainMatch{DestinationPort: 8080, SourceType: "SAME_IP_OR_LOOPBACK", TransportProtocol: "tls"}, Filters: tcpTo("inbound|8080||")}
				l.FilterChains = append(l.FilterChains, local)
			},
		},
		{name: "a pod dials itself through its service", from: "shop/server", to: "server.shop:80", want: "no edge"},
		{
			name: "a pod dials a peer replica through its service", from: "shop/server", to: "server.shop:80", want: "mTLS",
			given: func(w *world) { w.pod("shop/server-2"); w.services[0].of("shop/server-2") },
		},
		{
			name: "a pod dials itself while its peer is not ready", from: "shop/server", to: "server.shop:80", want: "no edge",
			given: func(w *world) { w.pod("shop/server-2", unready); w.services[0].of("shop/server-2") },
		},
		{name: "a pod dials its own address", from: "shop/client", to: "10.1.0.1:8080", want: "no edge"},
		{
			name: "a pod dials its own address by a headless name: no listener takes it", from: "shop/db-0", to: "db.shop:5432", want: "no edge",
			given: func(w *world) {
				lan := w.entry("lan.example.com", "NONE", "tcp 5432")
				lan.entry.Spec.Addresses = []string{"10.1.0.0/16"}
				x := w.proxy("shop/db-0") // istiod gives a pod no listener at its own address
				x.Listeners = slices.DeleteFunc(x.Listeners, func(l *envoy.Listener) bool { return l.Name == "10.1.0.3_5432" })
				listenerNamed(x, "0.0.0.0_5432").FilterChains[0].Filters = tcpTo("outbound|80||server.shop.svc.cluster.local")
			},
		},
		{
			name: "DNS gives a headless name the addresses of pods that are ready", from: "legacy/naked", to: "db.shop:5432", want: "plaintext",
			given: func(w *world) { w.pod("shop/db-1", unready); w.services[2].of("shop/db-1") },
		},
		{
			name: "a headless name without a pod that is ready", from: "shop/client", to: "late.shop:80", want: "fails: no-healthy-upstream",
			given: func(w *world) {
				w.pod("shop/late", unready)
				w.service("shop/late", "http 80").of("shop/late").headless()
				routeOf(w, "late.shop").Clusters[0].Name = "outbound|80||server.shop.svc.cluster.local"
			},
		},
		{
			name: "a headless name without a pod", from: "shop/client", to: "none.shop:80", want: "fails: no-healthy-upstream",
			given: func(w *world) { w.service("shop/none", "http 80").headless() },
		},
	}
}
