package checks

import (
	"fmt"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/policy"
)

var mtd336 = &diagnose.Check{
	Code: "MTD336", Name: "plaintext-by-setting", Severity: diagnose.Info,
	Title: "calls between two proxies of the mesh are plaintext, because a resource says so",
	Doc: diagnose.Doc{
		Meaning: "Both ends have a proxy, and yet the calls are neither encrypted nor carry an identity: a DestinationRule or a PeerAuthentication turns mutual TLS off, auto mTLS is off, or a Sidecar hides the service. The server takes plaintext, so nothing fails and nobody notices. " +
			"It is what is left of a migration as often as it is meant so.",
		Symptoms: []string{
			"nothing fails; metrics: connection_security_policy=\"none\" between workloads that both have a proxy",
			"a capture of packets between two meshed pods shows clear text",
		},
		Detection: "The connection is plaintext, both pods have a proxy, and what makes the client send plaintext is a resource of the mesh. Services that are plaintext because some of their endpoints have no proxy are not told of, nor ports that portLevelMtls opens in a STRICT workload (MTD334).",
		ByHand: []diagnose.Look{
			seeAll("destinationrules.networking.istio.io", "tls mode DISABLE, or a tls block without a mode"),
			seeAll("peerauthentications.security.istio.io", "DISABLE for the server's namespace, workload or port"),
			seeCluster("no transportSocket and no transportSocketMatches: it sends plaintext"),
		},
		NotThis:    "Where a server refuses the plaintext, the resource is told of as an error under its own code, and this is its consequence. A caller without a proxy has no choice.",
		Fix:        "Take back the setting, so that auto mTLS decides. If it is meant so, suppress this with a reason.",
		References: []string{"istio.io/docs/ops/configuration/traffic-management/tls-configuration/#auto-mtls", "istio.io/docs/tasks/security/authentication/mtls-migration"},
	},
	Needs: []diagnose.Evidence{diagnose.Proxies, diagnose.DestinationRules, diagnose.PeerAuthentications},
	After: []diagnose.Code{
		"MTD301", "MTD304", "MTD305", "MTD306", "MTD308", "MTD315", "MTD317", "MTD319", "MTD320", "MTD321", "MTD322", "MTD330", "MTD331", "MTD607",
	},
	Run:      plaintextBySetting,
	Describe: describePlaintextBySetting,
}

func plaintextBySetting(p *diagnose.Pass) {
	for e := range p.Known() {
		if !meshed(e) || !e.Client.HasProxy() || !e.Inbound.Captured {
			p.NotApplicable()
			continue
		}
		if e.Verdict != handshake.Plaintext {
			p.Passed()
			continue
		}
		switch c := whyNameless(p, e); {
		case c.code == "MTD312", unnamed(c), excepted(p, e, c), plainAnyway(e):
			p.Passed()
		default:
			p.Failed(diagnose.Finding{Subject: c.subject, Field: c.field, Edges: edge(e)})
		}
	}
}

// excepted reports whether a port is an exception of a STRICT workload, which MTD334 tells of.
func excepted(p *diagnose.Pass, e *handshake.Edge, c culprit) bool {
	return strings.HasPrefix(c.field, "spec.portLevelMtls.") && p.Mode(e.Server.Pod).Workload.Mode == policy.Strict
}

// plainAnyway reports a call that is plaintext whatever setting makes it so: of a headless Service that is half outside the
// mesh (MTD312, where that breaks something).
func plainAnyway(e *handshake.Edge) bool {
	host, port := e.SentTo()
	return host != nil && host.Headless && halfBare(host, port)
}

func describePlaintextBySetting(p *diagnose.Pass, f *diagnose.Finding) {
	e := f.Edges[0]
	f.Title = fmt.Sprintf("%s makes %s send plaintext to %s, though both ends have a proxy: not encrypted, and without an identity", f.Subject, callers(f.Edges), destinations(p, f.Edges))
	f.Evidence = bothSides(p, e)
	f.Fixes = identityFixes(p, f, whyNameless(p, e))
}
