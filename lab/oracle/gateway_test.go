package oracle

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// TestEastWestGateway lets the product follow what istiod gives an east-west gateway, and clients of
// another network: its own pods by their address, those of the other network through the gateway.
func TestEastWestGateway(t *testing.T) {
	i, err := Start(t, fixtures(t, "gateway")["east-west"])
	if err != nil {
		t.Fatal(err)
	}
	ev, err := NewDumper().Evidence(i)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range handshake.New(mesh.New(ev)).Edges(handshake.Query{}) {
		if e.Client.Name != "client" || e.Server.Name != "server.a.svc.cluster.local" {
			continue
		}
		line := fmt.Sprintf("%s: %s", e.Server.Pod.Name, e.Verdict)
		if e.Via != nil {
			line += " through " + e.Via.Name
		}
		got = append(got, line)
	}
	slices.Sort(got)
	if diff := cmp.Diff([]string{"far: mTLS through eastwest", "near: mTLS"}, got); diff != "" {
		t.Error(diff)
	}
}
