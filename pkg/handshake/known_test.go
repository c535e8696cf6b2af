package handshake

import (
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/internal/testca"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/certs"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// CAs are known once, leaves not at all.
func TestKnownCAs(t *testing.T) {
	at := worldTime
	root := testca.New(at)
	sub := root.Intermediate()
	pod := func(id string) *mesh.Pod {
		return &mesh.Pod{Pod: &kube.Pod{}, Proxy: &envoy.Proxy{Secrets: []*envoy.Secret{
			{Name: "default", Chain: sub.Leaf(id).Chain}, {Name: "ROOTCA", Bundle: certs.NewBundle(root.Certificate)}, {Name: "warming"},
		}}}
	}
	s := &mesh.Snapshot{Pods: []*mesh.Pod{pod("a/b"), pod("c/d"), {Pod: &kube.Pod{}}}}
	got := knownCAs(s)
	if len(got) != 2 || !got[0].Equal(sub.Certificate) || !got[1].Equal(root.Certificate) {
		t.Errorf("%d certificates", len(got))
	}
}
