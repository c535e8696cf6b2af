package checks

import (
	"fmt"
	"slices"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

var mtd608 = &diagnose.Check{
	Code: "MTD608", Name: "other-interception", Severity: diagnose.Info,
	Title: "another container of the pod may change which traffic the proxy gets",
	Doc: diagnose.Doc{
		Meaning: "A second init container with NET_ADMIN, such as that of another mesh, of a debugging or telepresence agent, or of a security product, writes iptables rules before or after Istio's. What the proxy then captures nobody can tell from the pod: calls may leave in plaintext, or meet two proxies in a row. " +
			"All that is said of the pod's connections assumes that Istio's rules alone count.",
		Symptoms: []string{
			"connections fail, or are plaintext, though both proxies' config is right",
			"it began when an agent was installed, or while a developer intercepts the workload",
		},
		Detection: "An init container other than Istio's has the capability NET_ADMIN or is privileged; or the pod has a container of another mesh, which is a warning. What it does is not read.",
		ByHand: []diagnose.Look{
			seePod("init containers with NET_ADMIN or privileged: true that are not Istio's, or another mesh's container"),
		},
		NotThis:    "Many init containers with NET_ADMIN or privileges set kernel parameters only.",
		Fix:        "Keep one mesh in a pod. For an agent, exclude the pod, or let it start before istio-init and leave Istio's chains alone.",
		References: []string{"istio.io/docs/ops/deployment/application-requirements/#pod-requirements", "istio.io/docs/setup/additional-setup/cni"},
	},
	Needs:    []diagnose.Evidence{diagnose.Pods},
	Run:      otherInterception,
	Describe: describeInterception,
}

// otherMeshes are containers of other meshes, by name.
var otherMeshes = map[string]string{
	"linkerd-proxy": "Linkerd", "linkerd-init": "Linkerd", "kuma-sidecar": "Kuma", "kuma-init": "Kuma",
	"consul-dataplane": "Consul", "consul-connect-inject-init": "Consul", "osm-init": "Open Service Mesh",
}

func otherInterception(p *diagnose.Pass) {
	for pod := range p.ScopedPods() {
		names := interceptors(pod)
		switch {
		case pod.Plane != mesh.Sidecar:
			p.NotApplicable()
		case len(names) == 0:
			p.Passed()
		default:
			f := diagnose.Finding{Subject: pod.Workload.Ref, Field: podSpec(pod.Workload), Pod: pod, Workloads: []kube.Ref{pod.Workload.Ref}}
			if slices.ContainsFunc(names, func(name string) bool { return otherMeshes[name] != "" }) {
				f.Severity = diagnose.Warning
			}
			p.Failed(f)
		}
	}
}

// interceptors are the containers of a pod that may change what is captured.
func interceptors(pod *mesh.Pod) []string {
	var out []string
	for _, c := range pod.Spec.InitContainers {
		istio := c.Name == "istio-init" || c.Name == "istio-validation" || c.Name == kube.ProxyContainer
		if s := c.SecurityContext; !istio && s != nil && (s.Privileged || slices.Contains(s.Capabilities.Add, "NET_ADMIN")) {
			out = append(out, c.Name)
		}
	}
	for _, c := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
		if otherMeshes[c.Name] != "" {
			out = append(out, c.Name)
		}
	}
	return unique(out)
}

func describeInterception(_ *diagnose.Pass, f *diagnose.Finding) {
	names := interceptors(f.Pod)
	f.Title = fmt.Sprintf("%s of %s may change which traffic the proxy gets: what is said of its connections assumes that it does not", plural("container", names), workloadName(f.Pod.Workload))
	for _, name := range names {
		if product := otherMeshes[name]; product != "" {
			f.Title = fmt.Sprintf("%s has a proxy of Istio and container %s of %s: two meshes redirect its traffic", workloadName(f.Pod.Workload), name, product)
		}
	}
	f.Evidence = []handshake.Fact{
		{Layer: handshake.Cluster, Source: "pod " + f.Pod.Key().String() + " spec", Value: plural("container", names) + " beside Istio's"},
		{Layer: handshake.Cluster, Source: f.Pod.Capture.Source, Value: "what Istio's own rules capture"},
	}
	f.Fixes = []diagnose.Fix{{Title: "take it out of the pod, and see whether the connections then work", Command: kubectl("edit", f.Subject)}}
}
