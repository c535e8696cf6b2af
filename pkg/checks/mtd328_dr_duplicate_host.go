package checks

import (
	"fmt"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/policy"
)

var mtd328 = &diagnose.Check{
	Code: "MTD328", Name: "dr-duplicate-host", Severity: diagnose.Warning,
	Title: "two DestinationRules for one host contradict each other about tls, and the older one wins",
	Doc: diagnose.Doc{
		Meaning: "istiod merges the DestinationRules of one namespace and host: subsets are collected, but of the traffic policies only the oldest rule's counts, whole. The tls block of a younger rule has no effect, though it is the last that somebody applied.",
		Symptoms: []string{
			"a new DestinationRule changes nothing",
			"clients go on with mutual TLS, or with plaintext, after a rule said otherwise",
		},
		Detection: "The rules that cover a client and host, as istiod merges them: one that lost has a tls mode other than the one that applies.",
		ByHand: []diagnose.Look{
			look("kubectl get destinationrules.networking.istio.io -A --sort-by=.metadata.creationTimestamp -o yaml", "two with one host in one namespace: the tls of the first counts"),
			seeCluster("the transportSocket that the first asks for"),
		},
		NotThis:    "Rules of several namespaces are not merged: the client's own hides the others (MTD305). A more specific host wins over a wildcard: that is how it is meant.",
		Fix:        "Say it in the older rule, or delete what has no effect.",
		References: []string{"istio.io/docs/ops/best-practices/traffic-management/#split-virtual-services", "pilot/pkg/model/destination_rule.go: mergeDestinationRule"},
	},
	Needs: []diagnose.Evidence{diagnose.DestinationRules, diagnose.Services},
	Run:   duplicateHost,
}

func duplicateHost(p *diagnose.Pass) {
	for e := range p.Edges() {
		rule, lost := p.Rule(e), false
		for _, s := range rule.Shadowed {
			field, tls := lostTLS(s)
			if s.Reason != policy.Younger || tls == nil || policy.TLSMode(tls.Mode) == rule.Mode {
				continue
			}
			lost = true
			p.Failed(lostRule(p, e, s, field, tls))
		}
		if !lost {
			p.Passed()
		}
	}
}

// lostTLS is the tls block of a policy that lost, and where it stands.
func lostTLS(s policy.Shadowed[kube.DestinationRule]) (field string, tls *kube.ClientTLS) {
	field = s.Field + ".tls"
	if s.Field != "spec.trafficPolicy" {
		field = s.Field + ".trafficPolicy.tls"
	}
	at, ok := placeOf(field)
	holder := at.holder(s.Resource)
	if !ok || holder == nil {
		return field, nil
	}
	return field, (*holder).TLS
}

// sameField is the tls field of another rule that speaks for the same subset, or also for the whole host;
// "" when it has no such subset.
func sameField(from, to *kube.DestinationRule, field string) string {
	at, _ := placeOf(field)
	if at.subset < 0 {
		return "spec.trafficPolicy.tls"
	}
	name := from.Spec.Subsets[at.subset].Name
	for i, s := range to.Spec.Subsets {
		if s.Name == name {
			return fmt.Sprintf("spec.subsets[%d].trafficPolicy.tls", i)
		}
	}
	return ""
}

func lostRule(p *diagnose.Pass, e *handshake.Edge, s policy.Shadowed[kube.DestinationRule], field string, tls *kube.ClientTLS) diagnose.Finding {
	rule := p.Rule(e)
	ref, applies := ruleRef(s.Resource), string(rule.Mode)
	if rule.Mode == policy.TLSAuto {
		applies = "no tls block, so auto mTLS decides"
	}
	f := diagnose.Finding{
		Subject: ref, Field: field,
		Title:    fmt.Sprintf("%s says tls %s for %s and has no effect: %s, which is %s, applies (%s)", ref, tls.Mode, shortHost(p, e.Server.Name), ruleRef(rule.Rule), elder(&rule.Rule.Meta, &s.Resource.Meta), applies),
		Evidence: []handshake.Fact{{Layer: handshake.Policy, Source: ref.String() + " " + field, Value: s.Why}},
	}
	if fact, ok := ruleFact(rule); ok {
		f.Evidence = append(f.Evidence, fact)
	}
	if edited, pointer, ok := withMode(rule.Rule, sameField(s.Resource, rule.Rule, field), tls.Mode); ok && heals(p, replaced(p, rule.Rule, edited), nil) {
		f.Fixes = append(f.Fixes, diagnose.Fix{
			Title: "say it in the rule that applies, if it is meant", Command: jsonPatch(ruleRef(rule.Rule), set(pointer, `{"mode":`+jsonText(tls.Mode)+`}`)),
			Risk: "what all clients of the host send changes",
		})
	}
	f.Fixes = append(f.Fixes, idleFixes(s.Resource, field)...)
	return f
}
