package handshake

import (
	"net/netip"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// captureCases: what iptables was asked for.
func captureCases() []edgeCase {
	client := func(opts ...podOption) func(*world) {
		return func(w *world) { w.accept("shop/server", strict); w.pod("shop/odd", opts...) }
	}
	server := func(opts ...podOption) func(*world) {
		return func(w *world) {
			w.pod("shop/odd", opts...)
			w.accept("shop/odd", strict)
			w.service("shop/odd", "http 80 8080").of("shop/odd")
		}
	}
	const traffic = "traffic.sidecar.istio.io/"
	return []edgeCase{
		{
			name: "excluded outbound port", from: "shop/odd", to: "server.shop:80", want: "fails: plaintext-refused",
			given: client(annotated(traffic+"excludeOutboundPorts", "22, 80")),
		},
		{
			name: "excluded outbound range", from: "shop/odd", to: "server.shop:80", want: "fails: plaintext-refused",
			given: client(annotated(traffic+"excludeOutboundIPRanges", "10.96.0.0/16")),
		},
		{
			name: "included outbound ranges leave the rest out", from: "shop/odd", to: "server.shop:80", want: "fails: plaintext-refused",
			given: client(annotated(traffic+"includeOutboundIPRanges", "10.1.0.0/16")),
		},
		{
			name: "an included outbound port is captured outside every range", from: "shop/odd", to: "server.shop:80", want: "mTLS",
			given: client(annotated(traffic+"includeOutboundIPRanges", ""), annotated(traffic+"includeOutboundPorts", "80")),
		},
		{
			name: "interception mode NONE: the application dials by itself", from: "shop/odd", to: "server.shop:80", want: "fails: plaintext-refused",
			given: client(annotated("sidecar.istio.io/interceptionMode", "NONE")),
		},
		{
			name: "TPROXY captures like REDIRECT", from: "shop/odd", to: "server.shop:80", want: "mTLS",
			given: client(annotated("sidecar.istio.io/interceptionMode", "TPROXY")),
		},

		{
			name: "excluded inbound port lets strangers past STRICT", from: "legacy/naked", to: "odd.shop:80", want: "plaintext", takes: []Assumption{CaptureAsAnnotated},
			given: server(annotated(traffic+"excludeInboundPorts", "8080")),
		},
		{
			name: "included inbound ports leave the rest out", from: "legacy/naked", to: "odd.shop:80", want: "plaintext",
			given: server(annotated(traffic+"includeInboundPorts", "9000")),
		},
		{
			name: "an included inbound port", from: "legacy/naked", to: "odd.shop:80", want: "fails: plaintext-refused",
			given: server(annotated(traffic+"includeInboundPorts", "8080")),
		},
		{
			name: "interception mode NONE: nothing hands the port to the proxy", from: "legacy/naked", to: "odd.shop:80", want: "plaintext",
			given: server(annotated("sidecar.istio.io/interceptionMode", "NONE")),
		},
		{
			name: "interception mode NONE: the proxy listens on the port itself (Sidecar ingress)", from: "legacy/naked", to: "odd.shop:80", want: "fails: plaintext-refused",
			given: func(w *world) {
				server(annotated("sidecar.istio.io/interceptionMode", "NONE"))(w)
				x := w.proxy("shop/odd")
				own := *listenerNamed(x, "virtualInbound")
				own.Name, own.Addresses = "10.1.0.5_8080", []netip.AddrPort{netip.MustParseAddrPort("10.1.0.5:8080")}
				x.Listeners = append(x.Listeners, &own)
			},
		},
		{
			name: "interception mode NONE and the proxy unread: who listens is not known", from: "legacy/naked", to: "odd.shop:80", want: "unknown: server-proxy-unread",
			given: func(w *world) {
				server(annotated("sidecar.istio.io/interceptionMode", "NONE"))(w)
				w.unread("shop/odd")
			},
		},
		{
			name: "the probe ports of the agent are not captured", from: "legacy/naked", to: "10.1.0.2:15021", want: "plaintext",
			given: func(w *world) { w.accept("shop/server", strict) },
		},
		{
			name: "hostNetwork client: never injected", from: "kube-system/agent", to: "server.shop:80", want: "fails: plaintext-refused",
			given: func(w *world) { w.accept("shop/server", strict); w.pod("kube-system/agent", noProxy, hostNetwork) },
		},
		{
			name: "hostNetwork server: known from its EndpointSlice, not from its address", from: "shop/client", to: "agent.kube-system:80", want: "plaintext",
			given: func(w *world) {
				w.pod("kube-system/agent", noProxy, hostNetwork)
				w.service("kube-system/agent", "http 80 8080").of("kube-system/agent")
			},
		},
		{
			name: "hostNetwork gateway: found behind the node's address", from: "legacy/naked", to: "edge.infra:80", want: "fails: no-listener",
			given: func(w *world) {
				w.pod("infra/edge", gateway, hostNetwork)
				w.service("infra/edge", "http 80 8080").of("infra/edge")
			},
		},
	}
}

// registryCases: names, addresses and what they lead to.
func registryCases() []edgeCase {
	return []edgeCase{
		{name: "a short name, from a pod of the same namespace", from: "shop/client", to: "server:80", want: "mTLS"},
		{name: "a short name of another namespace", from: "legacy/naked", to: "server.shop.svc:80", want: "plaintext"},
		{name: "a short name that is none here", from: "legacy/naked", to: "server:80", want: "fails: no-healthy-upstream"},
		{name: "a Service that does not exist", from: "legacy/naked", to: "gone.shop.svc.cluster.local:80", want: "fails: no-healthy-upstream"},
		{
			name: "a name of the cluster when the Services were not read", from: "legacy/naked", to: "gone.shop.svc.cluster.local:80", want: "unknown: evidence-missing",
			given: func(w *world) { w.res = kube.Resources{} },
		},
		{name: "a port that the Service does not have", from: "legacy/naked", to: "server.shop:8080", want: "fails: no-healthy-upstream"},
		{
			name: "a port that the headless Service does not have leads to the pod all the same", from: "legacy/naked", to: "db.shop:9999", want: "fails: plaintext-refused",
			given: func(w *world) { w.accept("shop/db-0", strict) },
		},
		{name: "a virtual IP", from: "shop/client", to: "10.96.0.1:80", want: "mTLS"},
		{name: "a port that the virtual IP does not have", from: "legacy/naked", to: "10.96.0.1:8080", want: "fails: no-healthy-upstream"},
		{name: "a node's address may lead anywhere (NodePort)", from: "legacy/naked", to: "172.16.0.1:30080", want: "unknown: evidence-missing"},
		{name: "a node's address through PassthroughCluster", from: "shop/client", to: "172.16.0.1:30080", want: "unknown: evidence-missing"},
		{
			name: "no endpoint is ready", from: "shop/client", to: "late.shop:80", want: "fails: no-healthy-upstream",
			given: func(w *world) {
				w.pod("shop/late", unready)
				w.service("shop/late", "http 80 8080").of("shop/late")
			},
		},
		{
			name: "dual stack: a name is dialled at both addresses", from: "legacy/naked", to: "server.shop:80", want: "plaintext | plaintext",
			given: func(w *world) { w.accept("shop/server", permissive); dualStack(w) },
		},

		{
			name: "ExternalName leads to another service, past its STRICT", from: "shop/client", to: "alias.shop:80", want: "fails: plaintext-refused",
			given: func(w *world) {
				w.accept("shop/server", strict)
				w.service("shop/alias", "http 80").externalName("server.shop.svc.cluster.local")
				clusterNamed(w.proxy("shop/client"), "outbound|80||alias.shop.svc.cluster.local").Matches = nil
			},
		},
		{
			name: "ExternalName, from a pod without a proxy", from: "legacy/naked", to: "alias.shop:80", want: "fails: plaintext-refused",
			given: func(w *world) {
				w.accept("shop/server", strict)
				w.service("shop/alias", "http 80").externalName("server.shop.svc.cluster.local")
			},
		},
		{
			name: "ExternalName of a headless Service resolves to its pods, whose listeners take it", from: "shop/client", to: "alias.shop:5432", want: "mTLS",
			given: func(w *world) { w.service("shop/alias", "tcp 5432").externalName("db.shop.svc.cluster.local") },
		},
		{
			name: "ExternalName outside the cluster", from: "legacy/naked", to: "alias.shop:80", want: "plaintext",
			given: func(w *world) { w.service("shop/alias", "http 80").externalName("www.example.com") },
		},

		{
			name: "ServiceEntry, DNS: HTTP by its Host header", from: "shop/client", to: "api.example.com:80", want: "plaintext",
			given: func(w *world) { w.entry("api.example.com", "DNS", "http 80") },
		},
		{
			name: "ServiceEntry, DNS: TLS by its SNI on 0.0.0.0_443", from: "shop/client", to: "api.example.com:443", want: "appTLS",
			given: func(w *world) {
				w.entry("other.example.com", "DNS", "tls 443")
				w.entry("api.example.com", "DNS", "tls 443")
			},
		},
		{
			name: "ServiceEntry with TLS origination: what answers is outside the evidence", from: "shop/client", to: "api.example.com:80", want: "unknown: foreign-certificate",
			given: func(w *world) { w.entry("api.example.com", "DNS", "http 80 443"); w.rule("api.example.com", tlsSimple) },
		},
		{
			name: "TLS origination to a server of the cluster, whose certificate nobody verifies", from: "shop/client", to: "naked.legacy:80", want: "tls",
			given: func(w *world) { originate(w, &envoy.TLSContext{SNI: "naked.legacy"}) },
		},
		{
			name: "TLS origination to a server of the cluster, whose certificate nobody has seen", from: "shop/client", to: "naked.legacy:80", want: "unknown: foreign-certificate",
			given: func(w *world) {
				originate(w, &envoy.TLSContext{Validation: envoy.Validation{Present: true, CA: &envoy.TrustRef{SDS: "file-root:system"}}})
			},
		},
		{
			name: "ISTIO_MUTUAL to a host outside the mesh", from: "shop/client", to: "api.example.com:443", want: "fails: mesh-tls-to-app-tls",
			given: func(w *world) { w.entry("api.example.com", "DNS", "tls 443"); w.rule("api.example.com", istioMutual) },
		},
		{
			name: "ServiceEntry without an address whose TCP listener has an allocated one", from: "shop/client", to: "mongo.example.com:27017", want: "plaintext",
			given: func(w *world) {
				w.entry("mongo.example.com", "DNS", "tcp 27017")
				x := w.proxy("shop/client")
				x.Listeners = append(x.Listeners, outboundListener("240.240.0.1", 27017, &envoy.FilterChain{Filters: tcpTo("outbound|27017||mongo.example.com")}))
			},
		},
		{
			name: "ServiceEntry, resolution NONE", from: "shop/client", to: "api.example.com:443", want: "appTLS",
			given: func(w *world) { w.entry("api.example.com", "NONE", "tls 443") },
		},
		{
			name: "ServiceEntry, resolution NONE, for a range of addresses", from: "shop/client", to: "lan.example.com:6379", want: "plaintext",
			given: func(w *world) {
				s := w.entry("lan.example.com", "NONE", "tcp 6379")
				s.entry.Spec.Addresses = []string{"192.0.2.0/24"}
			},
		},
		{
			name: "ServiceEntry for a wildcard host", from: "shop/client", to: "*.example.com:443", want: "appTLS",
			given: func(w *world) { w.entry("*.example.com", "NONE", "tls 443") },
		},
		{
			name: "a wildcard host in the same proxy takes a name under it", from: "shop/client", to: "www.example.com:443", want: "appTLS",
			given: func(w *world) { w.entry("*.example.com", "NONE", "tls 443") },
		},
		{
			name: "ServiceEntry for a virtual machine of the mesh: its proxy is elsewhere", from: "shop/client", to: "vm.example.com:80", want: "unknown: server-proxy-unread",
			given: func(w *world) {
				s := w.entry("vm.example.com", "STATIC", "http 80 8080").at(kube.WorkloadEntrySpec{Address: "192.0.2.10", ServiceAccount: "vm"})
				s.entry.Spec.Location = "MESH_INTERNAL"
			},
		},
		{
			name: "ServiceEntry in the mesh without tlsMode: still not known what answers", from: "shop/client", to: "vm.example.com:80", want: "unknown: server-proxy-unread",
			given: func(w *world) {
				s := w.entry("vm.example.com", "STATIC", "http 80 8080").at(kube.WorkloadEntrySpec{Address: "192.0.2.10"})
				s.entry.Spec.Location = "MESH_INTERNAL"
			},
		},
		{
			name: "ServiceEntry that selects WorkloadEntries", from: "legacy/naked", to: "vm.example.com:80", want: "unknown: server-proxy-unread",
			given: func(w *world) {
				s := w.entry("vm.example.com", "STATIC", "http 80 8080")
				s.entry.Spec.Location = "MESH_INTERNAL"
				s.entry.Spec.WorkloadSelector = &kube.EntrySelector{Labels: map[string]string{"app": "vm"}}
				w.resources().WorkloadEntries = []*kube.WorkloadEntry{{
					Meta: kube.Meta{Name: "vm", Namespace: "shop"},
					Spec: kube.WorkloadEntrySpec{Address: "192.0.2.10", Labels: map[string]string{"app": "vm"}},
				}}
			},
		},
		{
			name: "ServiceEntry that selects pods", from: "shop/client", to: "pods.example.com:80", want: "mTLS",
			given: func(w *world) {
				s := w.entry("pods.example.com", "STATIC", "http 80 8080").
					at(kube.WorkloadEntrySpec{Address: "10.1.0.2", Labels: map[string]string{"security.istio.io/tlsMode": "istio"}})
				s.entry.Spec.Location = "MESH_INTERNAL"
			},
		},
		{
			name: "an endpoint of another cluster: istiod says it speaks mTLS, nobody saw its proxy", from: "shop/client", to: "server.shop:80", want: "unknown: server-proxy-unread",
			given: func(w *world) {
				w.proxy("shop/client").Endpoints["outbound|80||server.shop.svc.cluster.local"] = []envoy.Endpoint{{Address: netip.MustParseAddrPort("10.9.0.1:8080"), SocketMatch: tlsModeIstio}}
			},
		},
		{
			name: "two services declare one port differently: what answers is not declared", from: "shop/client", to: "naked.legacy:80", want: "unknown: foreign-certificate",
			given: func(w *world) {
				w.service("legacy/tls", "https 443 8080").of("legacy/naked")
				clusterNamed(w.proxy("shop/client"), "outbound|80||naked.legacy.svc.cluster.local").Matches[1].Socket = upstreamTLS(&envoy.TLSContext{Validation: envoy.Validation{Present: true, CA: &envoy.TrustRef{SDS: "ROOTCA"}}})
			},
		},
	}
}

// originate routes plain HTTP for naked.legacy to its https port, inside TLS.
func originate(w *world, ctx *envoy.TLSContext) {
	c := clusterNamed(w.proxy("shop/client"), "outbound|443||naked.legacy.svc.cluster.local")
	c.Matches, c.Socket = nil, upstreamTLS(ctx)
	routeOf(w, "naked.legacy").Clusters[0].Name = c.Name
}

// dualStack gives shop/server an IPv6 address, virtual and real.
func dualStack(w *world) {
	svc, slice, pod := w.resources().Services[0], *w.resources().EndpointSlices[0], w.find("shop/server")
	svc.Spec.ClusterIPs = []string{svc.Spec.ClusterIP, "fd00::1"}
	pod.Status.PodIPs = []kube.PodIP{{IP: pod.Status.PodIP}, {IP: "fd01::2"}}
	slice.Endpoints = []kube.SliceEndpoint{{Addresses: []string{"fd01::2"}, TargetRef: slice.Endpoints[0].TargetRef}}
	w.resources().EndpointSlices = append(w.resources().EndpointSlices, &slice)
}
