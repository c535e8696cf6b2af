package checks

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
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
		Detection: "The resource lies in meshConfig.rootNamespace, and has a selector. An error when a caller outside the mesh is refused that it was to let in, or when what it was to protect takes plaintext.",
		ByHand: []diagnose.Look{
			look("kubectl -n istio-system get peerauthentications.security.istio.io -o yaml", "one with a selector"),
			seeInbound("filter chains that do not follow it"),
		},
		NotThis:    "AuthorizationPolicy and RequestAuthentication do honour a selector in the root namespace. A selector on a policy in the workload's own namespace works.",
		Fix:        "Create the policy in each namespace whose workloads it is meant for, and delete it from the root namespace.",
		References: []string{"pilot/pkg/model/authentication.go", "istio.io/docs/reference/config/security/peer_authentication"},
	},
	Needs:    []diagnose.Evidence{diagnose.PeerAuthentications, diagnose.MeshConfig},
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
			f := ignoredPolicy(p, pa, "spec.selector", func(pod *mesh.Pod) bool { return pa.Spec.Selector.Matches(pod.Labels) })
			if len(f.Workloads) == 0 && !p.Everything() { // it is about others
				p.NotApplicable()
				continue
			}
			p.Failed(f)
		}
	}
}

func describePARootSelector(p *diagnose.Pass, f *diagnose.Finding) {
	f.Title = fmt.Sprintf("%s has a selector and lies in the root namespace, so it applies to nothing", f.Subject)
	f.Evidence = []handshake.Fact{{Layer: handshake.Policy, Source: f.Subject.String() + " spec.selector", Value: "ignored by istiod in the root namespace"}}
	pa := findPolicy(p, f.Subject)
	var manifests []string
	var seen []string
	for _, ref := range f.Workloads {
		f.Evidence = append(f.Evidence, modeFact(p.Mode(selected(p.Snapshot.Workload(ref), pa)).Workload))
		if !slices.Contains(seen, ref.Namespace) {
			seen = append(seen, ref.Namespace)
			own := kube.Ref{Kind: "PeerAuthentication", Namespace: ref.Namespace, Name: pa.Name}
			manifests = append(manifests, policyManifest(own, pa.Spec.Selector.MatchLabels, mtlsMode(pa), portModes(pa)))
		}
	}
	if len(manifests) > 0 {
		f.Fixes = append(f.Fixes, diagnose.Fix{
			Title: "say it in the namespace of the workloads: " + few(seen), Manifest: strings.Join(manifests, "---\n"),
			Risk: "the workloads then accept what the policy says",
		})
	}
	f.Fixes = append(f.Fixes, diagnose.Fix{Title: "delete the policy that has no effect", Command: deleting(f.Subject)})
}

// selected is the first pod of a workload that a policy selects.
func selected(w *mesh.Workload, pa *kube.PeerAuthentication) *mesh.Pod {
	return w.Pods[slices.IndexFunc(w.Pods, func(pod *mesh.Pod) bool { return pod.HasProxy() && pa.Spec.Selector.Matches(pod.Labels) })]
}

func mtlsMode(pa *kube.PeerAuthentication) string {
	if pa.Spec.MTLS == nil {
		return ""
	}
	return pa.Spec.MTLS.Mode
}

func portModes(pa *kube.PeerAuthentication) map[uint32]string {
	out := map[uint32]string{}
	for key, m := range pa.Spec.PortLevelMTLS {
		if port, err := strconv.ParseUint(key, 10, 16); err == nil {
			out[uint32(port)] = m.Mode
		}
	}
	return out
}
