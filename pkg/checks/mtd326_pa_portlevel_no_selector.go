package checks

import (
	"fmt"
	"maps"
	"slices"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

var mtd326 = &diagnose.Check{
	Code: "MTD326", Name: "pa-portlevel-no-selector", Severity: diagnose.Warning,
	Title: "portLevelMtls without a selector has no effect",
	Doc: diagnose.Doc{
		Meaning: "Modes for single ports count only in the policy of a workload, one with a selector. In that of a namespace or of the mesh istiod ignores them; the CRD's validation refuses such a policy today, but not one that was there before. " +
			"The ports have the mode of the whole namespace: closed to callers that they were opened for, or open where they were to be closed. A much copied recipe for opening a port leaves the selector out.",
		Symptoms: []string{
			"a port that was opened with PERMISSIVE still resets callers without a proxy",
			"the API server refuses to change the policy: mesh/namespace peer authentication cannot have port level mTLS",
		},
		Detection: "The policy has portLevelMtls and no selector. An error when a caller outside the mesh is refused on such a port, or when the port should be STRICT and is not; information where it has the mode anyway.",
		ByHand: []diagnose.Look{
			seeAll("peerauthentications.security.istio.io", "portLevelMtls and no selector"),
			seeInbound("filter chains that do not follow it"),
		},
		NotThis:    "With a selector, and a key that is the Service's port, see MTD309.",
		Fix:        "Write the ports into a policy with a selector for the workloads that listen on them.",
		References: []string{"istio.io/docs/reference/config/security/peer_authentication/#PeerAuthentication", "pilot/pkg/security/authn/policy_applier.go"},
	},
	Needs:    []diagnose.Evidence{diagnose.PeerAuthentications, diagnose.Pods, diagnose.MeshConfig},
	Run:      portsWithoutSelector,
	Describe: describePortsWithoutSelector,
}

func portsWithoutSelector(p *diagnose.Pass) {
	for _, pa := range p.Resources.PeerAuthentications {
		switch {
		case len(pa.Spec.PortLevelMTLS) == 0:
			p.NotApplicable()
		case !pa.Spec.Selector.Empty():
			p.Passed()
		default:
			judgeIgnoredPorts(p, pa)
		}
	}
}

// judgeIgnoredPorts reports the ports of a policy, for those pods that listen on them.
func judgeIgnoredPorts(p *diagnose.Pass, pa *kube.PeerAuthentication) {
	modes := portModes(pa)
	for _, pod := range selectedBy(p, pa) {
		for _, port := range slices.Sorted(maps.Keys(modes)) {
			if !p.InScope(pod) || !listens(pod.Pod, port) {
				p.NotApplicable()
				continue
			}
			refused := refusedOn(p, pod, modes[port], func(e *handshake.Edge) bool { return serverPort(e) == port })
			p.Failed(diagnose.Finding{
				Subject: policyRef(pa), Field: "spec.portLevelMtls", Pod: pod, Workloads: []kube.Ref{pod.Workload.Ref}, Edges: refused,
				Severity: ignoredSeverity(modes[port], string(p.Mode(pod).Port(port).Mode), len(refused) > 0),
			})
		}
	}
}

// listens reports whether a pod declares a port.
func listens(pod *kube.Pod, port uint32) bool {
	return slices.ContainsFunc(pod.Spec.Containers, func(c kube.Container) bool {
		return slices.ContainsFunc(c.Ports, func(cp kube.ContainerPort) bool { return uint32(cp.ContainerPort) == port })
	})
}

func describePortsWithoutSelector(p *diagnose.Pass, f *diagnose.Finding) {
	pa := findPolicy(p, f.Subject)
	modes := portModes(pa)
	ports := slices.Sorted(maps.Keys(modes))
	f.Title = fmt.Sprintf("%s sets portLevelMtls for %s and has no selector, so the ports keep the mode of the whole: %s", f.Subject, portList(ports), workloadNames(p, f.Workloads))
	f.Evidence = []handshake.Fact{{Layer: handshake.Policy, Source: f.Subject.String() + " " + f.Field, Value: "ignored by istiod without spec.selector"}}
	for _, port := range ports {
		f.Evidence = append(f.Evidence, modeFact(p.Mode(f.Pod).Port(port)))
	}
	labels := stableLabels(f.Pod)
	if len(labels) == 0 {
		f.Fixes = []diagnose.Fix{{Title: "write the ports into a policy with a selector", Command: kubectl("edit", f.Subject)}}
		return
	}
	own := kube.Ref{Kind: "PeerAuthentication", Namespace: f.Pod.Namespace, Name: f.Pod.Workload.Name + "-ports"}
	f.Fixes = []diagnose.Fix{{
		Title: "say it for " + workloadName(f.Pod.Workload) + ", by its labels", Manifest: policyManifest(own, labels, mtlsMode(pa), modes),
		Risk: "of several policies for one workload only the oldest counts; what these ports accept changes",
	}}
}
