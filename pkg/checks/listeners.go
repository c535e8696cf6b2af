package checks

import (
	"fmt"
	"slices"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
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
		Look:    true,
	}}
}

// strays reports whether an edge leads to a gateway under the name of the gateway's own Service, with
// what the application sends, and is not taken. A gateway serves the hosts of its Gateways; that
// somebody calls it by another name, and what the caller would send then, no config shows.
func strays(e *handshake.Edge) bool {
	pod := e.Server.Pod
	return pod != nil && pod.Plane == mesh.Gateway && e.Outbound.Socket == "plaintext" &&
		e.Blocked(handshake.PlaintextRefused, handshake.NoFilterChain, handshake.ClientCertificateRequired) &&
		e.Server.Host != nil && e.Server.Host.Leads(func(p *mesh.Pod) bool { return p == pod })
}

// describeStray tells of calls to a gateway by its Service's name. Who may make them is of no
// interest: nobody is seen to.
func describeStray(p *diagnose.Pass, f *diagnose.Finding) {
	e := f.Edges[0]
	ports := distinct(f.Edges, func(e *handshake.Edge) uint32 { return e.Server.Port })
	f.Title = fmt.Sprintf("%s serves the hosts of its Gateways on %s, and refuses calls under its Service's name, %s; no fault unless somebody makes them",
		servers(f.Edges), portList(ports), destinations(p, f.Edges))
	f.Evidence = append(bothSides(p, e), handshake.DumpFact(e.Server.Pod, "listeners", e.Inbound.Listener, "takes SNI "+few(serverNames(e))))
	f.Fixes = []diagnose.Fix{{
		Title:   "if it should be called, dial a host of its Gateways",
		Command: "kubectl get gateways.networking.istio.io -A",
		Look:    true,
	}}
}

// serverNames are the names that the listener of an edge takes TLS for.
func serverNames(e *handshake.Edge) []string {
	var names []string
	for _, l := range e.Server.Pod.Proxy.Listeners {
		for _, c := range l.FilterChains {
			if l.Name == e.Inbound.Listener {
				names = append(names, c.Match.ServerNames...)
			}
		}
	}
	if len(names) == 0 {
		return []string{"of any name"}
	}
	return unique(names)
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
