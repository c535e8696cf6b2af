package checks

import (
	"fmt"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/policy"
)

var mtd302 = &diagnose.Check{
	Code: "MTD302", Name: "dr-simple-in-mesh", Severity: diagnose.Error,
	Title: "a DestinationRule starts TLS of its own towards a server inside the mesh",
	Doc: diagnose.Doc{
		Meaning: "SIMPLE and MUTUAL are for servers outside the mesh: the client's proxy then offers neither its workload certificate nor Istio's ALPN, and verifies the server against other roots than the mesh's. " +
			"A server with a proxy answers with a certificate of the mesh and asks for one: the handshake fails, for every mesh client of the host.",
		Symptoms: []string{
			"client: HTTP 503 upstream connect error … retried and the latest reset reason: remote connection failure",
			"client proxy's log: UF,URX TLS_error:|268435581:… CERTIFICATE_VERIFY_FAILED … self_signed_certificate_in_certificate_chain",
			"TCP: connection closed without data",
		},
		Detection: "The effective DestinationRule says SIMPLE or MUTUAL, the client's cluster has that transport socket, the endpoint's pod has a proxy of the mesh, and the handshake fails.",
		ByHand: []diagnose.Look{
			seeCluster("a transportSocket whose certificate is not the secret default, or which has no ALPN istio"),
			seeAll("destinationrules.networking.istio.io", "tls.mode SIMPLE or MUTUAL for the host"),
		},
		NotThis:    "The same error with ISTIO_MUTUAL or without a DestinationRule means different roots (MTD201). SIMPLE to a host outside the mesh is right, unless the application speaks TLS itself (MTD307).",
		Fix:        "Remove the tls block: auto mTLS gives the workload certificate and the right SAN list. If the block was meant for a host outside the mesh, correct the rule's host.",
		References: []string{"istio.io/docs/reference/config/networking/destination-rule/#ClientTLSSettings-TLSmode", "istio/istio#29746"},
	},
	Needs:    []diagnose.Evidence{diagnose.Proxies, diagnose.DestinationRules},
	Run:      drSimpleInMesh,
	Describe: describeDRSimple,
}

func drSimpleInMesh(p *diagnose.Pass) {
	for e := range p.Known() {
		switch rule := p.Rule(e); {
		case rule.Mode != policy.TLSSimple && rule.Mode != policy.TLSMutual, e.Outbound.Socket != "tls", !meshed(e):
			p.NotApplicable()
		case e.Verdict != handshake.Fails || e.Reason.NotTLS() || len(awaited(e)) > 0:
			p.Passed()
		default:
			p.Failed(diagnose.Finding{Subject: ruleRef(rule.Rule), Field: rule.Field, Edges: edge(e)})
		}
	}
}

func describeDRSimple(p *diagnose.Pass, f *diagnose.Finding) {
	rule := p.Rule(f.Edges[0])
	hosts := destinations(p, f.Edges)
	f.Title = fmt.Sprintf("%s says %s, so clients offer no certificate of the mesh to %s, which %s inside it", f.Subject, rule.Mode, hosts, hosts.verb("is", "are"))
	f.Evidence = bothSides(p, f.Edges[0])
	f.Fixes = tlsFixes(p, rule.Rule, f.Field, f.Edges)
}
