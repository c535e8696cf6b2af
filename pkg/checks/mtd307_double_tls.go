package checks

import (
	"fmt"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/policy"
)

var mtd307 = &diagnose.Check{
	Code: "MTD307", Name: "double-tls", Severity: diagnose.Error,
	Title: "a DestinationRule wraps the application's TLS in a second TLS",
	Doc: diagnose.Doc{
		Meaning: "The port is declared HTTPS or TLS: applications encrypt themselves. A tls block of SIMPLE or MUTUAL makes the proxy encrypt once more. " +
			"The server unwraps one layer and finds a ClientHello where it expects a request. Every mesh client of the host is hit; callers without a proxy succeed.",
		Symptoms: []string{
			"curl: (35) … SSL routines::wrong version number",
			"client proxy's log: the connection, with no response flag at all",
			"the server's log: HTTP 400, client sent an HTTP request to an HTTPS server, or garbage",
		},
		Detection: "The port's declared protocol is TLS, the effective DestinationRule sets SIMPLE or MUTUAL, and nothing at the endpoint unwraps twice.",
		ByHand: []diagnose.Look{
			seeAll("destinationrules.networking.istio.io", "tls.mode SIMPLE or MUTUAL for the host"),
			look("kubectl get services,serviceentries.networking.istio.io -A -o yaml", "the host's port is declared HTTPS or TLS: the application starts TLS itself"),
			seeCluster("a transportSocket: TLS within TLS"),
		},
		NotThis:    "wrong version number as Envoy's own error (UF, 268435703) is mutual TLS to an endpoint that speaks plaintext (MTD303, MTD313, MTD314).",
		Fix:        "If applications dial https://, remove the tls block and let TLS pass through. If the proxy is to originate TLS, applications must dial http:// and the port must be declared HTTP with a targetPort of 443. A much copied recipe combines an HTTPS ServiceEntry with SIMPLE: that is this fault, not its cure.",
		References: []string{"istio/istio#17031", "istio/istio.io#11396", "istio.io/docs/tasks/traffic-management/egress/egress-tls-origination"},
	},
	Needs:    []diagnose.Evidence{diagnose.Proxies, diagnose.DestinationRules},
	After:    []diagnose.Code{"MTD318"},
	Run:      doubleTLS,
	Describe: describeDoubleTLS,
}

func doubleTLS(p *diagnose.Pass) {
	for e := range p.Known() {
		switch rule := p.Rule(e); {
		case rule.Mode != policy.TLSSimple && rule.Mode != policy.TLSMutual:
			p.NotApplicable()
		case !e.Blocked(handshake.DoubleTLS):
			p.Passed()
		default:
			p.Failed(diagnose.Finding{Subject: ruleRef(rule.Rule), Field: rule.Field, Edges: edge(e)})
		}
	}
}

func describeDoubleTLS(p *diagnose.Pass, f *diagnose.Finding) {
	e := f.Edges[0]
	rule := p.Rule(e)
	f.Title = fmt.Sprintf("%s says %s for %s, whose clients speak TLS already: their TLS is wrapped in a second one", f.Subject, rule.Mode, destinations(p, f.Edges))
	f.Evidence = append(bothSides(p, e), handshake.Fact{
		Layer: handshake.Policy, Source: fmt.Sprintf("%s port %d", e.Server.Host.Ref, e.Server.Port), Value: "declared as TLS: applications encrypt themselves",
	})
	f.Fixes = tlsFixes(p, rule.Rule, f.Field, f.Edges)
}
