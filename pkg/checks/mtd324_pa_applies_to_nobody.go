package checks

import (
	"fmt"
	"slices"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/policy"
)

var mtd324 = &diagnose.Check{
	Code: "MTD324", Name: "pa-applies-to-nobody", Severity: diagnose.Warning,
	Title: "a PeerAuthentication applies to no workload of the mesh",
	Doc: diagnose.Doc{
		Meaning: "A PeerAuthentication speaks for the pods of its own namespace that its selector selects, and only for those with a proxy of the mesh. Where there is none it has no effect: a label is misspelt, the pods have no proxy, or they are gateways, which take their TLS from Gateway resources. " +
			"One that was meant for the whole mesh has to lie in the root namespace, which need not be the one in which istiod runs.",
		Symptoms: []string{
			"the policy is there, and the workload behaves as if it were not",
			"STRICT was applied to the mesh, and every namespace stays PERMISSIVE",
		},
		Detection: "No pod with a sidecar, or in ambient mode, lies in the policy's namespace and has the labels of its selector. A warning when the policy asks for STRICT and another workload of the namespace is open, or when it lies beside istiod and outside the root namespace; otherwise information.",
		ByHand: []diagnose.Look{
			seeAll("peerauthentications.security.istio.io", "the selector, and the namespace"),
			look("kubectl -n NS get pods --show-labels", "no pod with these labels"),
		},
		NotThis:    "A workload that is scaled to zero, or a job that does not run, has no pods either. A selector in the root namespace is MTD311.",
		Fix:        "Correct the selector to the labels of the pods, move the policy to the root namespace, or delete it.",
		References: []string{"istio.io/docs/reference/config/security/peer_authentication", "istio.io/docs/reference/config/istio.mesh.v1alpha1/#MeshConfig-root_namespace"},
	},
	Needs: []diagnose.Evidence{diagnose.PeerAuthentications, diagnose.Pods, diagnose.MeshConfig},
	Run:   appliesToNobody,
}

func appliesToNobody(p *diagnose.Pass) {
	for _, pa := range p.Resources.PeerAuthentications {
		if pa.Namespace == p.MeshConfig("").Root() || !concerned(p, pa.Namespace) {
			p.NotApplicable()
			continue
		}
		pods := podsOf(p, pa.Namespace, pa.Spec.Selector)
		if slices.ContainsFunc(pods, enforces) {
			p.Passed()
			continue
		}
		p.Failed(nobody(p, pa, pods))
	}
}

// podsOf are the pods of a namespace that a selector selects.
func podsOf(p *diagnose.Pass, namespace string, s *kube.Selector) []*mesh.Pod {
	var out []*mesh.Pod
	for _, pod := range p.Snapshot.Pods {
		if pod.Namespace == namespace && s.Matches(pod.Labels) {
			out = append(out, pod)
		}
	}
	return out
}

// enforces reports whether a PeerAuthentication means anything to a pod.
func enforces(pod *mesh.Pod) bool { return pod.Plane == mesh.Sidecar || pod.Plane == mesh.Ztunnel }

func nobody(p *diagnose.Pass, pa *kube.PeerAuthentication, pods []*mesh.Pod) diagnose.Finding {
	f := diagnose.Finding{
		Subject: policyRef(pa), Field: "spec.selector", Severity: diagnose.Info, Title: fmt.Sprintf("%s selects %s: it has no effect", policyRef(pa), whom(pods)),
		Evidence: []handshake.Fact{{Layer: handshake.Policy, Source: policyRef(pa).String(), Value: modeOf(pa) + " for " + labelsText(pa.Spec.Selector)}},
		Fixes: []diagnose.Fix{
			{Title: "correct the selector to the labels of the pods that are meant", Command: kubectl("edit", policyRef(pa))},
			{Title: "delete the policy, which has no effect", Command: deleting(policyRef(pa)), Risk: "a workload that is scaled to zero loses it"},
		},
	}
	root := p.MeshConfig("").Root()
	switch {
	case pa.Spec.Selector.Empty() && slices.ContainsFunc(pods, isIstiod):
		f.Severity, f.Field = diagnose.Warning, "metadata.namespace"
		f.Title = fmt.Sprintf("%s lies beside istiod, but the root namespace is %s: it does not speak for the mesh", policyRef(pa), root)
		f.Fixes[0] = meshWideFix(p, pa, root)
	case len(pods) == 0 && modeOf(pa) == string(policy.Strict) && open(p, pa.Namespace):
		f.Severity = diagnose.Warning
	}
	return f
}

// meshWideFix says in the root namespace what a policy says: in the policy that is there, or in a new one.
func meshWideFix(p *diagnose.Pass, pa *kube.PeerAuthentication, root string) diagnose.Fix {
	to := &kube.PeerAuthentication{Meta: kube.Meta{Namespace: root, Name: pa.Name, CreationTimestamp: p.CapturedAt}}
	to.Spec.MTLS = pa.Spec.MTLS
	fix := diagnose.Fix{
		Title: "say it in the root namespace, if it is meant for the whole mesh",
		Risk:  risks("it changes what every workload of the mesh accepts", refuses(withPolicy(p, nil, to).stops(underPolicy(p, to)))),
	}
	for _, own := range p.Resources.PeerAuthentications {
		if own.Namespace == root && (own.Name == pa.Name || own.Spec.Selector.Empty()) {
			fix.Command = kubectl("edit", policyRef(own))
			return fix
		}
	}
	fix.Manifest = policyManifest(policyRef(to), nil, mtlsMode(pa), nil)
	return fix
}

// whom says in words whom a policy without effect selects.
func whom(pods []*mesh.Pod) string {
	gateway := func(pod *mesh.Pod) bool { return pod.Plane == mesh.Gateway }
	switch {
	case len(pods) == 0:
		return "no pod of its namespace"
	case slices.ContainsFunc(pods, gateway):
		return "only gateways, whose TLS is that of their Gateways"
	}
	return "only pods without a proxy"
}

// open reports whether a workload of a namespace takes plaintext by its policies.
func open(p *diagnose.Pass, namespace string) bool {
	return slices.ContainsFunc(podsOf(p, namespace, nil), func(pod *mesh.Pod) bool {
		return enforces(pod) && p.Mode(pod).Workload.Mode != policy.Strict
	})
}

func labelsText(s *kube.Selector) string {
	if s.Empty() {
		return "all pods of the namespace"
	}
	var out []string
	for k, v := range s.MatchLabels {
		out = append(out, k+"="+v)
	}
	return "pods with " + few(unique(out))
}
