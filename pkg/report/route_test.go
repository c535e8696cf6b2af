package report

import (
	"strings"
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// routed is a call of server.shop that a VirtualService leads on.
func routed(to string, reason handshake.Reason) *handshake.Edge {
	route := kube.Ref{Kind: "VirtualService", Namespace: "shop", Name: "srv"}
	e := &handshake.Edge{Client: &mesh.Pod{Workload: &mesh.Workload{Ref: kube.Ref{Kind: "Deployment", Namespace: "shop", Name: "client"}}}}
	e.Verdict, e.Reason = handshake.Fails, reason
	e.Server.Name, e.Server.Port = "server.shop.svc.cluster.local", 80
	fact := handshake.Fact{Value: route.String() + " leads server.shop.svc.cluster.local:80 to " + to}
	e.Outbound.Route, e.Outbound.Routed = route, &handshake.Routed{To: to, Fact: fact}
	return e
}

// TestRoutedHits: calls that are led elsewhere stand apart, and say by whom, and whether it is all of them.
func TestRoutedHits(t *testing.T) {
	direct := routed("", handshake.PlaintextRefused)
	direct.Outbound = handshake.Outbound{}
	const api = "api.pay.svc.cluster.local:80"
	again := routed(api, handshake.PlaintextRefused)
	share := routed(api, handshake.PlaintextRefused)
	share.Outbound.Routed.Conditional = true
	affects := foldAffected([]*handshake.Edge{direct, routed(api, handshake.PlaintextRefused), again, share})
	p := newPage(&Report{}, Style{Format: Table, Width: 200})
	p.hits(affects)
	want := []string{
		"shop/deploy/client → server.shop:80: fails (plaintext-refused)",
		"shop/deploy/client → server.shop:80, which VirtualService shop/srv leads to api.pay:80: fails (plaintext-refused)",
		"shop/deploy/client → server.shop:80, of which VirtualService shop/srv leads some to api.pay:80: fails (plaintext-refused)",
	}
	for _, line := range want {
		if !strings.Contains(p.b.String(), line+"\n") {
			t.Errorf("%q is not in\n%s", line, p.b.String())
		}
	}
	if len(affects) != 3 || affects[1].Pairs != 2 {
		t.Errorf("%+v", affects)
	}
	if got := shortTarget("cluster PassthroughCluster"); got != "cluster PassthroughCluster" {
		t.Error(got)
	}
}

// TestLedAstray: where a route leads into nothing, the VirtualService is what to look at.
func TestLedAstray(t *testing.T) {
	for _, reason := range []handshake.Reason{handshake.NoRoute, handshake.NoEndpoint} {
		next := suspects(nil, []*handshake.Edge{routed("gone.shop.svc.cluster.local:80", reason)})
		if want := "VirtualService shop/srv leads server.shop.svc.cluster.local:80 to gone.shop.svc.cluster.local:80, where nothing takes calls"; next[0] != want {
			t.Errorf("%s: %q", reason, next)
		}
	}
}
