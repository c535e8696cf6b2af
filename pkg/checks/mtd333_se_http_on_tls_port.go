package checks

import (
	"fmt"
	"slices"
	"strings"

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
		Meaning: "Port 443 of a host outside the mesh speaks TLS. Declared as HTTP, the client's proxy takes the application's requests in clear text and sends them on so; only a DestinationRule with tls SIMPLE would make TLS of them, and one with DISABLE does not. An egress gateway that ends in HTTP what it is sent does the same, whatever the port is declared as. " +
			"Applications that dial https:// are hit as well: the proxy expects HTTP where their ClientHello arrives.",
		Symptoms: []string{
			"HTTP 400 The plain HTTP request was sent to HTTPS port",
			"applications with https://: curl: (35) … wrong version number, or a protocol error of the proxy",
			"log of a TLS server that is an Envoy: 268435612 … HTTP_REQUEST",
		},
		Detection: "The host is a ServiceEntry's outside the mesh, its port is declared HTTPS or TLS, or leads to port 443; the client's proxy sends HTTP there, by the declaration of what was dialled or by a route of a gateway; and no DestinationRule starts TLS, or one says DISABLE.",
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
		switch host, _ := e.SentTo(); {
		case host == nil || !host.External || !e.Client.HasProxy() || !expectsTLS(e):
			p.NotApplicable()
		case e.Outbound.Path != handshake.ViaCluster || e.Outbound.Socket != "plaintext" || !sendsHTTP(e):
			p.Passed()
		default:
			f := untouched(p, e, host)
			if !e.Verdict.Works() {
				f.Severity = diagnose.Error
			}
			p.Failed(f)
		}
	}
}

// expectsTLS reports whether TLS is spoken where an edge leads: it is the port of HTTPS, or declared so.
func expectsTLS(e *handshake.Edge) bool {
	return e.Server.Address.Port() == httpsPort || declaredAs(e, mesh.TLS)
}

// declaredAs reports whether the port that an edge is sent to is declared as a protocol.
func declaredAs(e *handshake.Edge, protocol mesh.Protocol) bool {
	host, number := e.SentTo()
	port := host.Port(number)
	return port != nil && port.Protocol == protocol
}

// sendsHTTP reports whether the client's proxy sends requests on an edge, and not the bytes of a connection: an application
// speaks what was dialled is declared as, and a gateway has a route for requests.
func sendsHTTP(e *handshake.Edge) bool {
	port := e.Server.Host.Port(e.Server.Port)
	return e.Blocked(handshake.HTTPToAppTLS) || port != nil && port.Protocol == mesh.HTTP
}

// untouched is the finding about requests that leave in clear text: the rule that wants it so is to blame, else the entry.
func untouched(p *diagnose.Pass, e *handshake.Edge, host *mesh.Host) diagnose.Finding {
	if rule := p.Rule(e); rule.Mode == policy.TLSDisable && rule.Rule != nil {
		return diagnose.Finding{Subject: ruleRef(rule.Rule), Field: rule.Field, Edges: edge(e)}
	}
	_, port := e.SentTo()
	return diagnose.Finding{Subject: host.Ref, Field: portField(p, host, port), Edges: edge(e)}
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
	host, port := e.SentTo()
	expects := fmt.Sprintf("%s, whose port %d expects TLS", shortHost(p, host.Name), serverPort(e))
	who := callers(f.Edges)
	f.Evidence = bothSides(p, e)
	switch {
	case f.Subject.Kind == "DestinationRule":
		f.Title = fmt.Sprintf("%s says DISABLE for %s: %s %s requests in clear text", f.Subject, expects, who, who.verb("sends", "send"))
		f.Fixes = []diagnose.Fix{startTLS(f, p.Rule(e).Rule, host, port)}
		return
	case declaredAs(e, mesh.HTTP):
		f.Title = fmt.Sprintf("%s declares HTTP for %s, and no DestinationRule starts it: requests are sent in clear text", f.Subject, expects)
		f.Fixes = []diagnose.Fix{{
			Title: "declare the port as TLS, if applications dial https://", Command: jsonPatch(f.Subject, set(indexed(f.Field), `"TLS"`)),
			Risk: "applications that dial http:// then fail",
		}}
	default:
		f.Title = fmt.Sprintf("%s %s requests in clear text to %s: no DestinationRule starts it", who, who.verb("sends", "send"), expects)
	}
	f.Evidence = append(f.Evidence, handshake.Fact{Layer: handshake.Policy, Source: f.Subject.String() + " " + f.Field, Value: string(host.Port(port).Protocol)})
	rule := simpleRule(host, port)
	fix := diagnose.Fix{Title: "let the proxies start TLS, if applications dial http://", Risk: "applications that dial https:// then fail"}
	if fromGateways(f.Edges) && f.Edges[0].Client.Namespace == rule.Namespace {
		rule.Spec.ExportTo = []string{"."}
		fix.Title, fix.Risk = "let the gateway start TLS; exportTo keeps the rule from everybody else's proxies", ""
	}
	fix.Manifest = ruleManifest(rule)
	f.Fixes = append(f.Fixes, fix)
}

// fromGateways reports whether gateways alone call.
func fromGateways(edges []*handshake.Edge) bool {
	return !slices.ContainsFunc(edges, func(e *handshake.Edge) bool { return e.Client.Plane != mesh.Gateway })
}

// startTLS has a rule that says DISABLE start TLS for a port, and leaves the other ports of its hosts as they are.
func startTLS(f *diagnose.Finding, rule *kube.DestinationRule, host *mesh.Host, port uint32) diagnose.Fix {
	fix := diagnose.Fix{
		Title: fmt.Sprintf("have %s start TLS (SIMPLE) for port %d", f.Subject, port),
		Risk:  "applications that dial https:// there then fail, and a server whose certificate no CA of the operating system issued is refused",
	}
	block := strings.TrimSuffix(f.Field, ".mode")
	at, ok := placeOf(f.Field)
	if !ok || strings.Contains(block, "portLevelSettings") || len(host.Ports) == 1 && rule.Spec.Host == host.Name {
		fix.Command = jsonPatch(f.Subject, set(indexed(block)+"/mode", `"SIMPLE"`))
		return fix
	}
	fix.Risk += "; what else the rule sets does not count for that port"
	list, entry := indexed(strings.TrimSuffix(block, ".tls"))+"/portLevelSettings", fmt.Sprintf(`{"port":{"number":%d},"tls":{"mode":"SIMPLE"}}`, port)
	if len((*at.holder(rule)).PortLevelSettings) > 0 {
		fix.Command = jsonPatch(f.Subject, set(list+"/-", entry))
	} else {
		fix.Command = jsonPatch(f.Subject, set(list, "["+entry+"]"))
	}
	return fix
}

// simpleRule starts TLS for one port of a host.
func simpleRule(host *mesh.Host, port uint32) *kube.DestinationRule {
	rule := &kube.DestinationRule{Meta: kube.Meta{Namespace: host.Namespace, Name: host.Ref.Name + "-tls"}}
	rule.Spec.Host = host.Name
	rule.Spec.TrafficPolicy = &kube.TrafficPolicy{PortLevelSettings: []kube.PortTrafficPolicy{{
		Port: kube.PortSelector{Number: int32(port)}, TLS: &kube.ClientTLS{Mode: string(policy.TLSSimple)},
	}}}
	return rule
}
