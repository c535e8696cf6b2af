package checks

import (
	"fmt"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
)

var mtd304 = &diagnose.Check{
	Code: "MTD304", Name: "dr-portlevel-drops-tls", Severity: diagnose.Error,
	Title: "port-level settings of a DestinationRule drop its tls block",
	Doc: diagnose.Doc{
		Meaning: "An entry of portLevelSettings replaces the whole policy of its port; nothing of the level above is inherited, tls neither. With auto mTLS off that leaves plaintext on that port, " +
			"while all other ports go on with mutual TLS: a connection pool limit for one port is enough to break it.",
		Symptoms: []string{
			"one port of a service fails and its neighbours work",
			"client: HTTP 503 … reset reason: connection termination; client proxy's log: UC",
			"server proxy's log: NR filter_chain_not_found",
		},
		Detection: "The effective DestinationRule has a tls block, its entry for the port has none, auto mTLS is off, the client's cluster has no transport socket and the server refuses plaintext.",
		ByHand: []diagnose.Look{
			seeAll("destinationrules.networking.istio.io", "a tls block, and an entry of portLevelSettings for the port without one"),
			seeCluster("no transportSocket and no transportSocketMatches: it sends plaintext"),
			seeMesh("enableAutoMtls: false"),
		},
		NotThis:    "With auto mTLS on, the port falls back to it and goes on working: nothing is reported.",
		Fix:        "Repeat the tls block in the entry of the port.",
		References: []string{"pilot/pkg/networking/util/util.go: GetPortLevelTrafficPolicy", "istio.io/docs/reference/config/networking/destination-rule/#TrafficPolicy-PortTrafficPolicy"},
	},
	Needs:    []diagnose.Evidence{diagnose.Proxies, diagnose.DestinationRules, diagnose.MeshConfig},
	Run:      func(p *diagnose.Pass) { failPlain(p, "MTD304") },
	Describe: describeDRPortLevel,
}

func describeDRPortLevel(p *diagnose.Pass, f *diagnose.Finding) {
	e := f.Edges[0]
	rule := p.Rule(e)
	f.Title = fmt.Sprintf("%s has settings for port %d without tls, which drop %s: as auto mTLS is off, clients send plaintext to %s",
		f.Subject, e.Server.Port, rule.DroppedTLS, destinations(p, f.Edges))
	f.Evidence = append([]handshake.Fact{autoMTLSFact(p, e.Client)}, bothSides(p, e)...)
	f.Fixes = mutualFixes(p, rule.Rule, f.Field, f.Edges)
}
