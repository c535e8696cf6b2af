package handshake

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// TestAround: asked about the pods of server.shop, the calls of that name count, wherever a route leads them, and
// no others of the host that they are led to.
func TestAround(t *testing.T) {
	w := shop(t)
	routeOf(w, "server.shop").Clusters = []envoy.WeightedCluster{{Name: "outbound|80||naked.legacy.svc.cluster.local"}}
	e := New(mesh.New(w.evidence()))
	server := func(p *mesh.Pod) bool { return p.Name == "server" }
	got := map[string]bool{}
	for _, x := range e.Around(Query{Either: server, Client: func(p *mesh.Pod) bool { return p.Name == "client" }}) {
		got[x.Client.Name+" calls "+x.Server.Host.Name+" and reaches "+x.Server.Pod.Name] = true
	}
	want := map[string]bool{
		"client calls server.shop.svc.cluster.local and reaches naked":  true,
		"client calls server.shop.svc.cluster.local and reaches server": true, // at its other ports
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}
