package checks

import (
	"fmt"
	"slices"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// runs is what a sidecar's inbound listener accepts on a port: STRICT, PERMISSIVE, DISABLE; "" when the
// listener was not read, or takes neither. A port that bypasses the proxy is plaintext.
func runs(p *diagnose.Pass, pod *mesh.Pod, port uint32) string {
	if !pod.Capture.Inbound(port) {
		return handshake.AcceptsPlaintext
	}
	var other string
	for _, m := range p.Engine.InboundModes(pod) {
		switch m.Port {
		case port:
			return m.Mode
		case 0:
			other = m.Mode
		}
	}
	return other
}

// strict reports whether a pod's proxy refuses plaintext on a port.
func strict(p *diagnose.Pass, pod *mesh.Pod, port uint32) bool {
	return pod.Plane == mesh.Sidecar && runs(p, pod, port) == handshake.AcceptsMTLS
}

// listenerFact is what a pod's proxy accepts on a port.
func listenerFact(p *diagnose.Pass, pod *mesh.Pod, port uint32) handshake.Fact {
	return handshake.DumpFact(pod, "listeners", "virtualInbound", fmt.Sprintf("port %d: %s", port, runs(p, pod, port)))
}

// portOf is the number that a container means by a port; 0 when it names one that no container declares.
func portOf(pod *mesh.Pod, port kube.IntOrString) uint32 {
	if port.Str == "" {
		return uint32(port.Int)
	}
	for _, c := range pod.Spec.Containers {
		i := slices.IndexFunc(c.Ports, func(cp kube.ContainerPort) bool { return cp.Name == port.Str })
		if i >= 0 {
			return uint32(c.Ports[i].ContainerPort)
		}
	}
	return 0
}

// openPort lets plaintext into one port of a workload, where that stops nobody.
func openPort(p *diagnose.Pass, pod *mesh.Pod, port uint32, title string) []diagnose.Fix {
	if !p.Resources.HasRead(string(diagnose.PeerAuthentications)) {
		return nil
	}
	from, to, fixes := portFix(p, pod, port, "PERMISSIVE")
	if to == nil || !policyHeals(p, from, to, nil) {
		return nil
	}
	fixes[0].Title, fixes[0].Risk = title, "the port then takes plaintext from anybody who reaches it"
	return fixes
}
