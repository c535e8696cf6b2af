package checks

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/policy"
)

var mtd334 = &diagnose.Check{
	Code: "MTD334", Name: "pa-port-open", Severity: diagnose.Info,
	Title: "a port of a workload that is STRICT takes plaintext, because portLevelMtls says so",
	Doc: diagnose.Doc{
		Meaning: "portLevelMtls opens one port of a workload that is STRICT otherwise. It is the way to let in who has no proxy, and mostly meant so; forgotten, it is a port that takes plaintext from anybody who reaches it. " +
			"DISABLE takes nothing else: calls from the mesh are plaintext there, too, and carry no identity.",
		Symptoms: []string{
			"plaintext calls to one port of a STRICT workload get in",
			"metrics: connection_security_policy=\"none\" for one port",
		},
		Detection: "A key of portLevelMtls is PERMISSIVE or DISABLE, the mode of the workload is STRICT, and the inbound listener of the pod's proxy takes plaintext on that port. It says which clients of the mesh send plaintext there, and by Envoy's counters which of them did.",
		ByHand: []diagnose.Look{
			seeAll("peerauthentications.security.istio.io", "portLevelMtls with PERMISSIVE or DISABLE, in a policy with mode STRICT"),
			seeInbound("a filter chain for the port that takes raw_buffer"),
			seeLog("SERVER", "calls to the port with an empty downstream_peer"),
		},
		NotThis:    "A key that names the Service's port opens nothing (MTD309). Where clients of a headless Service fail on such a port it is MTD313. Who calls from outside the mesh is not seen: the server's log tells.",
		Fix:        "Keep it while somebody without a proxy needs the port, PERMISSIVE rather than DISABLE. Else set the port to STRICT.",
		References: []string{"istio.io/docs/reference/config/security/peer_authentication", "istio.io/docs/tasks/security/authentication/mtls-migration"},
	},
	Needs:    []diagnose.Evidence{diagnose.Proxies, diagnose.PeerAuthentications},
	Run:      paPortOpen,
	Describe: describePortOpen,
}

func paPortOpen(p *diagnose.Pass) {
	for pod := range p.ProxyPods() {
		pa := workloadPolicy(p, pod)
		if pod.Plane != mesh.Sidecar || pa == nil || len(pa.Spec.PortLevelMTLS) == 0 || p.Mode(pod).Workload.Mode != policy.Strict {
			p.NotApplicable()
			continue
		}
		for _, key := range slices.Sorted(maps.Keys(pa.Spec.PortLevelMTLS)) {
			number, err := strconv.ParseUint(key, 10, 16)
			port := uint32(number)
			mode := policy.Mode(pa.Spec.PortLevelMTLS[key].Mode)
			open := err == nil && (mode == policy.Permissive || mode == policy.Disable)
			if !open || behindServicePort(p, pod, port) != 0 || strict(p, pod, port) || breaksClients(p, pod, port) {
				p.Passed()
				continue
			}
			p.Failed(diagnose.Finding{
				Subject: policyRef(pa), Field: "spec.portLevelMtls." + key + ".mode", Port: port, Pod: pod, Workloads: []kube.Ref{pod.Workload.Ref},
				Edges: plainInside(p, pod, port),
			})
		}
	}
}

// breaksClients reports whether clients of the mesh start mutual TLS towards a port that takes none (MTD313).
func breaksClients(p *diagnose.Pass, pod *mesh.Pod, port uint32) bool {
	return slices.ContainsFunc(p.EdgesInto(pod), func(e *handshake.Edge) bool { return serverPort(e) == port && mutual(e) && unwrapped(e) })
}

// plainInside are the calls of clients of the mesh that arrive at a port of a pod in plaintext.
func plainInside(p *diagnose.Pass, pod *mesh.Pod, port uint32) []*handshake.Edge {
	return slices.DeleteFunc(slices.Clone(p.EdgesInto(pod)), func(e *handshake.Edge) bool {
		return serverPort(e) != port || e.Verdict != handshake.Plaintext || !e.Client.HasProxy()
	})
}

func describePortOpen(p *diagnose.Pass, f *diagnose.Finding) {
	d := p.Mode(f.Pod).Port(f.Port)
	f.Title = fmt.Sprintf("%s opens port %d of %s, STRICT otherwise, to plaintext (%s): %s", f.Subject, f.Port, workloads(f), d.Mode, whoUses(f.Edges))
	f.Evidence = []handshake.Fact{modeFact(d), listenerFact(p, f.Pod, f.Port)}
	f.Fixes = closing(p, f, workloadPolicy(p, f.Pod))
}

// whoUses says which clients of the mesh send plaintext, and which of them were seen to.
func whoUses(edges []*handshake.Edge) string {
	seen := slices.DeleteFunc(slices.Clone(edges), func(e *handshake.Edge) bool { return e.Observed == nil || e.Observed.Connections == 0 })
	switch {
	case len(edges) == 0:
		return "no client of the mesh sends plaintext there"
	case len(seen) == 0:
		return callers(edges).String() + " would send plaintext there, and no call of theirs is counted"
	}
	return callers(seen).String() + " called it in plaintext"
}

// closing makes the port STRICT, where that stops no client of the mesh; whom else it shuts out is said.
func closing(p *diagnose.Pass, f *diagnose.Finding, pa *kube.PeerAuthentication) []diagnose.Fix {
	edited := withPolicyMode(pa, f.Field, "STRICT")
	stops := withPolicy(p, pa, edited).stops(underPolicy(p, edited))
	if slices.ContainsFunc(stops, func(e *handshake.Edge) bool { return e.Client.HasProxy() }) {
		return nil
	}
	return []diagnose.Fix{{Title: "if nobody without a proxy needs the port, make it STRICT", Command: jsonPatch(f.Subject, set(pointer(f.Field), `"STRICT"`)), Risk: refuses(stops)}}
}
