package cli

import (
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// A trace to a workload has the calls that were meant for it and are led elsewhere, and not those of its neighbours
// behind the same Service.
func TestMeansOne(t *testing.T) {
	asked, neighbour, other := &mesh.Pod{Pod: &kube.Pod{}}, &mesh.Pod{Pod: &kube.Pod{}}, &mesh.Pod{Pod: &kube.Pod{}}
	host := &mesh.Host{Ports: []*mesh.Port{{Endpoints: []mesh.Endpoint{{Pod: asked}, {Pod: neighbour}}}}}
	for name, c := range map[string]struct {
		server handshake.Server
		want   bool
	}{
		"the pod":                       {handshake.Server{Pod: asked, Host: host}, true},
		"by its address":                {handshake.Server{Pod: asked}, true},
		"led elsewhere":                 {handshake.Server{Pod: other, Host: host}, true},
		"led out of the mesh":           {handshake.Server{Host: host}, true},
		"a neighbour behind the host":   {handshake.Server{Pod: neighbour, Host: host}, false},
		"another pod":                   {handshake.Server{Pod: other}, false},
		"another host, or none, no pod": {handshake.Server{}, false},
	} {
		if got := meansOne(&c.server, []*mesh.Pod{asked}); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
