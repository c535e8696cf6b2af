package checks

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

var mtd309 = &diagnose.Check{
	Code: "MTD309", Name: "pa-portlevel-service-port", Severity: diagnose.Warning,
	Title: "portLevelMtls names the port of the Service instead of the container's",
	Doc: diagnose.Doc{
		Meaning: "The keys of portLevelMtls are ports of the workload, those on which its container listens. A Service that maps port 80 to 8080 makes it easy to write 80: the setting then matches nothing, and the port keeps the mode of the workload. " +
			"Callers that it was to let in are refused, or the port that it was to protect stays open.",
		Symptoms: []string{
			"a port that was opened with PERMISSIVE still resets callers without a proxy",
			"server proxy's log: NR filter_chain_not_found on that port",
		},
		Detection: "A key of portLevelMtls is no port on which the selected pods are reached, and it is a port of a Service that leads to another port of theirs. An error when a caller outside the mesh is refused on that port, or when the port should be STRICT and is not.",
		ByHand: []diagnose.Look{
			seeAll("peerauthentications.security.istio.io", "the keys of portLevelMtls"),
			look("kubectl -n NS get service NAME -o yaml", "the key is a port, and its targetPort is another number"),
			seeInbound("filter chains by destinationPort: none for the key"),
		},
		NotThis:    "DestinationRule portLevelSettings are keyed the other way round, by the Service's port.",
		Fix:        "Rename the key to the container's port.",
		References: []string{"istio/istio#49098", "istio.io/docs/reference/config/security/peer_authentication/#PeerAuthentication"},
	},
	Needs:    []diagnose.Evidence{diagnose.PeerAuthentications, diagnose.Services, diagnose.Pods},
	Run:      paServicePort,
	Describe: describePAServicePort,
}

func paServicePort(p *diagnose.Pass) {
	for _, pa := range p.Resources.PeerAuthentications {
		if pa.Spec.Selector.Empty() || len(pa.Spec.PortLevelMTLS) == 0 {
			p.NotApplicable()
			continue
		}
		for pod := range p.ScopedPods() {
			if pod.Namespace == pa.Namespace && pod.HasProxy() && pa.Spec.Selector.Matches(pod.Labels) {
				judgePorts(p, pa, pod)
			}
		}
	}
}

func judgePorts(p *diagnose.Pass, pa *kube.PeerAuthentication, pod *mesh.Pod) {
	for _, key := range slices.Sorted(maps.Keys(pa.Spec.PortLevelMTLS)) {
		want := pa.Spec.PortLevelMTLS[key]
		port, err := strconv.ParseUint(key, 10, 16)
		target := behindServicePort(p, pod, uint32(port))
		if err != nil || target == 0 {
			p.Passed()
			continue
		}
		refused := refusedOn(p, pod, want.Mode, func(e *handshake.Edge) bool { return e.Server.Port == uint32(port) })
		p.Failed(diagnose.Finding{
			Subject: policyRef(pa), Field: "spec.portLevelMtls." + key, Edges: refused,
			Port: target, Pod: pod, Workloads: []kube.Ref{pod.Workload.Ref},
			Severity: ignoredSeverity(want.Mode, string(p.Mode(pod).Port(target).Mode), len(refused) > 0),
		})
	}
}

// behindServicePort is the container port that a Service's port leads to on a pod; 0 when the
// pod is reached on a port of that very number, or by no Service at all.
func behindServicePort(p *diagnose.Pass, pod *mesh.Pod, port uint32) uint32 {
	var target uint32
	for _, c := range pod.Spec.Containers {
		if slices.ContainsFunc(c.Ports, func(cp kube.ContainerPort) bool { return uint32(cp.ContainerPort) == port }) {
			return 0
		}
	}
	for _, h := range p.Hosts {
		for _, hp := range h.Ports {
			for _, ep := range hp.Endpoints {
				switch at := uint32(ep.Address.Port()); {
				case ep.Pod != pod:
				case at == port:
					return 0
				case hp.Number == port:
					target = at
				}
			}
		}
	}
	return target
}

func describePAServicePort(p *diagnose.Pass, f *diagnose.Finding) {
	key := strings.TrimPrefix(f.Field, "spec.portLevelMtls.")
	f.Title = fmt.Sprintf("%s sets portLevelMtls for %s, the Service's port: the container listens on %d, so it applies to nothing", f.Subject, key, f.Port)
	f.Evidence = []handshake.Fact{
		modeFact(p.Mode(f.Pod).Port(f.Port)),
		{Layer: handshake.Cluster, Source: "pod " + f.Pod.Key().String(), Value: fmt.Sprintf("a Service leads from its port %s to port %d of this pod", key, f.Port)},
	}
	f.Fixes = []diagnose.Fix{{
		Title:   fmt.Sprintf("rename the key %s to %d", key, f.Port),
		Command: jsonPatch(f.Subject, move("/spec/portLevelMtls/"+key, fmt.Sprintf("/spec/portLevelMtls/%d", f.Port))),
		Risk:    "the port then has the mode that the policy says",
	}}
}
