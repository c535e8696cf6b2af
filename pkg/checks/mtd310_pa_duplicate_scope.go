package checks

import (
	"cmp"
	"fmt"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/policy"
)

var mtd310 = &diagnose.Check{
	Code: "MTD310", Name: "pa-duplicate-scope", Severity: diagnose.Warning,
	Title: "two PeerAuthentications of the same scope contradict each other, and the older one wins",
	Doc: diagnose.Doc{
		Meaning: "Of several PeerAuthentications for the same scope (a mesh, a namespace, or a workload) only the oldest counts, whole, its portLevelMtls included. The younger ones have no effect, though they are the last that somebody applied. " +
			"What they were to open stays shut, or what they were to protect stays open.",
		Symptoms: []string{
			"a new PeerAuthentication changes nothing",
			"kubectl get peerauthentication lists two without a selector in one namespace, or two that select the same pods",
		},
		Detection: "The policies of each workload, by creation time. Information only where both say the same.",
		ByHand: []diagnose.Look{
			look("kubectl -n NS get peerauthentications.security.istio.io --sort-by=.metadata.creationTimestamp -o yaml", "two with the same selector, or without one: the first is in force"),
		},
		NotThis:    "A narrower scope overrides a wider one: that is how it is meant, and not reported.",
		Fix:        "Keep one. Deleting the younger changes nothing but the illusion; deleting the older lets the younger take effect.",
		References: []string{"istio/istio#30626", "istio/istio#48036", "pilot/pkg/security/authn/policy_applier.go: ComposePeerAuthentication"},
	},
	Needs:    []diagnose.Evidence{diagnose.PeerAuthentications, diagnose.Pods},
	Run:      paDuplicate,
	Describe: describePADuplicate,
}

func paDuplicate(p *diagnose.Pass) {
	for pod := range p.ScopedPods() {
		if !pod.HasProxy() {
			p.NotApplicable()
			continue
		}
		lost := false
		for _, s := range p.Mode(pod).Workload.Shadowed {
			if s.Reason != policy.Younger {
				continue
			}
			lost = true
			f := diagnose.Finding{Subject: policyRef(s.Resource), Field: "spec", Pod: pod, Workloads: []kube.Ref{pod.Workload.Ref}}
			if sameSpec(s.Resource, winner(p, s.Resource, pod)) {
				f.Severity = diagnose.Info
			}
			p.Failed(f)
		}
		if !lost {
			p.Passed()
		}
	}
}

// winner is the policy that counts for a pod in the scope in which another one lost.
func winner(p *diagnose.Pass, lost *kube.PeerAuthentication, pod *mesh.Pod) *kube.PeerAuthentication {
	return p.PeerAuth.Oldest(p.PeerAuth.ScopeOf(lost), pod.Namespace, pod.Labels, pod.Revision())
}

func sameSpec(a, b *kube.PeerAuthentication) bool {
	return modeOf(a) == modeOf(b) && len(a.Spec.PortLevelMTLS) == 0 && len(b.Spec.PortLevelMTLS) == 0
}

// modeOf is the mode that a policy says, in words.
func modeOf(pa *kube.PeerAuthentication) string { return cmp.Or(mtlsMode(pa), "UNSET") }

func describePADuplicate(p *diagnose.Pass, f *diagnose.Finding) {
	lost := findPolicy(p, f.Subject)
	won := winner(p, lost, f.Pod)
	f.Title = fmt.Sprintf("%s (%s) has no effect: %s (%s) is %s, and of the same scope", f.Subject, modeOf(lost), policyRef(won), modeOf(won), elder(&won.Meta, &lost.Meta))
	f.Evidence = []handshake.Fact{created(lost), created(won), modeFact(p.Mode(f.Pod).Workload)}
	f.Fixes = []diagnose.Fix{
		{Title: "delete the one without effect: nothing changes, and nobody is misled", Command: deleting(f.Subject)},
		{
			Title: fmt.Sprintf("delete the other, so that %s takes effect", modeOf(lost)), Command: deleting(policyRef(won)),
			Risk: "it changes what every workload of the scope accepts",
		},
	}
}

func findPolicy(p *diagnose.Pass, ref kube.Ref) *kube.PeerAuthentication {
	for _, pa := range p.Resources.PeerAuthentications {
		if policyRef(pa) == ref {
			return pa
		}
	}
	return nil
}

func created(pa *kube.PeerAuthentication) handshake.Fact {
	return handshake.Fact{Layer: handshake.Policy, Source: policyRef(pa).String(), Value: modeOf(pa) + ", created " + stamp(pa.CreationTimestamp)}
}
