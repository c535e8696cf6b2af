package checks

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// Of a gateway's closed ports the listeners that it has are told, and no caller.
func TestNoListener(t *testing.T) {
	active := envoy.Freshness{State: envoy.Active}
	pod := &mesh.Pod{Pod: &kube.Pod{}, Workload: &mesh.Workload{Ref: kube.Ref{Kind: "Deployment", Namespace: "istio-system", Name: "gateway"}}}
	pod.Name, pod.Namespace = "gateway-1", "istio-system"
	pod.Proxy = &envoy.Proxy{Listeners: []*envoy.Listener{
		{Name: "0.0.0.0_8443", BindToPort: true, Freshness: active},
		{Name: "0.0.0.0_8080", BindToPort: true, Freshness: active},
		{Name: "connect_originate", Freshness: active},
		{Name: "0.0.0.0_9000", BindToPort: true, Freshness: envoy.Freshness{State: envoy.Warming}},
	}}
	f := &diagnose.Finding{}
	for _, port := range []uint32{15021, 80, 80} {
		f.Edges = append(f.Edges, &handshake.Edge{Reason: handshake.NoListener, Server: handshake.Server{Pod: pod, Port: port}})
	}
	describeUnexplained(nil, f)
	if want := "nothing listens behind ports 80, 15021 of istio-system/gateway: no Gateway opens them"; f.Title != want {
		t.Error(f.Title)
	}
	if got := facts(f); got != "istio-system/gateway-1 config_dump listeners: 0.0.0.0_8080, 0.0.0.0_8443" {
		t.Error(got)
	}
	f.Edges = f.Edges[:1]
	pod.Proxy.Listeners = nil
	describeUnexplained(nil, f)
	has(t, f.Title, "behind port 15021 of istio-system/gateway: no Gateway opens it")
	has(t, facts(f), "none that takes connections")
}

// gateway makes shop/server a gateway that takes TLS on port 443 of its Service for one host.
func (r *recording) gateway(host string, socket *envoy.TransportSocket) {
	for _, pod := range r.pods("server") {
		pod.Spec.InitContainers = nil
		pod.Spec.Containers = []kube.Container{{Name: "istio-proxy", Args: []string{"proxy", "router"}}}
		delete(pod.Labels, tlsMode)
	}
	p := r.proxy("shop/server")
	p.Node.Type = "router"
	p.Listeners = []*envoy.Listener{{
		Name: "0.0.0.0_8443", Addresses: []netip.AddrPort{netip.MustParseAddrPort("0.0.0.0:8443")}, BindToPort: true,
		Filters: []envoy.ListenerFilter{{Kind: envoy.TLSInspector}},
		FilterChains: []*envoy.FilterChain{{
			Match:  envoy.FilterChainMatch{ServerNames: []string{host}, TransportProtocol: "tls"},
			Socket: socket, Filters: []*envoy.Filter{{Kind: envoy.TCPProxy, Clusters: []envoy.WeightedCluster{{Name: "BlackHoleCluster"}}}},
		}},
		Freshness: envoy.Freshness{State: envoy.Active},
	}}
	for _, x := range r.Proxies {
		for name, list := range x.Endpoints {
			for i := range list {
				if strings.HasSuffix(name, "||server.shop.svc.cluster.local") {
					list[i].SocketMatch = nil
				}
			}
		}
	}
}

// That a gateway refuses its Service's own name is no fault: nobody is seen to call it so. The hosts
// that it takes are told.
func TestGatewayByItsServicesName(t *testing.T) {
	certificate := &envoy.TransportSocket{Kind: envoy.TLS, TLS: &envoy.TLSContext{RequireClientCertificate: true}}
	for name, c := range map[string]struct {
		host   string
		socket *envoy.TransportSocket
	}{
		"another SNI":                  {"shop.example", nil},
		"a certificate is asked for":   {"server.shop.svc.cluster.local", certificate},
		"both, for all names it takes": {"*.example", certificate},
	} {
		r := record(t, healthy)
		r.gateway(c.host, c.socket)
		found := r.judge(All()...).Findings
		if got := causes(r.judge(All()...)); len(got) > 0 {
			t.Errorf("%s: %v", name, got)
		}
		i := slices.IndexFunc(found, func(f *diagnose.Finding) bool { return strings.Contains(f.Title, "hosts of its Gateways") })
		if i < 0 {
			t.Fatalf("%s: it is not told: %s", name, lines(found))
		}
		has(t, lines(found[i:i+1]), "info Deployment shop/server [] 10: shop/server serves the hosts of its Gateways on port 443, and refuses calls under its Service's name, server.shop")
		has(t, facts(found[i]), "takes SNI "+c.host)
		complete(t, found[i])
	}
}
