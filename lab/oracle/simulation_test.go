package oracle

import (
	"errors"
	"math/rand/v2"
	"testing"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listener "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	route "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	hcm "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	tcp "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/tcp_proxy/v3"
	tls "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"
	"istio.io/istio/pilot/pkg/simulation"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// TestSimulationIsWrong holds istiod's simulation to its known mistakes (see the package's
// documentation): where it has learned better, what makes up for it here can go.
func TestSimulationIsWrong(t *testing.T) {
	toTCP := &tcp.TcpProxy{ClusterSpecifier: &tcp.TcpProxy_Cluster{Cluster: "one"}}
	shares := &tcp.TcpProxy{ClusterSpecifier: &tcp.TcpProxy_WeightedClusters{WeightedClusters: &tcp.TcpProxy_WeightedCluster{
		Clusters: []*tcp.TcpProxy_WeightedCluster_ClusterWeight{{Name: "one", Weight: 1}, {Name: "two", Weight: 1}},
	}}}
	any4 := &core.CidrRange{AddressPrefix: "0.0.0.0", PrefixLen: wrapperspb.UInt32(0)}
	plain := simulation.Call{Port: 80, Protocol: simulation.TCP, CallMode: simulation.CallModeInbound}
	encrypted := simulation.Call{Port: 80, Protocol: simulation.TCP, TLS: simulation.TLS, Sni: "x.example", CallMode: simulation.CallModeInbound}
	mutual := simulation.Call{Port: 80, Protocol: simulation.TCP, TLS: simulation.MTLS, CallMode: simulation.CallModeInbound}
	get := func(host string) simulation.Call {
		return simulation.Call{Port: 80, Protocol: simulation.HTTP, HostHeader: host, CallMode: simulation.CallModeInbound}
	}
	tests := []struct {
		name   string
		call   simulation.Call
		chains []*listener.FilterChain
		wrong  func(simulation.Result) bool
		right  string // the chain that Envoy takes, and the product says so; "" is not asked
	}{
		{
			"a prefix of length 0 never fits", plain, chainList(chain("a", &listener.FilterChainMatch{PrefixRanges: []*core.CidrRange{any4}}, toTCP)),
			func(r simulation.Result) bool { return errors.Is(r.Error, simulation.ErrNoFilterChain) }, "a",
		},
		{
			"the SNI is known without an inspector", encrypted, chainList(chain("a", &listener.FilterChainMatch{ServerNames: []string{"x.example"}}, toTCP), chain("b", nil, toTCP)),
			func(r simulation.Result) bool { return r.FilterChainMatched == "a" }, "b",
		},
		{
			"shares have no cluster", plain, chainList(chain("a", nil, shares)),
			func(r simulation.Result) bool { return r.Error == nil && r.ClusterMatched == "" }, "",
		},
		{
			"TLS at a chain without TLS is fine", encrypted, chainList(chain("a", nil, toTCP)),
			func(r simulation.Result) bool { return r.Error == nil }, "a",
		},
		{
			"only the certificate default is mutual TLS", mutual, chainList(secured(chain("a", nil, toTCP), "other")),
			func(r simulation.Result) bool { return errors.Is(r.Error, simulation.ErrMTLSError) }, "",
		},
		{
			"two chains that fit are an error", plain, chainList(chain("a", nil, toTCP), chain("b", nil, toTCP)),
			func(r simulation.Result) bool { return errors.Is(r.Error, simulation.ErrMultipleFilterChain) }, "",
		},
		{
			"the asterisk wins over a prefix", get("foobar"), chainList(chain("a", nil, routes(vhost("all", "*"), vhost("foo", "foo*")))),
			func(r simulation.Result) bool { return r.VirtualHostMatched == "all" }, "",
		},
		{
			"domains differ by case", get("FOO.example"), chainList(chain("a", nil, routes(vhost("foo", "foo.example")))),
			func(r simulation.Result) bool { return errors.Is(r.Error, simulation.ErrNoVirtualHost) }, "",
		},
		{
			"headers do not count", get("foo"), chainList(chain("a", nil, routes(vhost("foo", "*")))),
			func(r simulation.Result) bool { return r.ClusterMatched == "by-header" }, "",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := &listener.Listener{Name: "virtualInbound", FilterChains: tt.chains, Address: inboundAddress()}
			sim := &simulation.Simulation{Listeners: []*listener.Listener{l}}
			if got := sim.Run(tt.call); !tt.wrong(got) {
				t.Errorf("it says %+v now: see what makes up for this, and the table in doc.go", got)
			}
			if got := productChain(t, l, tt.call); tt.right != "" && got != tt.right {
				t.Errorf("the product takes chain %q, Envoy %q", got, tt.right)
			}
		})
	}
}

