package handshake

import (
	"net/netip"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// rotationCases: endpoints that the client's proxy holds for unhealthy.
func rotationCases() []edgeCase {
	endpoints := func(w *world) []envoy.Endpoint { return w.proxy("shop/client").Endpoints[server80] }
	// replicas gives shop/server three pods more.
	replicas := func(w *world) {
		for _, name := range []string{"shop/server-2", "shop/server-3", "shop/server-4"} {
			w.pod(name)
			w.services[0].of(name)
		}
	}
	ejected := func(w *world, at ...int) {
		for _, i := range at {
			endpoints(w)[i].Health = "UNHEALTHY"
		}
	}
	percent := func(n uint32) *uint32 { return &n }
	from, to := "shop/client", "server.shop:80"
	return []edgeCase{
		{
			name: "a pod that is not ready is not called", from: from, to: to, want: "mTLS",
			given: func(w *world) { w.pod("shop/server-2", unready); w.services[0].of("shop/server-2") },
		},
		{
			name: "no pod is ready, and the proxy knows them all", from: from, to: to, want: "fails: no-healthy-upstream",
			given: func(w *world) { unready(w.find("shop/server")) },
		},
		{
			name: "an ejected endpoint beside a healthy one is replayed all the same", from: from, to: to, want: "mTLS | mTLS | mTLS | mTLS",
			takes: []Assumption{EndpointInRotation},
			given: func(w *world) { replicas(w); ejected(w, 0) },
		},
		{
			name: "the only endpoint is ejected", from: from, to: to, want: "fails: no-healthy-upstream",
			given: func(w *world) { ejected(w, 0) },
		},
		{
			name: "the only endpoint is ejected, because it refuses what it gets", from: from, to: to, want: "fails: plaintext-refused, no-healthy-upstream",
			given: func(w *world) {
				w.accept("shop/server", strict)
				w.rule("server.shop", tlsDisable)
				ejected(w, 0)
			},
		},
		{
			name: "a health check timed out", from: from, to: to, want: "fails: no-healthy-upstream",
			given: func(w *world) { endpoints(w)[0].Health = "TIMEOUT" },
		},
		{
			name: "a degraded endpoint is called", from: from, to: to, want: "mTLS",
			given: func(w *world) { endpoints(w)[0].Health = "DEGRADED" },
		},
		{
			name: "a draining endpoint is not called", from: from, to: to, want: "fails: no-healthy-upstream",
			given: func(w *world) { endpoints(w)[0].Health = "DRAINING" },
		},
		{
			name: "Envoy's default: less than half are healthy, and all are called", from: from, to: to, want: "mTLS | mTLS | mTLS | mTLS",
			given: func(w *world) {
				replicas(w)
				ejected(w, 0, 1, 2)
				endpoints(w)[3].Health = "DRAINING"
				clusterNamed(w.proxy("shop/client"), server80).PanicThreshold = nil
			},
		},
		{
			name: "half are healthy, and the draining one is not called", from: from, to: to, want: "mTLS | mTLS | mTLS",
			given: func(w *world) {
				replicas(w)
				ejected(w, 0)
				endpoints(w)[3].Health = "DRAINING"
				clusterNamed(w.proxy("shop/client"), server80).PanicThreshold = percent(50)
			},
		},
		{
			name: "no panic while another priority carries the load", from: from, to: to, want: "mTLS",
			given: func(w *world) {
				replicas(w)
				for i := range 3 {
					endpoints(w)[i].Health = "DRAINING"
				}
				endpoints(w)[3].Priority = 1
				clusterNamed(w.proxy("shop/client"), server80).PanicThreshold = percent(50)
			},
		},
		{
			name: "/clusters tells of an ejection that the cluster's own endpoints do not show", from: from, to: "api.example.com:80", want: "fails: no-healthy-upstream",
			given: func(w *world) {
				w.entry("api.example.com", "STATIC", "http 80").at(kube.WorkloadEntrySpec{Address: "192.0.2.10"})
				x := w.proxy("shop/client")
				c := clusterNamed(x, "outbound|80||api.example.com")
				c.Type, c.Endpoints = "STATIC", x.Endpoints[c.Name]
				x.Hosts = map[string][]envoy.Host{c.Name: {{Address: netip.MustParseAddrPort("192.0.2.10:80"), Flags: []string{"failed_outlier_check"}}}}
			},
		},
		{
			name: "endpoints of /clusters stand in, with their health", from: from, to: to, want: "fails: no-healthy-upstream", takes: []Assumption{TLSModeFromLabel},
			given: func(w *world) {
				x := w.proxy("shop/client")
				x.Endpoints, x.Read = nil, x.Read&^envoy.SectionEndpoints
				x.Hosts = map[string][]envoy.Host{server80: {{Address: netip.MustParseAddrPort("10.1.0.2:8080"), Flags: []string{"failed_active_health_check"}}}}
			},
		},
	}
}
