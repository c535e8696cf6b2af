package checks

import (
	"fmt"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/policy"
)

var mtd333 = &diagnose.Check{
	Code: "MTD333", Name: "se-http-on-tls-port", Severity: diagnose.Warning,
	Title: "a ServiceEntry declares HTTP for a port on which TLS is expected, and nobody starts TLS",
	Doc: diagnose.Doc{
		Meaning: "Port 443 of a host outside the mesh speaks TLS. Declared as HTTP, the client's proxy takes the application's requests in clear text and sends them on so; only a DestinationRule with tls SIMPLE would make TLS of them. " +
			"Applications that dial https:// are hit as well: the proxy expects HTTP where their ClientHello arrives.",
		Symptoms: []string{
			"HTTP 400 The plain HTTP request was sent to HTTPS port",
			"applications with https://: curl: (35) … wrong version number, or a protocol error of the proxy",
			"log of a TLS server that is an Envoy: 268435612 … HTTP_REQUEST",
		},
		Detection: "The host is a ServiceEntry's outside the mesh, its port is declared HTTP, HTTP2 or GRPC and leads to port 443, and no DestinationRule starts TLS for it.",
		ByHand: []diagnose.Look{
			seeAll("serviceentries.networking.istio.io", "port 443 with protocol HTTP, HTTP2 or GRPC"),
			seeCluster("no transportSocket: HTTP in clear goes to the TLS port"),
		},
		NotThis:    "Declared HTTPS or TLS, with a DestinationRule SIMPLE, the TLS is doubled (MTD307).",
		Fix:        "Declare the port as TLS if applications dial https://. If they dial http:// and the proxy is to start TLS, add a DestinationRule with tls SIMPLE for the port.",
		References: []string{"istio/istio#9844", "istio/istio#16531", "istio.io/docs/tasks/traffic-management/egress/egress-tls-origination"},
	},
	Needs:    []diagnose.Evidence{diagnose.Proxies, diagnose.ServiceEntries, diagnose.DestinationRules},
	Run:      httpOnTLSPort,
	Describe: describeHTTPOnTLS,
}

const httpsPort = 443

func httpOnTLSPort(p *diagnose.Pass) {
	for e := range p.Known() {
		host := e.Server.Host
		if host == nil || !host.External || !e.Client.HasProxy() || e.Server.Address.Port() != httpsPort {
			p.NotApplicable()
			continue
		}
		port := host.Port(e.Server.Port)
		if port == nil || port.Protocol != mesh.HTTP || e.Outbound.Path != handshake.ViaCluster || e.Outbound.Socket != "plaintext" {
			p.Passed()
			continue
		}
		p.Failed(diagnose.Finding{Subject: host.Ref, Field: portField(p, host, e.Server.Port), Edges: edge(e)})
	}
}

// portField is where a ServiceEntry declares the protocol of a port.
func portField(p *diagnose.Pass, h *mesh.Host, number uint32) string {
	for i, port := range entryOf(p, h).Spec.Ports {
		if uint32(port.Number) == number {
			return fmt.Sprintf("spec.ports[%d].protocol", i)
		}
	}
	return "spec.ports"
}

func describeHTTPOnTLS(p *diagnose.Pass, f *diagnose.Finding) {
	e := f.Edges[0]
	f.Title = fmt.Sprintf("%s declares HTTP for %s, whose port 443 expects TLS, and no DestinationRule starts it: requests are sent in clear text", f.Subject, destinations(p, f.Edges))
	f.Evidence = append(bothSides(p, e), handshake.Fact{Layer: handshake.Policy, Source: f.Subject.String() + " " + f.Field, Value: string(mesh.HTTP)})
	f.Fixes = []diagnose.Fix{
		{Title: "declare the port as TLS, if applications dial https://", Command: jsonPatch(f.Subject, set(indexed(f.Field), `"TLS"`)), Risk: "applications that dial http:// then fail"},
		{Title: "let the proxies start TLS, if applications dial http://", Manifest: ruleManifest(simpleRule(e)), Risk: "applications that dial https:// then fail"},
	}
}

// simpleRule starts TLS for the one port of an edge's host.
func simpleRule(e *handshake.Edge) *kube.DestinationRule {
	rule := &kube.DestinationRule{Meta: kube.Meta{Namespace: e.Server.Host.Namespace, Name: e.Server.Host.Ref.Name + "-tls"}}
	rule.Spec.Host = e.Server.Host.Name
	rule.Spec.TrafficPolicy = &kube.TrafficPolicy{PortLevelSettings: []kube.PortTrafficPolicy{{
		Port: kube.PortSelector{Number: int32(e.Server.Port)}, TLS: &kube.ClientTLS{Mode: string(policy.TLSSimple)},
	}}}
	return rule
}
