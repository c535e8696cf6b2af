package checks

import (
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// The policy to edit is the one that counts: the oldest of the pod's revision, by name within a
// second.
func TestWorkloadPolicy(t *testing.T) {
	r := record(t, healthy)
	policy := func(name, revision string) {
		pa := &kube.PeerAuthentication{Meta: kube.Meta{Name: name, Namespace: "shop", Labels: map[string]string{}}}
		if revision != "" {
			pa.Labels["istio.io/rev"] = revision
		}
		pa.Spec.Selector = r.selector("app", "server")
		r.Resources.PeerAuthentications = append(r.Resources.PeerAuthentications, pa)
	}
	policy("a", "elsewhere")
	policy("c", "")
	policy("b", "")
	probe := &diagnose.Check{Code: "MTD999", Run: func(p *diagnose.Pass) {
		pod := p.Snapshot.Pod(kube.Key{Namespace: "shop", Name: r.pods("server")[0].Name})
		if got := workloadPolicy(p, pod); got == nil || got.Name != "b" {
			t.Errorf("%+v", got)
		}
	}}
	diagnose.Run(mesh.New(r.Evidence), []*diagnose.Check{probe}, diagnose.Scope{})
}
