package checks

import (
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

func TestOtherInterception(t *testing.T) {
	for want, c := range map[string]kube.Container{
		"info Deployment shop/server [spec.template.spec] 0: container agent-init of shop/server may change which traffic the proxy gets": {
			Name: "agent-init", SecurityContext: &kube.SecurityContext{Capabilities: kube.Capabilities{Add: []string{"NET_ADMIN"}}},
		},
		"info Deployment shop/server [spec.template.spec] 0: container sysctl of shop/server": {
			Name: "sysctl", SecurityContext: &kube.SecurityContext{Privileged: true},
		},
		"warning Deployment shop/server [spec.template.spec] 0: shop/server has a proxy of Istio and container linkerd-init of Linkerd: two meshes redirect its traffic": {
			Name: "linkerd-init",
		},
	} {
		r := record(t, healthy)
		for _, p := range r.pods("server") {
			p.Spec.InitContainers = append(p.Spec.InitContainers, c)
		}
		f := r.one(mtd608)
		has(t, lines([]*diagnose.Finding{f}), want)
		complete(t, f)
	}
}

func TestOtherInterceptionQuietAndBlind(t *testing.T) {
	shared(t, healthy).quiet(mtd608) // istio-init has NET_ADMIN too
	r := record(t, healthy)
	for _, p := range r.pods("server") {
		p.Spec.InitContainers = append(p.Spec.InitContainers, kube.Container{Name: "migrate", SecurityContext: &kube.SecurityContext{}})
	}
	r.quiet(mtd608)
	blinded(t, healthy, mtd608)
}