// productChain is the chain that pkg/handshake sees a client without a proxy taken by.
func productChain(t *testing.T, l *listener.Listener, call simulation.Call) string {
	t.Helper()
	port := servicePort{80, 80, "tcp", "", ""}
	if call.TLS == simulation.TLS {
		port.name = "tls"
	}
	g := &generator{rand: rand.New(rand.NewPCG(1, 1))}
	g.pod("a", "client", "v1", false)
	g.pod("a", "x", "v1", true)
	g.add("v1", "Service", "a", "x", fields{"spec": fields{"clusterIP": "10.96.0.1", "selector": fields{"app": "x"}, "ports": []any{port.object()}}})
	g.slice("a", "x", "x", []servicePort{port})
	res, err := g.out.Resources()
	if err != nil {
		t.Fatal(err)
	}
	i := &Istiod{Case: g.out, Resources: res, Proxies: []*Proxy{{Pod: res.Pods[1], Simulation: &simulation.Simulation{Listeners: []*listener.Listener{l}}}}}
	ev, err := NewDumper().Evidence(i)
	if err != nil {
		t.Fatal(err)
	}
	for call, ways := range Replay(mesh.New(ev)) {
		if call.Client.Name == "client-v1-1" && call.Host == "x.a.svc.cluster.local" && len(ways) > 0 {
			return ways[0].Chain
		}
	}
	t.Fatal("the product sees no connection")
	return ""
}

func chainList(list ...*listener.FilterChain) []*listener.FilterChain { return list }

func chain(name string, match *listener.FilterChainMatch, last any) *listener.FilterChain {
	f := &listener.Filter{Name: "envoy.filters.network.tcp_proxy"}
	switch m := last.(type) {
	case *tcp.TcpProxy:
		f.ConfigType = &listener.Filter_TypedConfig{TypedConfig: pack(m)}
	case *hcm.HttpConnectionManager:
		f.Name = "envoy.filters.network.http_connection_manager"
		f.ConfigType = &listener.Filter_TypedConfig{TypedConfig: pack(m)}
	}
	return &listener.FilterChain{Name: name, FilterChainMatch: match, Filters: []*listener.Filter{f}}
}

// secured gives a chain a TLS socket that demands a client certificate.
func secured(fc *listener.FilterChain, secret string) *listener.FilterChain {
	ctx := &tls.DownstreamTlsContext{
		RequireClientCertificate: wrapperspb.Bool(true),
		CommonTlsContext:         &tls.CommonTlsContext{TlsCertificateSdsSecretConfigs: []*tls.SdsSecretConfig{{Name: secret}}},
	}
	fc.TransportSocket = &core.TransportSocket{Name: "envoy.transport_sockets.tls", ConfigType: &core.TransportSocket_TypedConfig{TypedConfig: pack(ctx)}}
	return fc
}

func routes(hosts ...*route.VirtualHost) *hcm.HttpConnectionManager {
	return &hcm.HttpConnectionManager{RouteSpecifier: &hcm.HttpConnectionManager_RouteConfig{RouteConfig: &route.RouteConfiguration{VirtualHosts: hosts}}}
}

// vhost has a route that no request without header h takes, and one for all.
func vhost(name, domain string) *route.VirtualHost {
	to := func(cluster string, headers ...*route.HeaderMatcher) *route.Route {
		return &route.Route{
			Match:  &route.RouteMatch{PathSpecifier: &route.RouteMatch_Prefix{Prefix: "/"}, Headers: headers},
			Action: &route.Route_Route{Route: &route.RouteAction{ClusterSpecifier: &route.RouteAction_Cluster{Cluster: cluster}}},
		}
	}
	byHeader := &route.HeaderMatcher{Name: "h", HeaderMatchSpecifier: &route.HeaderMatcher_PresentMatch{PresentMatch: true}}
	return &route.VirtualHost{Name: name, Domains: []string{domain}, Routes: []*route.Route{to("by-header", byHeader), to("rest")}}
}

func inboundAddress() *core.Address {
	return &core.Address{Address: &core.Address_SocketAddress{SocketAddress: &core.SocketAddress{
		Address: "0.0.0.0", PortSpecifier: &core.SocketAddress_PortValue{PortValue: 15006},
	}}}
}
