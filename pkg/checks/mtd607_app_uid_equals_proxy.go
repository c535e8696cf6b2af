package checks

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

var mtd607 = &diagnose.Check{
	Code: "MTD607", Name: "app-uid-equals-proxy", Severity: diagnose.Warning,
	Title: "an application runs as the proxy's user, so its calls are not captured",
	Doc: diagnose.Doc{
		Meaning: "iptables tells the proxy's own traffic from the application's by its user and group, and lets the former out untouched. A container that runs as the same user (1337 unless the platform sets another) or group calls past the proxy: in plaintext, without an identity, and against STRICT servers in vain. Incoming calls are captured as usual.",
		Symptoms: []string{
			"application: connection reset by peer",
			"every call of one container to the mesh is reset, and nothing about it is in its proxy's log",
			"the mesh's metrics do not know the workload as a client",
		},
		Detection: "The effective runAsUser or runAsGroup of a container is that of the container istio-proxy, in a pod whose traffic iptables captures. An error where all containers of the application are such, and servers refuse their plaintext.",
		ByHand: []diagnose.Look{
			seePod("runAsUser or runAsGroup of a container that is the same as that of istio-proxy (mostly 1337)"),
			seeLog("POD", "nothing about the container's calls"),
		},
		NotThis:    "A container whose image sets the user says nothing about it in the pod. What a container calls is not known: one that only serves is not hit.",
		Fix:        "Give the application another user.",
		References: []string{"istio.io/docs/ops/deployment/application-requirements/#pod-requirements", "tools/istio-iptables"},
	},
	Needs:    []diagnose.Evidence{diagnose.Pods},
	Run:      sameUser,
	Describe: describeSameUser,
}

func sameUser(p *diagnose.Pass) {
	for pod := range p.ScopedPods() {
		if pod.Plane != mesh.Sidecar || pod.Container(kube.ProxyContainer) == nil || pod.Capture.Mode == "NONE" {
			p.NotApplicable()
			continue
		}
		found := asProxy(pod)
		for _, c := range found {
			p.Failed(diagnose.Finding{Subject: pod.Workload.Ref, Field: c.field, Group: c.name, Pod: pod, Workloads: []kube.Ref{pod.Workload.Ref}})
		}
		if len(found) == 0 {
			p.Passed()
		}
	}
	for e := range p.Edges() {
		if e.Client.Capture.AsProxy && refusedPlain(e) {
			c := asProxy(e.Client)[0]
			p.Failed(diagnose.Finding{Subject: e.Client.Workload.Ref, Field: c.field, Group: c.name, Pod: e.Client, Edges: edge(e), Severity: diagnose.Error})
		}
	}
}

// proxyLike is a container of an application whose traffic iptables takes for the proxy's.
type proxyLike struct {
	name, field, what string
	id                int64
}

// asProxy are the containers of a pod that run as the proxy's user or group.
func asProxy(pod *mesh.Pod) []proxyLike {
	var out []proxyLike
	for i := range pod.Spec.Containers {
		c := &pod.Spec.Containers[i]
		if field, id := mesh.AsProxy(pod.Pod, c); c.Name != kube.ProxyContainer && field != "" {
			what := strings.ToLower(strings.TrimPrefix(field, "runAs"))
			out = append(out, proxyLike{c.Name, containerPath(pod, c.Name) + ".securityContext." + field, what, id})
		}
	}
	return out
}

func describeSameUser(p *diagnose.Pass, f *diagnose.Finding) {
	pod := f.Pod
	all := asProxy(pod)
	c := all[slices.IndexFunc(all, func(c proxyLike) bool { return c.name == f.Group })]
	effect := "in plaintext"
	if len(f.Edges) > 0 {
		to := servers(f.Edges)
		effect += fmt.Sprintf(", and %s %s them", to, to.verb("refuses", "refuse"))
	}
	f.Title = fmt.Sprintf("container %s of %s runs as %s %d, which iptables takes for the proxy: its calls go past the proxy, %s", c.name, workloadName(pod.Workload), c.what, c.id, effect)
	f.Evidence = []handshake.Fact{
		{Layer: handshake.Cluster, Source: "pod " + pod.Key().String() + " container " + c.name, Value: fmt.Sprintf("%s %d", c.what, c.id)},
		{Layer: handshake.Cluster, Source: "pod " + pod.Key().String() + " container " + kube.ProxyContainer, Value: fmt.Sprintf("what %s %d sends is not captured; %s", c.what, c.id, pod.Capture.Source)},
	}
	if len(f.Edges) > 0 {
		f.Evidence = append(f.Evidence, bothSides(p, f.Edges[0])...)
	}
	f.Fixes = []diagnose.Fix{{Title: "give the container another " + c.what, Command: kubectl("edit", f.Subject), Risk: "the pods restart, and files that belong to the old " + c.what + " may not be readable"}}
}

// containerPath is where a container of the application stands in the pod template. The proxy, which may
// come first in the pod, is not in there.
func containerPath(pod *mesh.Pod, name string) string {
	i := 0
	for _, c := range pod.Spec.Containers {
		if c.Name == name {
			break
		}
		if c.Name != kube.ProxyContainer || pod.Workload.Kind == "Pod" {
			i++
		}
	}
	return fmt.Sprintf("%s.containers[%d]", podSpec(pod.Workload), i)
}
