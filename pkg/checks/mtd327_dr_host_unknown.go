package checks

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/policy"
)

var mtd327 = &diagnose.Check{
	Code: "MTD327", Name: "dr-host-unknown", Severity: diagnose.Warning,
	Title: "a DestinationRule sets tls for a host that does not exist",
	Doc: diagnose.Doc{
		Meaning: "A short host name in a DestinationRule means a Service of the rule's own namespace, not of the client's nor of any other. A rule whose host is no Service and no ServiceEntry has no effect: its tls block, ISTIO_MUTUAL or DISABLE, is not applied to what its author meant.",
		Symptoms: []string{
			"the rule is there, and nothing changes",
			"istioctl analyze: IST0101 referenced host not found",
		},
		Detection: "The rule has a tls block, and no Service or ServiceEntry that was read has its host. A warning when the host is a short name that a Service of another namespace has; otherwise information.",
		ByHand: []diagnose.Look{
			seeAll("destinationrules.networking.istio.io", "a host that no Service or ServiceEntry has; a short name means the rule's own namespace"),
			look("istioctl analyze -A", "IST0101 for the rule"),
		},
		NotThis:    "A host of another cluster of the mesh is not in this cluster's lists.",
		Fix:        "Write the host out: NAME.NAMESPACE.svc.cluster.local.",
		References: []string{"istio/istio#19384", "istio.io/docs/reference/config/networking/destination-rule/#DestinationRule"},
	},
	Needs: []diagnose.Evidence{diagnose.DestinationRules, diagnose.Services, diagnose.ServiceEntries},
	Run:   ruleHostUnknown,
}

func ruleHostUnknown(p *diagnose.Pass) {
	for _, rule := range p.Resources.DestinationRules {
		switch {
		case len(tlsFields(rule)) == 0 || !concerned(p, rule.Namespace):
			p.NotApplicable()
		case slices.ContainsFunc(p.Hosts, func(h *mesh.Host) bool { return names(p, rule, h) }):
			p.Passed()
		default:
			p.Failed(unknownHost(p, rule))
		}
	}
}

// tlsFields are the places of a rule that have a tls block.
func tlsFields(rule *kube.DestinationRule) []string {
	var out []string
	add := func(tp *kube.TrafficPolicy, at string) {
		if tp == nil {
			return
		}
		if tp.TLS != nil {
			out = append(out, at+".tls")
		}
		for i, e := range tp.PortLevelSettings {
			if e.TLS != nil {
				out = append(out, fmt.Sprintf("%s.portLevelSettings[%d].tls", at, i))
			}
		}
	}
	add(rule.Spec.TrafficPolicy, "spec.trafficPolicy")
	for i, s := range rule.Spec.Subsets {
		add(s.TrafficPolicy, fmt.Sprintf("spec.subsets[%d].trafficPolicy", i))
	}
	return out
}

func unknownHost(p *diagnose.Pass, rule *kube.DestinationRule) diagnose.Finding {
	ref, host := ruleRef(rule), policy.Host(rule, p.Domain)
	f := diagnose.Finding{
		Subject: ref, Field: "spec.host", Severity: diagnose.Info,
		Title:    fmt.Sprintf("%s sets tls for %s, which is no Service and no ServiceEntry: it has no effect", ref, host),
		Evidence: []handshake.Fact{{Layer: handshake.Policy, Source: ref.String() + " spec.host", Value: rule.Spec.Host + ", which means " + host}},
		Fixes:    idleFixes(rule, tlsFields(rule)...),
	}
	meant := namesake(p, rule)
	if meant == nil {
		return f
	}
	f.Severity = diagnose.Warning
	f.Title = fmt.Sprintf("%s sets tls for %q, which means a Service of its own namespace; %s is in another: it has no effect", ref, rule.Spec.Host, meant.Ref)
	edited := copyRule(rule)
	edited.Spec.Host = meant.Name
	if heals(p, replaced(p, rule, edited), nil) {
		f.Fixes = slices.Insert(f.Fixes, 0, diagnose.Fix{
			Title: "write the host out, if " + meant.Ref.String() + " is meant", Command: jsonPatch(ref, set("/spec/host", jsonText(meant.Name))),
			Risk: "the rule then takes effect for that service",
		})
	}
	return f
}

// namesake is a Service of another namespace that has the short name of a rule's host; nil when there
// is none, or several.
func namesake(p *diagnose.Pass, rule *kube.DestinationRule) *mesh.Host {
	var found []*mesh.Host
	for _, h := range p.Hosts {
		if h.Ref.Kind == "Service" && h.Ref.Name == rule.Spec.Host && !strings.Contains(rule.Spec.Host, ".") {
			found = append(found, h)
		}
	}
	if len(found) != 1 {
		return nil
	}
	return found[0]
}
