package policy

import (
	"cmp"
	"slices"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// index is what an istiod of one revision knows of DestinationRules, by namespace and host
// (pilot/pkg/model/push_context.go, setDestinationRules).
type index struct {
	local       map[string]*hosts[*entry] // for clients of the same namespace
	exported    map[string]*hosts[*entry] // for clients of other namespaces
	rootPrivate *hosts[*entry]            // for clients of the root namespace
}

// newIndex takes rules in istiod's order, see byPrecedence.
func newIndex(rules []*kube.DestinationRule, cfg Config) *index {
	x := &index{
		local:       map[string]*hosts[*entry]{},
		exported:    map[string]*hosts[*entry]{},
		rootPrivate: newHosts[*entry](),
	}
	for _, rule := range rules {
		host, exportTo, ns := Host(rule, cfg.Domain), visibilityOf(rule), rule.Namespace
		if exportTo.local(ns) {
			at(x.local, ns).add(host, rule, exportTo)
		}
		switch {
		case !exportTo.privateOnly(ns, cfg.DefaultExportTo):
			at(x.exported, ns).add(host, rule, exportTo)
		case ns == cfg.RootNamespace:
			entries{x.rootPrivate}.add(host, rule, exportTo)
		}
	}
	return x
}

// entries are the entries of one namespace.
type entries struct{ *hosts[*entry] }

func at(byNamespace map[string]*hosts[*entry], namespace string) entries {
	h, ok := byNamespace[namespace]
	if !ok {
		h = newHosts[*entry]()
		byNamespace[namespace] = h
	}
	return entries{h}
}

func (h entries) add(host string, rule *kube.DestinationRule, exportTo visibility) {
	e, ok := h.get(host)
	if !ok {
		e = &entry{host: host}
		h.set(host, e)
	}
	e.add(rule, exportTo)
}

// byPrecedence is the order in which istiod merges rules: those with a workloadSelector
// first, then the oldest.
func byPrecedence(a, b *kube.DestinationRule) int {
	return cmp.Or(selects(a)-selects(b), OldestFirst(&a.Meta, &b.Meta))
}

func selects(rule *kube.DestinationRule) int {
	if rule.Spec.WorkloadSelector != nil {
		return 0
	}
	return 1
}

// found is the end of a search: the entry, the rules of it that the client sees, and where.
type found struct {
	entry     *entry
	rules     []*merged
	namespace string
	private   bool     // among the root namespace's private rules, for a client there
	hidden    []*entry // most specific matches passed over, because not exported to the client
}

// find walks the three namespaces. Any match in the client's own ends the search, even a
// wildcard, even one whose workloadSelector then selects another workload. A match elsewhere
// counts by its most specific host alone: if that is not exported to the client, the search
// leaves the namespace (pilot/pkg/model/push_context.go, destinationRule).
func (x *index) find(q Query, root string) found {
	own := x.local[q.ClientNamespace]
	if q.ClientNamespace == root {
		own = x.rootPrivate
	}
	if e := own.matches(q.Host); len(e) > 0 {
		return found{entry: e[0], rules: e[0].rules, namespace: q.ClientNamespace, private: q.ClientNamespace == root}
	}
	var f found
	for _, ns := range []string{q.ServiceNamespace, root} {
		e := x.exported[ns].matches(q.Host)
		if ns == "" || len(e) == 0 {
			continue
		}
		rules := slices.DeleteFunc(slices.Clone(e[0].rules), func(m *merged) bool { return !m.exportTo.exportedTo(q.ClientNamespace) })
		if len(rules) > 0 {
			f.entry, f.rules, f.namespace = e[0], rules, ns
			return f
		}
		f.hidden = append(f.hidden, e[0])
	}
	return f
}
