package policy

import (
	"maps"
	"slices"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// merged is one or more rules of the same namespace and host, made one.
type merged struct {
	from     []*kube.DestinationRule // the first names the result in Envoy's metadata
	exportTo visibility
	policy   *kube.TrafficPolicy
	policyOf *kube.DestinationRule // where policy is from
	subsets  []mergedSubset
}

// mergedSubset is a subset with its place in the rule that it comes from.
type mergedSubset struct {
	*kube.Subset
	rule  *kube.DestinationRule
	index int
}

// entry is what one namespace has for one host, in the order in which istiod keeps it.
type entry struct {
	host  string
	rules []*merged
}

func (m *merged) named() *kube.DestinationRule { return m.from[0] }

func (m *merged) selector() *kube.Selector { return m.from[0].Spec.WorkloadSelector }

// absorb takes over the subsets that are new by name, and the traffic policy if there is none
// yet, be it empty.
func (m *merged) absorb(rule *kube.DestinationRule) {
	m.from = append(m.from, rule)
	for i := range rule.Spec.Subsets {
		if s := &rule.Spec.Subsets[i]; m.subset(s.Name) == nil {
			m.subsets = append(m.subsets, mergedSubset{s, rule, i})
		}
	}
	if m.policy == nil && rule.Spec.TrafficPolicy != nil {
		m.policy, m.policyOf = rule.Spec.TrafficPolicy, rule
	}
}

func (m *merged) subset(name string) *mergedSubset {
	i := slices.IndexFunc(m.subsets, func(s mergedSubset) bool { return s.Name == name })
	if i < 0 {
		return nil
	}
	return &m.subsets[i]
}

// add merges a rule into the entry, or appends it. The loop keeps to istiod's order of
// questions to the letter, because its last answer wins: a rule can be merged and yet not kept
// for the clients that only it was exported to, or vanish in a rule that selects other
// workloads (pilot/pkg/model/destination_rule.go, mergeDestinationRule, with
// ENABLE_ENHANCED_DESTINATIONRULE_MERGE, the default).
func (e *entry) add(rule *kube.DestinationRule, exportTo visibility) {
	own := true // keep the rule as one of its own
	for _, m := range e.rules {
		switch {
		case slices.Equal(exportTo, m.exportTo):
			own = false
		case len(m.exportTo) > 0 && exportTo.contains(m.exportTo):
			own = true
		default:
			own = true
			continue
		}
		old, young := m.selector(), rule.Spec.WorkloadSelector
		if old != nil && young != nil && !maps.Equal(old.MatchLabels, young.MatchLabels) {
			own = true
			continue
		}
		if (old == nil) == (young == nil) {
			own = false
		}
		m.absorb(rule)
	}
	if own {
		m := &merged{exportTo: exportTo}
		m.absorb(rule)
		e.rules = append(e.rules, m)
	}
}

// pick chooses what applies to a client: the first rule whose workloadSelector selects it,
// else the last rule without a selector (pilot/pkg/model/sidecar.go, DestinationRule).
func pick(rules []*merged, namespace string, labels map[string]string) *merged {
	var catchAll *merged
	for _, m := range rules {
		switch s := m.selector(); {
		case s == nil:
			catchAll = m
		case m.named().Namespace == namespace && s.Matches(labels):
			return m
		}
	}
	return catchAll
}
