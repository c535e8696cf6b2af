package handshake

import (
	"iter"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// TestEither: asked about the pods of server.shop, the calls of that name count, wherever a route leads them, and
// no others of the host that they are led to.
func TestEither(t *testing.T) {
	w := shop(t)
	routeOf(w, "server.shop").Clusters = []envoy.WeightedCluster{{Name: "outbound|80||naked.legacy.svc.cluster.local"}}
	e := New(mesh.New(w.evidence()))
	q := Query{
		Either: func(p *mesh.Pod) bool { return p.Name == "server" },
		Client: func(p *mesh.Pod) bool { return p.Name == "client" },
	}
	want := map[string]bool{
		"client calls server.shop.svc.cluster.local and reaches naked":  true,
		"client calls server.shop.svc.cluster.local and reaches server": true, // at its other ports
	}
	for name, edges := range map[string]iter.Seq[*Edge]{
		"edges":   slices.Values(e.Edges(q)),
		"classes": ByWorkload(slices.Collect(e.Classes(q))),
	} {
		got := map[string]bool{}
		for x := range edges {
			got[x.Client.Name+" calls "+x.Server.Host.Name+" and reaches "+x.Server.Pod.Name] = true
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
