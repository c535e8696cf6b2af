package checks

import (
	"fmt"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/policy"
)

var mtd337 = &diagnose.Check{
	Code: "MTD337", Name: "dr-suspected", Severity: diagnose.Warning,
	Title: "a DestinationRule is suspected: the server's proxy was not read, and its policy refuses what clients send",
	Doc: diagnose.Doc{
		Meaning: "Whether a connection works shows at both ends, and one was not read. What the client's proxy sends because of the rule is known, and what the server's PeerAuthentication asks for is another thing. If the server's proxy runs what its policy says, every mesh client of the host is refused.",
		Symptoms: []string{
			"the report says unknown for a host, because the server's proxy was not read",
			"client: HTTP 503 … reset reason: connection termination; client proxy's log: UC, on TCP UR",
		},
		Detection: "The verdict of a connection is unknown because the proxy of the server was not read, the effective DestinationRule says DISABLE or SIMPLE, or has a tls block without a mode, the client's cluster does as it says, and the PeerAuthentication of the server's port is STRICT.",
		ByHand: []diagnose.Look{
			seeCluster("no transportSocket, or one without certificate default; metadata istio.config names the rule"),
			seeAll("peerauthentications.security.istio.io", "STRICT for the server's port"),
			seeInbound("every filterChainMatch for the port has transportProtocol tls: it refuses plaintext"),
		},
		NotThis:    "Once the server's proxy is read it is an error (MTD301, MTD302) or nothing: a proxy that runs an older config may still take plaintext.",
		Fix:        "See why the server's proxy could not be read. Remove the tls block of the rule, so that auto mTLS decides.",
		References: []string{"istio.io/docs/ops/common-problems/network-issues/#503-errors-after-setting-destination-rule", "pilot/pkg/networking/core/cluster_tls.go"},
	},
	Needs:    []diagnose.Evidence{diagnose.Proxies, diagnose.DestinationRules, diagnose.PeerAuthentications},
	Run:      drSuspected,
	Describe: describeSuspected,
}

func drSuspected(p *diagnose.Pass) {
	for e := range p.Edges() {
		if e.Verdict != handshake.Unknown || !meshed(e) || e.Server.Pod.Proxy != nil || e.Outbound.Socket == "" {
			p.NotApplicable()
			continue
		}
		rule := p.Rule(e)
		sends := rule.Mode == policy.TLSDisable && plain(e) || rule.Mode == policy.TLSSimple && e.Outbound.Socket == "tls"
		if !sends || asked(p, e) != handshake.AcceptsMTLS {
			p.Passed()
			continue
		}
		p.Failed(diagnose.Finding{Subject: ruleRef(rule.Rule), Field: rule.Field, Edges: edge(e)})
	}
}

func describeSuspected(p *diagnose.Pass, f *diagnose.Finding) {
	e := f.Edges[0]
	f.Title = fmt.Sprintf("suspected: %s makes clients send %s to %s, and the policy of %s is STRICT; its proxy was not read",
		f.Subject, e.Outbound.Socket, destinations(p, f.Edges), servers(f.Edges))
	f.Evidence = bothSides(p, e)
	f.Fixes = tlsFixes(p, p.Rule(e).Rule, f.Field, f.Edges)
}
