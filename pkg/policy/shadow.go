package policy

import (
	"fmt"
	"slices"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// shadowed lists the rules whose host covers the query's and that do not decide, and why.
func (d *DestinationRules) shadowed(q Query, f found, m *merged) []Shadowed[kube.DestinationRule] {
	var out []Shadowed[kube.DestinationRule]
	for _, rules := range d.all.matches(q.Host) {
		for _, r := range rules {
			if m != nil && slices.Contains(m.from, r) {
				out = append(out, m.lost(r, q.Subset)...)
				continue
			}
			reason, why := d.why(r, q, f, m)
			out = append(out, Shadowed[kube.DestinationRule]{Resource: r, Reason: reason, Why: why})
		}
	}
	return out
}

// lost lists what a merged rule says in vain, because an older one said it already.
func (m *merged) lost(r *kube.DestinationRule, subset string) []Shadowed[kube.DestinationRule] {
	var out []Shadowed[kube.DestinationRule]
	if m.policyOf != nil && m.policyOf != r && r.Spec.TrafficPolicy != nil {
		out = append(out, Shadowed[kube.DestinationRule]{
			r, "spec.trafficPolicy", Younger,
			fmt.Sprintf("merged after %s, whose trafficPolicy counts", m.policyOf.Key()),
		})
	}
	s := m.subset(subset)
	if s == nil || s.rule == r {
		return out
	}
	for i := range r.Spec.Subsets {
		if r.Spec.Subsets[i].Name == subset {
			out = append(out, Shadowed[kube.DestinationRule]{
				r, fmt.Sprintf("spec.subsets[%d]", i), Younger,
				fmt.Sprintf("merged after %s, whose subset %s counts", s.rule.Key(), subset),
			})
		}
	}
	return out
}

// why says why a rule that covers the host has no part in the result. The order of the
// questions is that of the search.
func (d *DestinationRules) why(r *kube.DestinationRule, q Query, f found, m *merged) (Reason, string) {
	switch host := Host(r, d.cfg.Domain); {
	case !InRevision(&r.Meta, q.Revision):
		return OtherRevision, fmt.Sprintf("%s %q hides it from other revisions", revisionLabel, r.Labels[revisionLabel])
	case !d.searched(r.Namespace, q):
		return OtherNamespace, fmt.Sprintf("namespace %s is neither the client's, the service's nor the root namespace", r.Namespace)
	case !d.visible(r, q.ClientNamespace):
		return NotExported, "not exported to namespace " + q.ClientNamespace
	case f.passed(r.Namespace) != nil:
		return f.passed(r.Namespace).hides(r, q.ClientNamespace)
	case f.entry == nil || r.Namespace != f.namespace:
		return OtherNamespace, fmt.Sprintf("the search ended in namespace %s with host %s", f.namespace, hostOf(f.entry))
	case f.private && !visibilityOf(r).privateOnly(r.Namespace, d.cfg.DefaultExportTo):
		return OtherExport, "clients of the root namespace look at its private rules first"
	case host != f.entry.host:
		return LessSpecific, fmt.Sprintf("less specific than %s", f.entry.host)
	default:
		return sameHost(r, q, f.entry, m)
	}
}

// sameHost is why, for a rule of the namespace and host with which the search ended.
func sameHost(r *kube.DestinationRule, q Query, e *entry, m *merged) (Reason, string) {
	selector, taker := r.Spec.WorkloadSelector, e.taker(r)
	switch {
	case selector != nil && !selector.Matches(q.ClientLabels):
		return WorkloadMismatch, "its workloadSelector does not select the client"
	case selector == nil && m != nil && m.selector() != nil:
		return WorkloadPreferred, fmt.Sprintf("%s selects the client", m.named().Key())
	case taker != nil && taker.selector() != nil:
		return SelectorAbsorbed, fmt.Sprintf("istiod merges it into %s, which selects other workloads", taker.named().Key())
	case taker != nil && r.Namespace != q.ClientNamespace && !taker.exportTo.exportedTo(q.ClientNamespace):
		return taker.absorbed(q.ClientNamespace)
	case selector != nil:
		return Younger, fmt.Sprintf("younger than %s, which selects the client too", m.named().Key())
	default:
		return OtherExport, fmt.Sprintf("its exportTo differs from that of %s, which istiod prefers as the last in order of age", m.named().Key())
	}
}

// taker is the older rule into which a rule was merged, nil if it stands for itself.
func (e *entry) taker(r *kube.DestinationRule) *merged {
	i := slices.IndexFunc(e.rules, func(m *merged) bool { return m.took(r) })
	if i < 0 {
		return nil
	}
	return e.rules[i]
}

// took reports whether a rule was merged into an older one.
func (m *merged) took(r *kube.DestinationRule) bool {
	return m.named() != r && slices.Contains(m.from, r)
}

func hostOf(e *entry) string {
	if e == nil {
		return ""
	}
	return e.host
}

// passed returns the entry for which the search looked into a namespace and left it again,
// because nothing of it is exported to the client; nil if it did not.
func (f found) passed(namespace string) *entry {
	i := slices.IndexFunc(f.hidden, func(e *entry) bool { return e.rules[0].named().Namespace == namespace })
	if i < 0 {
		return nil
	}
	return f.hidden[i]
}

// hides is how an entry that is not exported to the client keeps it from a rule that is.
func (e *entry) hides(r *kube.DestinationRule, client string) (Reason, string) {
	if taker := e.taker(r); taker != nil {
		return taker.absorbed(client)
	}
	return LessSpecific, fmt.Sprintf("less specific than %s of the same namespace, though that is not exported to namespace %s", e.host, client)
}

func (d *DestinationRules) searched(namespace string, q Query) bool {
	return namespace == q.ClientNamespace || namespace == q.ServiceNamespace || namespace == d.cfg.RootNamespace
}

func (d *DestinationRules) visible(r *kube.DestinationRule, client string) bool {
	exportTo := visibilityOf(r)
	if r.Namespace == client {
		return exportTo.local(client)
	}
	return !exportTo.privateOnly(r.Namespace, d.cfg.DefaultExportTo) && exportTo.exportedTo(client)
}

func (m *merged) absorbed(client string) (Reason, string) {
	return ExportAbsorbed, fmt.Sprintf("istiod merges it into %s, which is not exported to namespace %s", m.named().Key(), client)
}
