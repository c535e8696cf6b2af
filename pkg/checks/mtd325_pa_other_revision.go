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

var mtd325 = &diagnose.Check{
	Code: "MTD325", Name: "pa-other-revision", Severity: diagnose.Warning,
	Title: "a label keeps a PeerAuthentication from the control plane of the workloads that it selects",
	Doc: diagnose.Doc{
		Meaning: "The label istio.io/rev on a policy says which istiod reads it; those of other revisions act as if it did not exist. After an upgrade, or in a policy that was copied from a namespace's labels, no workload that it selects belongs to that revision: " +
			"what it was to protect is open, or callers that it was to let in are refused.",
		Symptoms: []string{
			"the policy stopped working when the workloads moved to another revision",
			"the same policy without the label works",
		},
		Detection: "The policy has the label, and every pod with a proxy that it would select is of another revision. An error when a caller outside the mesh is refused that it was to let in, or when what it was to protect takes plaintext.",
		ByHand: []diagnose.Look{
			look("kubectl get peerauthentications.security.istio.io -A -L istio.io/rev", "the label on the policy"),
			look("istioctl proxy-status", "the pods of the policy are connected to the istiod of another revision"),
		},
		NotThis:    "While an upgrade is under way some pods are of the old revision and some of the new one: then the policy counts for some, and nothing is reported.",
		Fix:        "Remove the label from the policy, or name the revision of the workloads.",
		References: []string{"istio.io/docs/setup/upgrade/canary", "pilot/pkg/config/kube/crdclient: revision filtering"},
	},
	Needs:    []diagnose.Evidence{diagnose.PeerAuthentications, diagnose.Pods, diagnose.MeshConfig},
	Run:      otherRevision,
	Describe: describeOtherRevision,
}

func otherRevision(p *diagnose.Pass) {
	for _, pa := range p.Resources.PeerAuthentications {
		selected := selectedBy(p, pa)
		known := func(pod *mesh.Pod) bool { return policy.InRevision(&pa.Meta, pod.Revision()) }
		switch {
		case pa.Labels[revisionLabel] == "" || len(selected) == 0:
			p.NotApplicable()
		case slices.ContainsFunc(selected, known):
			p.Passed()
		default:
			f := ignoredPolicy(p, pa, "metadata.labels["+revisionLabel+"]", func(pod *mesh.Pod) bool { return slices.Contains(selected, pod) })
			if len(f.Workloads) == 0 {
				p.NotApplicable() // it is about others
				continue
			}
			p.Failed(f)
		}
	}
}

// selectedBy are the pods for which a policy would speak if its revision were theirs.
func selectedBy(p *diagnose.Pass, pa *kube.PeerAuthentication) []*mesh.Pod {
	if pa.Namespace != p.MeshConfig("").Root() {
		return slices.DeleteFunc(podsOf(p, pa.Namespace, pa.Spec.Selector), func(pod *mesh.Pod) bool { return !enforces(pod) })
	}
	if !pa.Spec.Selector.Empty() {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(p.Snapshot.Pods), func(pod *mesh.Pod) bool { return !enforces(pod) })
}

func describeOtherRevision(p *diagnose.Pass, f *diagnose.Finding) {
	pa := findPolicy(p, f.Subject)
	w := p.Snapshot.Workload(f.Workloads[0])
	pod := w.Pods[slices.IndexFunc(w.Pods, enforces)]
	others := workloadNames(p, f.Workloads)
	f.Title = fmt.Sprintf("%s is for revision %s, and %s %s of revision %s: it has no effect there",
		f.Subject, pa.Labels[revisionLabel], others, others.verb("is", "are"), pod.Revision())
	f.Evidence = []handshake.Fact{
		{Layer: handshake.Policy, Source: f.Subject.String() + " " + f.Field, Value: pa.Labels[revisionLabel]},
		{Layer: handshake.Cluster, Source: "pod " + pod.Key().String() + " " + revisionLabel, Value: pod.Revision()},
		modeFact(p.Mode(pod).Workload),
	}
	f.Fixes = []diagnose.Fix{{
		Title: "remove the label, so that every revision reads the policy", Command: jsonPatch(f.Subject, remove("/metadata/labels/istio.io~1rev")),
		Risk: "the workloads then accept what the policy says: " + modeOf(pa),
	}}
}

// workloadNames names workloads.
func workloadNames(p *diagnose.Pass, refs []kube.Ref) group {
	var names group
	for _, ref := range refs {
		names = append(names, workloadName(p.Snapshot.Workload(ref)))
	}
	return names
}
