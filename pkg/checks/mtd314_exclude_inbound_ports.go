package checks

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

var mtd314 = &diagnose.Check{
	Code: "MTD314", Name: "exclude-inbound-ports", Severity: diagnose.Error,
	Title: "a port bypasses the server's proxy while clients send mutual TLS to it",
	Doc: diagnose.Doc{
		Meaning: "An annotation keeps inbound ports away from the proxy, but the endpoint stays marked as capable of mutual TLS: clients go on sending it, and the application gets a ClientHello that it cannot read. " +
			"Every mesh client is hit on those ports. Callers without a proxy get through in plaintext, whatever the PeerAuthentication says.",
		Symptoms: []string{
			"client proxy's log: UF,URX TLS_error:|268435703:SSL_routines:OPENSSL_internal:WRONG_VERSION_NUMBER",
			"nothing in the server proxy's log for that port",
		},
		Detection: "The pod's init container or annotations leave the port out of capture, and the client's proxy starts mutual TLS to it. What iptables really does is not read.",
		ByHand: []diagnose.Look{
			seePod("the port in the annotation traffic.sidecar.istio.io/excludeInboundPorts, or not in includeInboundPorts"),
			seeEndpoints("transport_socket_match tlsMode istio for the address, so the client starts TLS"),
		},
		NotThis:    "A port that the PeerAuthentication sets to DISABLE still goes through the proxy (MTD313).",
		Fix:        "Tell the clients: a DestinationRule with tls DISABLE for that port of the Service. Or remove the exclusion, and open the port with portLevelMtls for those who need plaintext.",
		References: []string{"istio/istio#30311", "istio.io/docs/reference/config/annotations/#SidecarTrafficExcludeInboundPorts"},
	},
	Needs:    []diagnose.Evidence{diagnose.Proxies, diagnose.Pods, diagnose.DestinationRules},
	Run:      excludeInbound,
	Describe: describeExcludeInbound,
}

func excludeInbound(p *diagnose.Pass) {
	for e := range p.Known() {
		switch {
		case !mutual(e) || !meshed(e):
			p.NotApplicable()
		case !unwrapped(e) || !bypasses(e):
			p.Passed()
		default:
			w := e.Server.Pod.Workload
			p.Failed(diagnose.Finding{Subject: w.Ref, Field: annotation(w, bypass(e.Server.Pod, serverPort(e))), Edges: edge(e)})
		}
	}
}

// bypass is the annotation that keeps a port from the proxy.
func bypass(pod *mesh.Pod, port uint32) string {
	switch {
	case pod.Capture.Mode == "NONE":
		return "sidecar.istio.io/interceptionMode"
	case slices.Contains(pod.Capture.InboundExcluded, port):
		return "traffic.sidecar.istio.io/excludeInboundPorts"
	}
	return "traffic.sidecar.istio.io/includeInboundPorts"
}

func describeExcludeInbound(p *diagnose.Pass, f *diagnose.Finding) {
	pod := f.Edges[0].Server.Pod
	name := bypass(pod, serverPort(f.Edges[0]))
	value, own := annotationOf(pod, name)
	short := name[strings.LastIndex(name, "/")+1:]
	f.Title = fmt.Sprintf("%s keeps %s from its proxy (%s), but clients still send mutual TLS there", f.Subject, portList(distinct(f.Edges, serverPort)), short)
	f.Evidence = append(bothSides(p, f.Edges[0]), handshake.Fact{Layer: handshake.Cluster, Source: "pod " + pod.Key().String() + " annotation " + name, Value: value})
	f.Fixes = append(plainPorts(p, f.Edges), captureFix(p, f, pod.Workload, name, own, "where its policy is STRICT, callers without a proxy are refused on these ports")...)
}
