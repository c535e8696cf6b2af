package policy

import (
	"slices"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

const (
	public  = "*" // exportTo every namespace
	private = "." // exportTo the rule's own namespace
)

// visibility is the set of an exportTo: sorted, without duplicates, empty for the default.
type visibility []string

// visibilityOf reads a rule's exportTo. A rule with a workloadSelector never leaves its
// namespace, whatever it says (pilot/pkg/model/push_context.go, setDestinationRules).
func visibilityOf(rule *kube.DestinationRule) visibility {
	if rule.Spec.WorkloadSelector != nil {
		return visibility{private}
	}
	return slices.Compact(slices.Sorted(slices.Values(rule.Spec.ExportTo)))
}

func (v visibility) has(s string) bool { return slices.Contains(v, s) }

// contains reports whether o is a subset of v.
func (v visibility) contains(o visibility) bool {
	return !slices.ContainsFunc(o, func(s string) bool { return !v.has(s) })
}

// local reports whether clients of the rule's own namespace see it.
func (v visibility) local(namespace string) bool {
	return len(v) == 0 || v.has(public) || v.has(private) || v.has(namespace)
}

// privateOnly reports whether nobody but the rule's own namespace sees it. Of the mesh's
// default only "." counts; any other default is taken as public.
func (v visibility) privateOnly(namespace string, byDefault []string) bool {
	if len(v) == 0 {
		return slices.Contains(byDefault, private)
	}
	return len(v) == 1 && (v[0] == private || v[0] == namespace)
}

// exportedTo reports whether a client in another namespace sees a rule that is not private.
func (v visibility) exportedTo(client string) bool {
	return len(v) == 0 || v.has(public) || v.has(client)
}
