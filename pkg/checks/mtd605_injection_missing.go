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

var mtd605 = &diagnose.Check{
	Code: "MTD605", Name: "injection-missing", Severity: diagnose.Warning,
	Title: "a pod of a namespace that is labelled for injection has no proxy",
	Doc: diagnose.Doc{
		Meaning: "The namespace's label asks for a proxy in every new pod, and the pod has none, though nothing on it opts out. It was created before the label, or while the injector could not be reached, or the label names a revision that has no control plane. " +
			"It calls in plaintext, which STRICT servers refuse, and takes plaintext, whatever the policies say.",
		Symptoms: []string{
			"connection reset by peer from one workload of the namespace",
			"kubectl get pods shows one container where others have two",
			"the API server's events: failed calling webhook namespace.sidecar-injector.istio.io",
		},
		Detection: "The namespace has the label istio-injection: enabled or istio.io/rev; the pod has no istio-proxy container, is not on the host's network, and neither a label nor an annotation sidecar.istio.io/inject: \"false\". An error where a server of the mesh refuses its calls.",
		ByHand: []diagnose.Look{
			look("kubectl get namespaces -L istio-injection,istio.io/rev", "the namespace is labelled"),
			look("istioctl experimental check-inject POD.NS", "why the pod was not injected"),
			look("kubectl get mutatingwebhookconfigurations", "the injector's, for that revision"),
		},
		NotThis:    "Pods that opt out, and namespaces without the label, are outside the mesh by intent (MTD601).",
		Fix:        "Restart the workload. If it comes back without a proxy, see why the injector does not act: its webhook, and the revision that the label names.",
		References: []string{"istio.io/docs/ops/common-problems/injection", "istio.io/docs/setup/additional-setup/sidecar-injection/#controlling-the-injection-policy"},
	},
	Needs:    []diagnose.Evidence{diagnose.Pods, diagnose.Namespaces, diagnose.Proxies},
	Run:      injectionMissing,
	Describe: describeInjectionMissing,
}

func injectionMissing(p *diagnose.Pass) {
	for pod := range p.ScopedPods() {
		switch {
		case injectionOf(p, pod.Namespace) == "" || optsOut(pod):
			p.NotApplicable()
		case pod.InMesh():
			p.Passed()
		default:
			f := diagnose.Finding{Subject: pod.Workload.Ref, Pod: pod, Workloads: []kube.Ref{pod.Workload.Ref}, Edges: refusedCalls(p, pod)}
			if len(f.Edges) > 0 {
				f.Severity = diagnose.Error
			}
			p.Failed(f)
		}
	}
}

// refusedCalls are the calls of a pod that servers of the mesh refuse.
func refusedCalls(p *diagnose.Pass, client *mesh.Pod) []*handshake.Edge {
	var out []*handshake.Edge
	for _, e := range p.EdgesFrom(client) {
		if refusedPlain(e) && meshed(e) && !strays(e) {
			out = append(out, e)
		}
	}
	return out
}

// optsOut reports whether a pod is not to be injected: it says so, is on the host's network, or is an
// infrastructure pod of the mesh.
func optsOut(pod *mesh.Pod) bool {
	const inject = "sidecar.istio.io/inject"
	no := func(s string) bool { return s == "false" || s == "no" || s == "off" || s == "n" }
	return no(pod.Labels[inject]) || no(pod.Annotations[inject]) || pod.Spec.HostNetwork || isIstiod(pod)
}

func describeInjectionMissing(p *diagnose.Pass, f *diagnose.Finding) {
	pod := f.Pod
	label := injectionOf(p, pod.Namespace)
	f.Title = fmt.Sprintf("%s has no proxy, although namespace %s asks for one (%s)", workloadName(pod.Workload), pod.Namespace, label)
	if len(f.Edges) > 0 {
		f.Title += fmt.Sprintf("; %s", refusing(f.Edges, 1))
	}
	f.Evidence = []handshake.Fact{
		{Layer: handshake.Cluster, Source: "namespace " + pod.Namespace + " labels", Value: label},
		{Layer: handshake.Cluster, Source: "pod " + pod.Key().String(), Value: "no istio-proxy container, and nothing that opts out; created " + stamp(pod.CreationTimestamp)},
	}
	if revision, ok := strings.CutPrefix(label, revisionLabel+"="); ok && !served(p, revision) {
		f.Title += fmt.Sprintf("; nothing is seen of a control plane of revision %s", revision)
		f.Fixes = []diagnose.Fix{{Title: "see which revisions there are, and name one", Command: "kubectl get mutatingwebhookconfigurations -l app=sidecar-injector -L istio.io/rev,istio.io/tag", Look: true}}
		return
	}
	fix := diagnose.Fix{Title: "create it anew: injection acts when a pod is created", Risk: injectRisk(p, pod.Workload)}
	if restartable(pod.Workload) {
		fix.Title, fix.Command = "restart it: injection acts when a pod is created", restart(pod.Workload)
	}
	f.Fixes = []diagnose.Fix{fix}
}

// served reports whether something of a revision is seen: a pod that it injected, or its mesh config.
// A tag stands for a revision of another name: then a pod that carries the tag's revision is not seen.
func served(p *diagnose.Pass, revision string) bool {
	return p.MeshConfigs[revision] != nil || slices.ContainsFunc(p.Snapshot.Pods, func(pod *mesh.Pod) bool { return pod.Revision() == revision })
}
