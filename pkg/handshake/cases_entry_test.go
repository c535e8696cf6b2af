package handshake

import (
	"slices"
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// entryCases: only proxies know the endpoints of a ServiceEntry. Everybody else goes where its name
// or its address leads.
func entryCases() []edgeCase {
	// static leads to the pod of shop/server, which is STRICT.
	static := func(w *world, addresses ...string) {
		w.accept("shop/server", strict)
		s := w.entry("api.example.com", "STATIC", "http 80 8080").at(kube.WorkloadEntrySpec{Address: "10.1.0.2", Labels: map[string]string{"security.istio.io/tlsMode": "istio"}})
		s.entry.Spec.Addresses = addresses
		if len(addresses) > 0 {
			s.vip = addresses[0]
		}
	}
	return []edgeCase{
		{
			name: "endpoints of a ServiceEntry, from a proxy", from: "shop/client", to: "api.example.com:80", want: "fails: plaintext-refused",
			given: func(w *world) { static(w) },
		},
		{
			name: "endpoints of a ServiceEntry, without a proxy", from: "legacy/naked", to: "api.example.com:80", want: "plaintext", takes: []Assumption{DNSAsRegistered},
			given: func(w *world) { static(w) },
		},
		{
			name: "endpoints of a ServiceEntry, from a proxy that passes the name through", from: "shop/client", to: "api.example.com:80", want: "plaintext",
			given: func(w *world) {
				static(w)
				rc := w.proxy("shop/client").Routes["80"]
				rc.VirtualHosts = slices.DeleteFunc(rc.VirtualHosts, func(vh *envoy.VirtualHost) bool { return vh.Domains[0] == "api.example.com" })
			},
		},
		{
			name: "a ServiceEntry's address that nobody holds", from: "legacy/naked", to: "api.example.com:80", want: "plaintext",
			given: func(w *world) { static(w, "192.0.2.7") },
		},
		{
			name: "a ServiceEntry's address that a pod holds", from: "legacy/naked", to: "api.example.com:80", want: "fails: plaintext-refused",
			given: func(w *world) { static(w, "10.1.0.2") },
		},
		{
			name: "a ServiceEntry for the name of a Service", from: "legacy/naked", to: "server.shop:80", want: "fails: plaintext-refused",
			given: func(w *world) {
				w.accept("shop/server", strict)
				w.entry("server.shop.svc.cluster.local", "STATIC", "http 80").at(kube.WorkloadEntrySpec{Address: "192.0.2.10"})
			},
		},
		{
			name: "two ServiceEntries of one name: DNS decides at which address it is called", from: "shop/client", to: "api.example.com:9000", want: "plaintext | mTLS",
			given: func(w *world) {
				w.entry("api.example.com", "NONE", "tcp 9000")
				s := w.entry("api.example.com", "STATIC", "tcp 9000").at(kube.WorkloadEntrySpec{Address: "10.1.0.2", Labels: map[string]string{"security.istio.io/tlsMode": "istio"}})
				s.vip, s.entry.Namespace = "192.0.2.7", "pay"
				s.entry.Spec.Addresses, s.entry.Spec.Location = []string{s.vip}, "MESH_INTERNAL"
			},
		},
		{
			name: "a ServiceEntry's endpoint has a listener, to which its name does not resolve", from: "shop/client", to: "api.example.com:9000", want: "plaintext",
			given: func(w *world) {
				w.entry("api.example.com", "STATIC", "tcp 9000").at(kube.WorkloadEntrySpec{Address: "192.0.2.10"})
				x := w.proxy("shop/client")
				x.Listeners = append(x.Listeners, outboundListener("192.0.2.10", 9000, &envoy.FilterChain{Filters: tcpTo("BlackHoleCluster")}, &envoy.FilterChain{Filters: tcpTo("outbound|9000||api.example.com")}))
			},
		},
		{
			name: "a ServiceEntry's address, which only proxies lead on", from: "legacy/naked", to: "192.0.2.7:80", want: "unknown: evidence-missing",
			given: func(w *world) {
				static(w, "192.0.2.7")
				w.resources().ServiceEntries[0].Spec.Location = "MESH_INTERNAL"
			},
		},
		{
			name: "two ServiceEntries of one name lead to one endpoint: a connection each", from: "legacy/naked", to: "api.example.com:443", want: "appTLS | appTLS",
			given: func(w *world) {
				w.entry("api.example.com", "DNS", "tls 443")
				w.entry("api.example.com", "DNS", "tls 443").entry.Namespace = "pay"
			},
		},
	}
}

// TestSentToByNamespace: where several namespaces declare a host, istiod notes at the cluster whose it is.
func TestSentToByNamespace(t *testing.T) {
	w := shop(t)
	w.entry("api.example.com", "STATIC", "http 80").at(kube.WorkloadEntrySpec{Address: "192.0.2.10"})
	w.entry("api.example.com", "STATIC", "http 80").at(kube.WorkloadEntrySpec{Address: "192.0.2.11"}).entry.Namespace = "pay"
	x := w.proxy("shop/client")
	for _, vh := range x.Routes["80"].VirtualHosts {
		vh.Routes = []*envoy.Route{routeTo("outbound|80||api.example.com")}
	}
	for _, namespace := range []string{"pay", "shop"} {
		for _, c := range x.Clusters {
			if c.Name == "outbound|80||api.example.com" {
				c.Services = []envoy.ServiceRef{{Host: "api.example.com", Name: "api.example.com", Namespace: namespace}}
			}
		}
		for _, e := range w.edges("shop/client", "server.shop:80") {
			if h, _ := e.SentTo(); h == nil || h.Namespace != namespace {
				t.Errorf("the cluster is of namespace %s, and the call is said to go to %+v", namespace, h)
			}
		}
	}
}

// TestNobodyResolves: a name of which the evidence holds nothing.
func TestNobodyResolves(t *testing.T) {
	for _, client := range []string{"shop/client", "legacy/naked"} {
		for _, e := range shop(t).edges(client, "api.exmaple.com:80") {
			if want := "plaintext leaves for api.exmaple.com:80, and nothing in the evidence says where that name leads"; e.Why != want {
				t.Errorf("%s: %s: %q, want %q", client, e.Verdict, e.Why, want)
			}
		}
	}
}
