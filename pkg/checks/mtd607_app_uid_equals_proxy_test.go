package checks

import (
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

func TestSameUser(t *testing.T) {
	for want, spoil := range map[string]func(*kube.Pod){
		"[spec.template.spec.containers[0].securityContext.runAsUser] 10: container app of shop/server runs as user 1337, which iptables takes for the proxy: its calls go past the proxy, in plaintext, and": func(p *kube.Pod) {
			p.Spec.Containers[0].SecurityContext = &kube.SecurityContext{RunAsUser: id(1337)}
		},
		"[spec.template.spec.containers[0].securityContext.runAsGroup] 10: container app of shop/server runs as group 1337, which": func(p *kube.Pod) {
			p.Spec.SecurityContext = &kube.SecurityContext{RunAsGroup: id(1337)}
		},
		"runs as user 1000660000, which": func(p *kube.Pod) { // as a platform sets it for all containers
			for i := range p.Spec.Containers {
				p.Spec.Containers[i].SecurityContext = nil
			}
			p.Spec.SecurityContext = &kube.SecurityContext{RunAsUser: id(1000660000)}
			p.Spec.InitContainers = nil // istio-cni lets out whom the proxy runs as
		},
	} {
		r := record(t, healthy)
		for _, p := range r.pods("server") {
			spoil(p)
		}
		f := r.one(mtd607)
		has(t, lines([]*diagnose.Finding{f}), "error Deployment shop/server ")
		has(t, lines([]*diagnose.Finding{f}), want)
		complete(t, f)
	}
}

// Of two containers nobody knows which one calls: no call is said to fail.
func TestSameUserOfOneContainer(t *testing.T) {
	r := record(t, healthy)
	for _, p := range r.pods("server") {
		other := p.Spec.Containers[0]
		other.Name, other.SecurityContext = "other", &kube.SecurityContext{RunAsUser: id(1337)}
		p.Spec.Containers = append(p.Spec.Containers, other)
	}
	f := r.one(mtd607)
	has(t, lines([]*diagnose.Finding{f}), "warning Deployment shop/server [spec.template.spec.containers[1].securityContext.runAsUser] 0: container other of shop/server")
	complete(t, f)
}

func id(n int64) *int64 { return &n }

func TestSameUserQuietAndBlind(t *testing.T) {
	shared(t, healthy).quiet(mtd607)
	r := record(t, healthy)
	for _, p := range r.pods("server") {
		p.Spec.SecurityContext = &kube.SecurityContext{RunAsUser: id(1000), RunAsGroup: id(1000)}
	}
	for _, p := range r.pods("naked") { // without a proxy nobody runs as it
		p.Spec.SecurityContext = &kube.SecurityContext{RunAsUser: id(1000)}
	}
	r.quiet(mtd607)
	blinded(t, healthy, mtd607)
}

// Where the proxy comes first in the pod, its template begins with the application all the same.
func TestContainerPath(t *testing.T) {
	w := &mesh.Workload{Ref: kube.Ref{Kind: "Deployment"}}
	pod := &mesh.Pod{Pod: &kube.Pod{}, Workload: w}
	pod.Spec.Containers = []kube.Container{{Name: kube.ProxyContainer}, {Name: "app"}, {Name: "log"}}
	for name, want := range map[string]string{"app": "spec.template.spec.containers[0]", "log": "spec.template.spec.containers[1]"} {
		if got := containerPath(pod, name); got != want {
			t.Errorf("%s: %s", name, got)
		}
	}
	w.Kind = "Pod"
	if got := containerPath(pod, "app"); got != "spec.containers[1]" {
		t.Error(got)
	}
}
