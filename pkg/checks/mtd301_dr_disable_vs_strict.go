package checks

import (
	"fmt"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

var mtd301 = &diagnose.Check{
	Code: "MTD301", Name: "dr-disable-vs-strict", Severity: diagnose.Error,
	Title: "a DestinationRule turns mutual TLS off towards a server that accepts nothing else",
	Doc: diagnose.Doc{
		Meaning: "The tls block of a DestinationRule decides what the proxies of all its clients send. DISABLE, or a block without a mode, which means the same, makes them send plaintext; " +
			"a server whose PeerAuthentication is STRICT has no filter chain that takes it and closes the connection. Every mesh client of the host is hit, on every port the rule covers.",
		Symptoms: []string{
			"client: HTTP 503 upstream connect error or disconnect/reset before headers. reset reason: connection termination",
			"client proxy's log: 503 UC upstream_reset_before_response_started{connection_termination}; on TCP: UR",
			"server proxy's log: NR filter_chain_not_found",
			"application with TLS of its own: tlsv13 alert certificate required",
		},
		Detection: "The client's cluster has no transport socket, the effective DestinationRule (client's, service's, then root namespace) says DISABLE, and no filter chain of the server's inbound listener takes plaintext on that port.",
		ByHand: []diagnose.Look{
			seeCluster("no transportSocket and no transportSocketMatches: it sends plaintext; metadata istio.config names the DestinationRule"),
			seeAll("destinationrules.networking.istio.io", "tls.mode DISABLE, or tls without a mode, for the host"),
			seeInbound("every filterChainMatch for the port has transportProtocol tls: it refuses plaintext"),
		},
		NotThis: "The same reset comes from a caller without a proxy (MTD601), from auto mTLS being off (MTD308), and from a namespace whose PeerAuthentication is DISABLE (MTD306).",
		Fix:     "Remove the tls block and let auto mTLS choose per endpoint. ISTIO_MUTUAL instead would send TLS to endpoints without a proxy too, so it is right only where auto mTLS is off and every endpoint is in the mesh.",
		References: []string{
			"istio/istio#37431", "istio.io/docs/reference/config/networking/destination-rule/#ClientTLSSettings-TLSmode",
		},
	},
	Needs:    []diagnose.Evidence{diagnose.Proxies, diagnose.DestinationRules},
	Run:      func(p *diagnose.Pass) { failPlain(p, "MTD301") },
	Describe: describeDRDisable,
}

func describeDRDisable(p *diagnose.Pass, f *diagnose.Finding) {
	e := f.Edges[0]
	how := "says DISABLE"
	if !strings.HasSuffix(f.Field, ".mode") {
		how = "has a tls block without a mode, which means DISABLE"
	}
	hosts := destinations(p, f.Edges)
	f.Title = fmt.Sprintf("%s %s, so clients send plaintext to %s, which %s only mutual TLS",
		ruleAt(p.Rule(e).Rule, f.Field), how, hosts, hosts.verb("accepts", "accept"))
	f.Evidence = bothSides(p, e)
	f.Fixes = tlsFixes(p, p.Rule(e).Rule, f.Field, f.Edges)
}

// ruleAt names a DestinationRule, and the subset that a field of it is of.
func ruleAt(rule *kube.DestinationRule, field string) string {
	name := ruleRef(rule).String()
	if at, ok := placeOf(field); ok && at.subset >= 0 && at.subset < len(rule.Spec.Subsets) {
		name += " for subset " + rule.Spec.Subsets[at.subset].Name
	}
	return name
}
