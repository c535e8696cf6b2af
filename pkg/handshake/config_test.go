package handshake

import (
	"slices"
	"strings"
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

const virtualService = "/apis/networking.istio.io/v1/namespaces/shop/virtual-service/srv"

// TestRouted: a call that a VirtualService leads elsewhere names it, in its evidence and in its trace.
func TestRouted(t *testing.T) {
	const dumped = "shop/client config_dump "
	for _, c := range []struct {
		name  string
		given func(*world)
		want  string
	}{
		{"a route of istiod's own", func(*world) {}, ""},
		{"its own host", func(w *world) { routeOf(w, "server.shop").Config = virtualService }, ""},
		{
			"another host", func(w *world) {
				*routeOf(w, "server.shop") = envoy.Route{CatchAll: true, Config: virtualService, Clusters: []envoy.WeightedCluster{{Name: "outbound|80||naked.legacy.svc.cluster.local"}}}
			}, "VirtualService shop/srv leads server.shop.svc.cluster.local:80 to naked.legacy.svc.cluster.local:80",
		},
		{
			"a host that is not there", func(w *world) {
				*routeOf(w, "server.shop") = envoy.Route{CatchAll: true, Config: virtualService, Clusters: []envoy.WeightedCluster{{Name: "outbound|80|v9|gone.shop.svc.cluster.local"}}}
			}, "VirtualService shop/srv leads server.shop.svc.cluster.local:80 to subset v9 of gone.shop.svc.cluster.local:80",
		},
		{
			"past the registry", func(w *world) {
				*routeOf(w, "server.shop") = envoy.Route{CatchAll: true, Config: virtualService, Clusters: []envoy.WeightedCluster{{Name: "PassthroughCluster"}}}
			}, "VirtualService shop/srv leads server.shop.svc.cluster.local:80 to cluster PassthroughCluster",
		},
		{
			"some requests only", func(w *world) {
				*routeOf(w, "server.shop") = envoy.Route{Config: virtualService, Clusters: []envoy.WeightedCluster{{Name: "outbound|80||naked.legacy.svc.cluster.local"}}}
			}, "VirtualService shop/srv leads some calls of server.shop.svc.cluster.local:80 to naked.legacy.svc.cluster.local:80",
		},
		{
			"metadata of another kind", func(w *world) {
				*routeOf(w, "server.shop") = envoy.Route{
					CatchAll: true, Config: strings.Replace(virtualService, "virtual-service", "sidecar", 1),
					Clusters: []envoy.WeightedCluster{{Name: "outbound|80||naked.legacy.svc.cluster.local"}},
				}
			}, "",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := shop(t)
			c.given(w)
			e := w.traced("shop/client", "server.shop:80")[0]
			fact := e.Outbound.Routed
			switch {
			case fact == nil:
				fact = &Routed{}
			case fact.Source != dumped+"routes/80/server.shop.svc.cluster.local:80" || fact.Layer != Proxy:
				t.Errorf("read from %s", fact.Source)
			}
			if fact.Value != c.want || tells(e, "; applied: VirtualService shop/srv") != (e.Outbound.Route.Name == "srv") {
				t.Errorf("%q, %+v", fact.Value, e.Steps)
			}
		})
	}
}

func tells(e *Edge, what string) bool {
	for _, s := range e.Steps {
		if s.At == StageRoute && strings.HasSuffix(s.Says, what) {
			return true
		}
	}
	return false
}

// TestRoutedTCP: istiod notes the VirtualService of a tcp route at the filter chain (recorded).
func TestRoutedTCP(t *testing.T) {
	e := New(mesh.New(sharedCapture(t, "../../testdata/truth/vs-tcp.tar.gz")))
	var led []string
	for _, x := range e.Edges(Query{Client: func(p *mesh.Pod) bool { return p.Namespace == "pay" && strings.HasPrefix(p.Name, "client-") }}) {
		if x.Outbound.Routed != nil {
			led = append(led, x.Outbound.Routed.Value)
		}
	}
	if len(led) != 1 || led[0] != "VirtualService shop/srv leads server.shop.svc.cluster.local:9000 to api.pay.svc.cluster.local:9000" {
		t.Errorf("%q", led)
	}
}

// TestRoutedSNI: what the client would have sent, had it sent mutual TLS, names the host and the subset that the
// route leads to.
func TestRoutedSNI(t *testing.T) {
	for _, subset := range []string{"", "v1"} {
		w := shop(t)
		w.accept("shop/server", strict)
		c := clusterNamed(w.proxy("shop/client"), server80)
		c.Name, c.Matches = "outbound|80|"+subset+"|server.shop.svc.cluster.local", nil
		routeOf(w, "naked.legacy").Clusters = []envoy.WeightedCluster{{Name: c.Name}}
		e := w.traced("shop/client", "naked.legacy:80")[0]
		want := "SNI outbound_.80_." + subset + "_.server.shop.svc.cluster.local"
		if !slices.ContainsFunc(e.Steps, func(s Step) bool { return s.At == StageTLS && strings.Contains(s.Says, want) }) {
			t.Errorf("%s: no %s in %+v", outcome(e), want, e.Steps)
		}
	}
}
