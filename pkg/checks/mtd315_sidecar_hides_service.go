package checks

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

var mtd315 = &diagnose.Check{
	Code: "MTD315", Name: "sidecar-hides-service", Severity: diagnose.Error,
	Title: "a Sidecar or exportTo hides a service from the client's proxy, which then sends plaintext",
	Doc: diagnose.Doc{
		Meaning: "A proxy that is not told of a service has no cluster for it: the traffic goes through PassthroughCluster to the address that was dialled, in plaintext. " +
			"Servers that are STRICT refuse it; those that are not are reached without mutual TLS, without a word. All clients to which the Sidecar applies are hit, or all namespaces that exportTo leaves out.",
		Symptoms: []string{
			"client proxy's log: cluster PassthroughCluster (HTTP route allow_any), or AllowAnyDynamicDNSCluster; then UC, on TCP UR",
			"server proxy's log: NR filter_chain_not_found",
			"metrics: destination_service_name=\"PassthroughCluster\"",
		},
		Detection: "The client's proxy sends a host of the registry through PassthroughCluster, and no egress host of the Sidecar that applies to it covers the service (or exportTo does not include its namespace), and the server refuses the plaintext.",
		ByHand: []diagnose.Look{
			seeAll("sidecars.networking.istio.io", "egress.hosts that leave out the service"),
			look("kubectl -n NS get service NAME -o yaml", "the annotation networking.istio.io/exportTo"),
			seeCluster("nothing: the client does not know the host"),
			seeLog("CLIENT", "PassthroughCluster as the upstream cluster"),
		},
		NotThis:    "With outboundTrafficPolicy REGISTRY_ONLY the proxy drops the traffic instead (BlackHoleCluster): not a matter of mutual TLS. Dialling a pod's IP looks the same in the logs (MTD316).",
		Fix:        "Add the services that the client really calls to egress.hosts (ns/host); not */*, which gives up what the Sidecar is for.",
		References: []string{"istio/istio#41978", "istio.io/docs/reference/config/networking/sidecar/#IstioEgressListener"},
	},
	Needs:    []diagnose.Evidence{diagnose.Proxies, diagnose.Sidecars, diagnose.Services},
	Run:      sidecarHides,
	Describe: describeSidecarHides,
}

func sidecarHides(p *diagnose.Pass) {
	for e := range p.Known() {
		host := e.Server.Host
		if !e.Client.HasProxy() || host == nil {
			p.NotApplicable()
			continue
		}
		ref, field := hider(p, e)
		if e.Outbound.Path != handshake.Passthrough || !refusedPlain(e) || ref.Name == "" {
			p.Passed()
			continue
		}
		p.Failed(diagnose.Finding{Subject: ref, Field: field, Edges: edge(e)})
	}
}

func describeSidecarHides(p *diagnose.Pass, f *diagnose.Finding) {
	e := f.Edges[0]
	hosts := destinations(p, f.Edges)
	f.Title = fmt.Sprintf("%s hides %s from the proxies of %s, which send %s plaintext instead", f.Subject, hosts, callers(f.Edges), hosts.verb("it", "them"))
	f.Evidence = bothSides(p, e)
	if s := sidecarOf(p, e.Client); s != nil && f.Subject.Kind == "Sidecar" {
		f.Evidence = append(f.Evidence, handshake.Fact{Layer: handshake.Policy, Source: f.Subject.String() + " " + f.Field, Value: strings.Join(egressHosts(s), ", ")})
	} else {
		f.Evidence = append(f.Evidence, handshake.Fact{Layer: handshake.Policy, Source: f.Subject.String() + " " + f.Field, Value: "does not include namespace " + e.Client.Namespace})
	}
	f.Fixes = showFixes(p, f, e.Client)
}

// hiddenHosts are the services with an endpoint in the mesh that a Sidecar does not import,
// though they are exported to the namespace of its clients. Without a proxy at the other end the
// way through PassthroughCluster makes no difference.
func hiddenHosts(p *diagnose.Pass, s *kube.Sidecar, namespace string) []*mesh.Host {
	var out []*mesh.Host
	for _, h := range p.Hosts {
		if exported(h, namespace) && hides(s, h) && h.Leads(func(pod *mesh.Pod) bool { return pod != nil && pod.HasProxy() }) {
			out = append(out, h)
		}
	}
	return out
}

// hides reports whether a Sidecar does not import a host for one of its ports.
func hides(s *kube.Sidecar, h *mesh.Host) bool {
	return slices.ContainsFunc(h.Ports, func(port *mesh.Port) bool { return !covers(s, h, port.Number) })
}

// unread reports whether the proxy of some pod is not in the evidence.
func unread(p *diagnose.Pass) bool {
	return slices.ContainsFunc(p.Snapshot.Pods, func(pod *mesh.Pod) bool { return pod.HasProxy() && pod.Proxy == nil })
}

// hider is what keeps the host of an edge from the client's proxy; the zero Ref when nothing does.
func hider(p *diagnose.Pass, e *handshake.Edge) (ref kube.Ref, field string) {
	if s := sidecarOf(p, e.Client); s != nil && !covers(s, e.Server.Host, e.Server.Port) {
		return kube.Ref{Kind: "Sidecar", Namespace: s.Namespace, Name: s.Name}, importField(s)
	}
	return exportHides(e)
}

// importField is where a Sidecar lists what it imports: of one listener, or of several by ports.
func importField(s *kube.Sidecar) string {
	if byPort(s) {
		return "spec.egress"
	}
	return "spec.egress[0].hosts"
}
