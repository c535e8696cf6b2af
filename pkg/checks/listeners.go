package checks

import (
	"fmt"
	"slices"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
)

// describeNoListener tells of ports of a gateway's Service on which its proxy does not listen.
// Who may call them is of no interest: they are closed to everybody.
func describeNoListener(f *diagnose.Finding) {
	pod := f.Edges[0].Server.Pod
	ports := distinct(f.Edges, func(e *handshake.Edge) uint32 { return e.Server.Port })
	f.Title = fmt.Sprintf("nothing listens behind %s of %s: no Gateway opens it", portList(ports), workloadName(pod.Workload))
	if len(ports) > 1 {
		f.Title = fmt.Sprintf("nothing listens behind %s of %s: no Gateway opens them", portList(ports), workloadName(pod.Workload))
	}
	f.Evidence = []handshake.Fact{{Layer: handshake.Proxy, Source: pod.Key().String() + " config_dump listeners", Value: listening(pod.Proxy)}}
	f.Fixes = []diagnose.Fix{{
		Title:   "if the port is wanted, declare it in a Gateway that selects this workload",
		Command: "kubectl get gateways.networking.istio.io -A",
	}}
}

// listening names the listeners of a proxy that take connections.
func listening(p *envoy.Proxy) string {
	if p == nil {
		return "not read"
	}
	var names []string
	for _, l := range p.Listeners {
		if (l.State == envoy.Active || l.State == envoy.Static) && l.BindToPort {
			names = append(names, l.Name)
		}
	}
	if len(names) == 0 {
		return "none that takes connections"
	}
	slices.Sort(names)
	return few(slices.Compact(names))
}
