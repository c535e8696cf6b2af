package checks

import (
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// label sets the labels of a namespace.
func (r *recording) label(namespace string, labels map[string]string) {
	for _, ns := range r.Resources.Namespaces {
		if ns.Name == namespace {
			ns.Labels = labels
		}
	}
}

func TestInjectionMissing(t *testing.T) {
	r := record(t, healthy)
	r.label("legacy", map[string]string{"istio-injection": "enabled"})
	f := r.one(mtd605)
	has(t, lines([]*diagnose.Finding{f}), "error Deployment legacy/naked [] 13: legacy/naked has no proxy, although namespace legacy asks for one (istio-injection=enabled); 5 STRICT workloads refuse it")
	hasFix(t, f, "kubectl -n legacy rollout restart deployment/naked")
	complete(t, f)

	open := record(t, "02-permissive-default")
	open.label("legacy", map[string]string{"istio-injection": "enabled"})
	has(t, open.says(mtd605), "warning Deployment legacy/naked [] 0: ")
}

// Callers without a proxy are shut out once the workload is STRICT, which is said.
func TestInjectionShutsOut(t *testing.T) {
	r := record(t, healthy)
	r.label("legacy", map[string]string{"istio-injection": "enabled"})
	has(t, r.one(mtd605).Fixes[0].Risk, "then refused: ")
}

// kubectl restarts no Job and no ReplicaSet.
func TestRestartable(t *testing.T) {
	for kind, want := range map[string]bool{"Deployment": true, "StatefulSet": true, "DaemonSet": true, "Job": false, "ReplicaSet": false, "CronJob": false, "Pod": false} {
		if got := restartable(&mesh.Workload{Ref: kube.Ref{Kind: kind}}); got != want {
			t.Errorf("%s: %v", kind, got)
		}
	}
}

// A revision without a control plane injects nobody.
func TestInjectionOfARevision(t *testing.T) {
	r := record(t, healthy)
	r.label("legacy", map[string]string{"istio.io/rev": "canary"})
	f := r.one(mtd605)
	has(t, f.Title, "although namespace legacy asks for one (istio.io/rev=canary)")
	has(t, f.Title, "nothing is seen of a control plane of revision canary")
	has(t, f.Fixes[0].Command, "mutatingwebhookconfigurations")

	r.MeshConfigs["canary"] = &kube.MeshConfig{}
	has(t, r.one(mtd605).Fixes[0].Command, "rollout restart")
}

// A pod that nothing owns is not restarted, but created.
func TestInjectionOfABarePod(t *testing.T) {
	r := record(t, healthy)
	r.label("legacy", map[string]string{"istio-injection": "enabled"})
	for _, p := range r.pods("naked") {
		p.OwnerReferences = nil
	}
	has(t, r.one(mtd605).Fixes[0].Title, "create it anew")
}

func TestInjectionMissingQuietAndBlind(t *testing.T) {
	shared(t, healthy).quiet(mtd605) // two pods of shop opt out
	for name, spoil := range map[string]func(*kube.Pod){
		"host network": func(p *kube.Pod) { p.Spec.HostNetwork = true },
		"annotation":   func(p *kube.Pod) { p.Annotations = map[string]string{"sidecar.istio.io/inject": "false"} },
		"istiod":       func(p *kube.Pod) { p.Labels["app"] = "istiod" },
	} {
		r := record(t, healthy)
		r.label("legacy", map[string]string{"istio-injection": "enabled"})
		for _, p := range r.pods("naked") {
			spoil(p)
		}
		if got := r.says(mtd605); got != "" {
			t.Errorf("%s: %s", name, got)
		}
	}
	r := record(t, healthy)
	r.label("legacy", map[string]string{"istio-injection": "disabled", "istio.io/rev": "default"})
	r.silent(mtd605)
	blinded(t, healthy, mtd605)
}
