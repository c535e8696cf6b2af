package checks

import (
	"fmt"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/policy"
)

var mtd339 = &diagnose.Check{
	Code: "MTD339", Name: "dr-server-unverified", Severity: diagnose.Info,
	Title: "a DestinationRule starts TLS to a host outside the mesh and does not verify its certificate",
	Doc: diagnose.Doc{
		Meaning: "SIMPLE or MUTUAL makes the client's proxy start TLS. With insecureSkipVerify, or where no CA is named and istiod adds none (VERIFY_CERTIFICATE_AT_CLIENT is off, as by default before Istio 1.21), the proxy takes any certificate: who can get between may read and change the calls, although they are encrypted. " +
			"Nothing fails, for any client of the rule.",
		Symptoms: []string{
			"nothing fails: the calls work even when the server's certificate has expired, or is another host's",
			"a security scan finds TLS without verification in the proxies' clusters",
		},
		Detection: "The effective DestinationRule says SIMPLE or MUTUAL for a ServiceEntry's host outside the mesh, it sets insecureSkipVerify, or neither caCertificates nor credentialName, and the TLS of the client's cluster verifies no chain.",
		ByHand: []diagnose.Look{
			seeCluster("a transportSocket whose commonTlsContext has no validation context with a trusted CA"),
			seeAll("destinationrules.networking.istio.io", "insecureSkipVerify, or SIMPLE without caCertificates and credentialName, for the host"),
		},
		NotThis:    "From Istio 1.21 on istiod verifies against the operating system's CAs where the rule names none (file-root:system): then nothing is found. A rule for a service of the mesh is MTD302. A connection that fails is told of under its own code.",
		Fix:        "Verify against the operating system's CAs (caCertificates: system), or name the CA that issued the server's certificate.",
		References: []string{"istio.io/docs/reference/config/networking/destination-rule/#ClientTLSSettings", "istio.io/news/releases/1.21.x/announcing-1.21/upgrade-notes", "pilot/pkg/networking/core/cluster_tls.go: constructUpstreamTLS"},
	},
	Needs:    []diagnose.Evidence{diagnose.Proxies, diagnose.DestinationRules, diagnose.ServiceEntries},
	Run:      drServerUnverified,
	Describe: describeUnverified,
}

func drServerUnverified(p *diagnose.Pass) {
	for e := range p.Edges() { // a server outside the mesh is unknown, and yet the client's side is seen
		rule := p.Rule(e)
		field := unverifiedField(rule)
		switch host, _ := e.SentTo(); {
		case field == "" || host == nil || !host.External || !e.Client.HasProxy() || e.Verdict == handshake.Fails:
			p.NotApplicable()
		case e.Client.Proxy == nil:
			p.UnknownEdge(e)
		default:
			judgeUpstream(p, e, diagnose.Finding{Subject: ruleRef(rule.Rule), Field: field, Edges: edge(e)})
		}
	}
}

// judgeUpstream judges the TLS that the client's proxy starts on an edge.
func judgeUpstream(p *diagnose.Pass, e *handshake.Edge, f diagnose.Finding) {
	switch tls := upstreamTLS(e); {
	case tls == nil:
		p.NotApplicable()
	case tls.Validation.ChecksChain():
		p.Passed()
	case len(tls.Unmodelled) > 0:
		p.Unknown(f.Subject, fmt.Sprintf("the TLS of cluster %s sets %s", e.Outbound.Cluster, tls.Unmodelled[0]))
	default:
		p.Failed(f)
	}
}

// unverifiedField is where a tls block that originates TLS leaves the server's certificate unverified, or leaves it to
// istiod to add a CA; "" where it names one.
func unverifiedField(rule policy.ClientTLS) string {
	originates := rule.Mode == policy.TLSSimple || rule.Mode == policy.TLSMutual
	switch {
	case !originates || rule.Rule == nil:
		return ""
	case skipsVerification(rule):
		return strings.TrimSuffix(rule.Field, ".mode") + ".insecureSkipVerify"
	case rule.TLS.CACertificates == "" && rule.TLS.CredentialName == "":
		return rule.Field
	}
	return ""
}

func skipsVerification(rule policy.ClientTLS) bool {
	return rule.TLS.InsecureSkipVerify != nil && *rule.TLS.InsecureSkipVerify
}

// upstreamTLS is the TLS of the cluster that an edge takes; nil when the proxy starts none.
func upstreamTLS(e *handshake.Edge) *envoy.TLSContext {
	for _, c := range clustersOf(e) {
		for s := c.Socket; s != nil && c.State != envoy.Warming; s = s.Inner {
			if s.TLS != nil {
				return s.TLS
			}
		}
	}
	return nil
}

func describeUnverified(p *diagnose.Pass, f *diagnose.Finding) {
	e := f.Edges[0]
	rule := p.Rule(e)
	why := "it names no CA, and istiod adds none"
	if skipsVerification(rule) {
		why = "it says insecureSkipVerify"
	}
	f.Title = fmt.Sprintf("%s starts TLS to %s and takes any certificate: %s", f.Subject, destinations(p, f.Edges), why)
	f.Evidence = append(bothSides(p, e), handshake.DumpFact(e.Client, "clusters", e.Outbound.Cluster, "TLS that verifies no chain"))
	f.Fixes = []diagnose.Fix{verifying(f, rule)}
}

// verifying has proxies verify the server's certificate: against what the rule names, else the operating system's CAs.
func verifying(f *diagnose.Finding, rule policy.ClientTLS) diagnose.Fix {
	fix := diagnose.Fix{
		Title: "verify the server's certificate against the CA that the rule names",
		Risk:  "calls fail if it does not fit",
	}
	var operations []string
	if skipsVerification(rule) {
		operations = append(operations, remove(indexed(f.Field)))
	}
	if rule.TLS.CACertificates == "" && rule.TLS.CredentialName == "" {
		fix.Title = "verify the server's certificate against the operating system's CAs"
		fix.Risk = "calls fail if a private CA issued it: then name its file in caCertificates instead"
		block := strings.TrimSuffix(strings.TrimSuffix(f.Field, ".mode"), ".insecureSkipVerify")
		operations = append(operations, set(indexed(block+".caCertificates"), `"system"`))
	}
	fix.Command = jsonPatch(f.Subject, operations...)
	return fix
}
