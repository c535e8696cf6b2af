package checks

import (
	"fmt"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

var mtd311 = &diagnose.Check{
	Code: "MTD311", Name: "pa-root-selector-ignored", Severity: diagnose.Warning,
	Title: "a PeerAuthentication with a selector in the root namespace applies to nothing",
	Doc: diagnose.Doc{
		Meaning: "A PeerAuthentication in the root namespace speaks for the whole mesh, and only without a selector. With one istiod drops it without a word: it does not select pods of other namespaces. " +
			"Who wrote it believes that some workloads are open or protected, and they are not.",
		Symptoms: []string{
			"istioctl x describe lists the policy as applied, and the proxy behaves as if it did not exist",
			"server proxy's log: NR filter_chain_not_found for callers that the policy was to let in",
		},
		Detection:  "The resource lies in meshConfig.rootNamespace, has a selector, and its namespace is not that of the pods it selects. Nothing else is needed.",
		NotThis:    "AuthorizationPolicy and RequestAuthentication do honour a selector in the root namespace. A selector on a policy in the workload's own namespace works.",
		Fix:        "Create the policy in each namespace whose workloads it is meant for, and delete it from the root namespace.",
		References: []string{"pilot/pkg/model/authentication.go", "istio.io/docs/reference/config/security/peer_authentication"},
	},
	Needs:    []diagnose.Evidence{diagnose.PeerAuthentications},
	Run:      paRootSelector,
	Describe: describePARootSelector,
}

func paRootSelector(p *diagnose.Pass) {
	root := p.MeshConfig("").Root()
	for _, pa := range p.Resources.PeerAuthentications {
		switch {
		case pa.Namespace != root:
			p.NotApplicable()
		case pa.Spec.Selector.Empty():
			p.Passed()
		default:
			p.Failed(diagnose.Finding{Subject: policyRef(pa), Field: "spec.selector", Workloads: selected(p, pa)})
		}
	}
}

// selected are the workloads whose labels a policy's selector matches, in any namespace.
func selected(p *diagnose.Pass, pa *kube.PeerAuthentication) []kube.Ref {
	var out []kube.Ref
	for w := range p.Workloads() {
		if pod := w.Pods[0]; pod.HasProxy() && pa.Spec.Selector.Matches(pod.Labels) {
			out = append(out, w.Ref)
		}
	}
	return out
}

func describePARootSelector(p *diagnose.Pass, f *diagnose.Finding) {
	f.Title = fmt.Sprintf("%s has a selector and lies in the root namespace, so it applies to nothing", f.Subject)
	f.Evidence = []handshake.Fact{{Layer: handshake.Policy, Source: f.Subject.String() + " spec.selector", Value: "ignored by istiod in the root namespace"}}
	for _, ref := range f.Workloads {
		pod := p.Snapshot.Workload(ref).Pods[0]
		f.Evidence = append(f.Evidence, modeFact(p.Mode(pod).Workload))
	}
}
