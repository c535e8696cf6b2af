package checks

import (
	"fmt"
	"slices"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

var mtd305 = &diagnose.Check{
	Code: "MTD305", Name: "dr-hides-tls", Severity: diagnose.Error,
	Title: "a DestinationRule without tls hides the one that turns mutual TLS on",
	Doc: diagnose.Doc{
		Meaning: "For each client and host one DestinationRule counts: istiod looks in the client's namespace, then in the service's, then in the root namespace, and stops at the first that has any rule whose host matches, a wildcard included. " +
			"A rule that only limits connections thus hides one that says ISTIO_MUTUAL, and with auto mTLS off its clients send plaintext. Only clients of one namespace are hit.",
		Symptoms: []string{
			"clients of one namespace fail, the same call from another namespace works",
			"client: HTTP 503 … reset reason: connection termination; client proxy's log: UC, on TCP UR",
			"server proxy's log: NR filter_chain_not_found",
		},
		Detection: "Auto mTLS is off, the effective rule of the client has no tls block, another rule for the same host has ISTIO_MUTUAL and lost the search, and the server refuses the plaintext.",
		ByHand: []diagnose.Look{
			seeAll("destinationrules.networking.istio.io", "two rules that cover the host: the one in the client's namespace has no tls"),
			seeCluster("no transportSocket and no transportSocketMatches: it sends plaintext; metadata istio.config names the rule that hides the other"),
			seeMesh("enableAutoMtls: false"),
		},
		NotThis:    "With auto mTLS on, a rule without tls changes nothing. If no rule at all asks for mutual TLS, auto mTLS being off is the cause (MTD308).",
		Fix:        "Say ISTIO_MUTUAL in the hiding rule too, if all its endpoints have a proxy; else in rules of the single hosts beside it, or narrow its host to what it is meant for, or delete it.",
		References: []string{"istio/istio#12795", "istio/istio#11545", "pilot/pkg/model/push_context.go: destinationRule"},
	},
	Needs:    []diagnose.Evidence{diagnose.Proxies, diagnose.DestinationRules, diagnose.MeshConfig},
	Run:      func(p *diagnose.Pass) { failPlain(p, "MTD305") },
	Describe: describeDRHides,
}

func describeDRHides(p *diagnose.Pass, f *diagnose.Finding) {
	e := f.Edges[0]
	rule := p.Rule(e)
	lost := hidden(rule)
	f.Title = fmt.Sprintf("%s, which sets no tls, hides %s from clients in %s: as auto mTLS is off, they send plaintext to %s",
		f.Subject, ruleRef(lost), e.Client.Namespace, destinations(p, f.Edges))
	f.Evidence = append([]handshake.Fact{autoMTLSFact(p, e.Client)}, bothSides(p, e)...)
	for _, s := range rule.Shadowed {
		if s.Resource == lost {
			f.Evidence = append(f.Evidence, handshake.Fact{Layer: handshake.Policy, Source: ruleRef(lost).String() + " spec.trafficPolicy.tls.mode", Value: "ISTIO_MUTUAL, hidden: " + s.Why})
		}
	}
	if f.Fixes = mutualFixes(p, rule.Rule, f.Field, f.Edges); len(f.Fixes) > 0 {
		return
	}
	f.Fixes = mutualPerHost(p, rule.Rule, f.Edges)
	if heals(p, replaced(p, rule.Rule, nil), f.Edges) {
		f.Fixes = append(f.Fixes, diagnose.Fix{
			Title:   "delete " + f.Subject.String() + ": the rules behind it then count (its hosts are not all in the mesh, so ISTIO_MUTUAL in it would break some)",
			Risk:    "what else it sets (connection pool, load balancer, outlier detection) is gone: move that to rules of single hosts that also set tls",
			Command: deleting(f.Subject),
		})
	}
}

// mutualPerHost are rules of the hosts of broken edges, beside the one that covers them all: each with what that one says, and
// ISTIO_MUTUAL. None are offered where they would not heal, or where not all that the rule says is read.
func mutualPerHost(p *diagnose.Pass, rule *kube.DestinationRule, broken []*handshake.Edge) []diagnose.Fix {
	policy := rule.Spec.TrafficPolicy
	if policy == nil || policy.LoadBalancer != nil || len(policy.PortLevelSettings)+len(rule.Spec.Subsets) > 0 {
		return nil
	}
	list := slices.Clone(p.Resources.DestinationRules)
	var fixes []diagnose.Fix
	for _, host := range distinct(broken, hostOf) {
		own := copyRule(rule)
		own.Meta = kube.Meta{Namespace: rule.Namespace, Name: host.Ref.Name + "-" + host.Namespace + "-mtls", CreationTimestamp: p.CapturedAt}
		own.Spec.Host, own.Spec.TrafficPolicy.TLS = host.Name, &kube.ClientTLS{Mode: "ISTIO_MUTUAL"}
		if slices.ContainsFunc(list, func(r *kube.DestinationRule) bool { return ruleRef(r) == ruleRef(own) }) {
			return nil
		}
		list = append(list, own)
		fixes = append(fixes, diagnose.Fix{
			Title:    fmt.Sprintf("say ISTIO_MUTUAL for %s in a rule of its own, with what %s says", shortHost(p, host.Name), ruleRef(rule)),
			Manifest: wholeRule(own),
			Risk:     "what changes in " + ruleRef(rule).String() + " has to change there too",
		})
	}
	if !heals(p, list, broken) {
		return nil
	}
	return together(fixes)
}
