package checks

import (
	"cmp"
	"fmt"
	"slices"

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
			"every call of one container to the mesh is reset, and nothing about it is in its proxy's log",
			"the mesh's metrics do not know the workload as a client",
		},
		Detection: "The effective runAsUser or runAsGroup of a container is that of the container istio-proxy, in a pod whose traffic iptables captures.",
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

// proxyID is the user and group as which the proxy runs unless the platform says otherwise.
const proxyID = 1337

func sameUser(p *diagnose.Pass) {
	for pod := range p.ScopedPods() {
		proxy := pod.Container(proxyContainer)
		if pod.Plane != mesh.Sidecar || proxy == nil || pod.Capture.Mode == "NONE" {
			p.NotApplicable()
			continue
		}
		found := false
		for _, c := range pod.Spec.Containers {
			if field := exempt(pod, &c, proxy); c.Name != proxyContainer && field != "" {
				found = true
				p.Failed(diagnose.Finding{
					Subject: pod.Workload.Ref, Field: containerPath(pod, c.Name) + ".securityContext." + field,
					Group: c.Name, Pod: pod, Workloads: []kube.Ref{pod.Workload.Ref},
				})
			}
		}
		if !found {
			p.Passed()
		}
	}
}

// exempt is the field by which iptables takes a container's traffic for the proxy's; "" when it does not.
func exempt(pod *mesh.Pod, c, proxy *kube.Container) string {
	if user := userOf(pod, c); user != nil && *user == *cmp.Or(userOf(pod, proxy), id(proxyID)) {
		return "runAsUser"
	}
	if group := groupOf(pod, c); group != nil && *group == *cmp.Or(groupOf(pod, proxy), id(proxyID)) {
		return "runAsGroup"
	}
	return ""
}

func id(n int64) *int64 { return &n }

// userOf is the user that a container, or else its pod, names; nil when neither does.
func userOf(pod *mesh.Pod, c *kube.Container) *int64 {
	for _, s := range []*kube.SecurityContext{c.SecurityContext, pod.Spec.SecurityContext} {
		if s != nil && s.RunAsUser != nil {
			return s.RunAsUser
		}
	}
	return nil
}

// groupOf is the group that a container, or else its pod, names; nil when neither does.
func groupOf(pod *mesh.Pod, c *kube.Container) *int64 {
	for _, s := range []*kube.SecurityContext{c.SecurityContext, pod.Spec.SecurityContext} {
		if s != nil && s.RunAsGroup != nil {
			return s.RunAsGroup
		}
	}
	return nil
}

func describeSameUser(_ *diagnose.Pass, f *diagnose.Finding) {
	pod := f.Pod
	proxy := pod.Container(proxyContainer)
	i := slices.IndexFunc(pod.Spec.Containers, func(c kube.Container) bool { return c.Name == f.Group })
	what, n := "user", userOf(pod, &pod.Spec.Containers[i])
	if exempt(pod, &pod.Spec.Containers[i], proxy) == "runAsGroup" {
		what, n = "group", groupOf(pod, &pod.Spec.Containers[i])
	}
	f.Title = fmt.Sprintf("container %s of %s runs as the proxy's %s, %d: its calls go past the proxy, in plaintext", f.Group, workloadName(pod.Workload), what, *n)
	f.Evidence = []handshake.Fact{
		{Layer: handshake.Cluster, Source: "pod " + pod.Key().String() + " container " + f.Group, Value: fmt.Sprintf("%s %d", what, *n)},
		{Layer: handshake.Cluster, Source: "pod " + pod.Key().String() + " container " + proxyContainer, Value: fmt.Sprintf("%s %d; %s", what, *n, pod.Capture.Source)},
	}
	f.Fixes = []diagnose.Fix{{Title: "give the container another " + what, Command: kubectl("edit", f.Subject), Risk: "the pods restart, and files that belong to the old " + what + " may not be readable"}}
}

// containerPath is where a container of the application stands in the pod template. The proxy, which may
// come first in the pod, is not in there.
func containerPath(pod *mesh.Pod, name string) string {
	i := 0
	for _, c := range pod.Spec.Containers {
		if c.Name == name {
			break
		}
		if c.Name != proxyContainer || pod.Workload.Kind == "Pod" {
			i++
		}
	}
	return fmt.Sprintf("%s.containers[%d]", podSpec(pod.Workload), i)
}
