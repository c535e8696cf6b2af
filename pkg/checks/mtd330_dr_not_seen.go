package checks

import (
	"fmt"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/policy"
)

var mtd330 = &diagnose.Check{
	Code: "MTD330", Name: "dr-not-seen", Severity: diagnose.Error,
	Title: "the DestinationRule that turns mutual TLS on is not seen by the client",
	Doc: diagnose.Doc{
		Meaning: "A client's proxy follows the DestinationRules of its own namespace, of the service's, and of the root namespace, and of the latter two only what is exported to it. A rule in a fourth namespace, or one whose exportTo leaves the client out, does nothing for it. " +
			"With auto mTLS off nothing else turns mutual TLS on: the client sends plaintext, which a STRICT server refuses.",
		Symptoms: []string{
			"clients of one namespace reach the service and those of another do not",
			"HTTP 503 UC, on TCP UR; server proxy's log: NR filter_chain_not_found",
		},
		Detection: "Auto mTLS is off, no DestinationRule applies to the client and host, one that says ISTIO_MUTUAL covers the host and is not exported to the client's namespace or lies where clients do not look, the client's cluster has no transport socket, and the server refuses plaintext.",
		ByHand: []diagnose.Look{
			seeAll("destinationrules.networking.istio.io", "the rule with ISTIO_MUTUAL, its namespace and its exportTo"),
			seeCluster("no transportSocket and no transportSocketMatches: it sends plaintext, and no istio.config in its metadata"),
			seeMesh("enableAutoMtls: false"),
		},
		NotThis:    "A rule that is hidden by another one of the client's own namespace is MTD305. With auto mTLS on nothing fails for want of a rule.",
		Fix:        "Export the rule to the client's namespace, or say it in the service's namespace. Better: turn auto mTLS on.",
		References: []string{"istio.io/docs/reference/config/networking/destination-rule/#DestinationRule", "pilot/pkg/model/push_context.go: destinationRule"},
	},
	Needs:    []diagnose.Evidence{diagnose.Proxies, diagnose.DestinationRules, diagnose.MeshConfig},
	Run:      func(p *diagnose.Pass) { failPlain(p, "MTD330") },
	Describe: describeNotSeen,
}

// unseenRule is a rule that asks for mutual TLS where none that applies sets tls, and the field that keeps it
// from the client; nil when there is none.
func unseenRule(c policy.ClientTLS) (rule *kube.DestinationRule, field string) {
	for _, s := range c.Shadowed {
		tp := s.Resource.Spec.TrafficPolicy
		if tp == nil || tp.TLS == nil || tp.TLS.Mode != string(policy.TLSIstioMutual) {
			continue
		}
		switch s.Reason {
		case policy.NotExported:
			return s.Resource, "spec.exportTo"
		case policy.OtherNamespace:
			return s.Resource, "metadata.namespace"
		case policy.OtherRevision:
			return s.Resource, "metadata.labels[" + revisionLabel + "]"
		}
	}
	return nil, ""
}

func describeNotSeen(p *diagnose.Pass, f *diagnose.Finding) {
	e := f.Edges[0]
	rule, _ := unseenRule(p.Rule(e))
	f.Title = fmt.Sprintf("%s says ISTIO_MUTUAL and is not seen by %s: with auto mTLS off they send plaintext to %s", f.Subject, callers(f.Edges), destinations(p, f.Edges))
	f.Evidence = bothSides(p, e)
	for _, s := range p.Rule(e).Shadowed {
		if s.Resource == rule {
			f.Evidence = append(f.Evidence, handshake.Fact{Layer: handshake.Policy, Source: f.Subject.String() + " " + f.Field, Value: s.Why})
		}
	}
	if f.Field == "spec.exportTo" {
		exported := *rule
		exported.Spec.ExportTo = []string{"*"}
		if heals(p, replaced(p, rule, &exported), f.Edges) {
			f.Fixes = []diagnose.Fix{{Title: "export the rule to every namespace", Command: jsonPatch(f.Subject, set("/spec/exportTo", `["*"]`))}}
		}
	}
	f.Fixes = append(f.Fixes, rulePerHost(p, f.Edges, "ISTIO_MUTUAL", func(host string) string { return "say it in the service's own namespace for " + host })...)
	f.Fixes = append(f.Fixes, autoMTLSFix(meshConfigRef(p, e.Client)))
}
