package policy

import (
	"fmt"
	"slices"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// Config is the part of the mesh config on which the lookup of DestinationRules depends.
type Config struct {
	RootNamespace   string
	Domain          string   // completes short hosts, "cluster.local" when empty
	DefaultExportTo []string // defaultDestinationRuleExportTo; nil means "*"
}

// DestinationRules is an index of rules. It does not change after it was made, so it is safe
// for concurrent use.
type DestinationRules struct {
	cfg        Config
	all        *hosts[[]*kube.DestinationRule] // every rule, by host
	every      *index                          // of an istiod without a revision
	unlabelled *index                          // of a revision that no rule names
	byRevision map[string]*index
}

// NewDestinationRules indexes rules.
func NewDestinationRules(rules []*kube.DestinationRule, cfg Config) *DestinationRules {
	rules = slices.DeleteFunc(slices.Clone(rules), func(r *kube.DestinationRule) bool { return r == nil })
	slices.SortStableFunc(rules, byPrecedence)
	d := &DestinationRules{
		cfg:        cfg,
		all:        newHosts[[]*kube.DestinationRule](),
		every:      newIndex(rules, cfg),
		byRevision: map[string]*index{},
	}
	var plain []*kube.DestinationRule
	for _, r := range rules {
		host := Host(r, cfg.Domain)
		same, _ := d.all.get(host)
		d.all.set(host, append(same, r))
		if revision, ok := r.Labels[revisionLabel]; ok {
			d.byRevision[revision] = nil
			continue
		}
		plain = append(plain, r)
	}
	d.unlabelled = newIndex(plain, cfg)
	for revision := range d.byRevision {
		d.byRevision[revision] = newIndex(readBy(rules, revision), cfg)
	}
	return d
}

// readBy keeps the rules that an istiod of that revision reads.
func readBy(rules []*kube.DestinationRule, revision string) []*kube.DestinationRule {
	return slices.DeleteFunc(slices.Clone(rules), func(r *kube.DestinationRule) bool { return !InRevision(&r.Meta, revision) })
}

func (d *DestinationRules) index(revision string) *index {
	if revision == "" {
		return d.every
	}
	if x, ok := d.byRevision[revision]; ok {
		return x
	}
	return d.unlabelled
}

// Query asks what a client's proxy does on its way to a host.
type Query struct {
	ClientNamespace  string
	ClientLabels     map[string]string // of the client's pod
	Revision         string            // of the client's istiod, see PeerAuthentications.ForWorkload
	ServiceNamespace string            // of the Service or ServiceEntry, "" when unknown
	Host             string            // the host as Istio's registry has it, "server.shop.svc.cluster.local"
	Port             int32             // the service port
	Subset           string            // "" for none
}

// Effective returns the TLS that the rules ask for, after lookup and merging.
func (d *DestinationRules) Effective(q Query) ClientTLS {
	f := d.index(q.Revision).find(q, d.cfg.RootNamespace)
	m := pick(f.rules, q.ClientNamespace, q.ClientLabels)
	var c ClientTLS
	switch {
	case m != nil:
		c = m.client(q)
		c.Host = f.entry.host
		c.Steps = append([]string{f.step(q, d.cfg.RootNamespace)}, c.Steps...)
	case f.entry != nil:
		c.Steps = []string{fmt.Sprintf("namespace %s has rules for %s, which ends the search, but their workloadSelector selects other workloads", f.namespace, f.entry.host)}
	default:
		c.Steps = []string{"no DestinationRule applies to " + q.Host}
	}
	c.Shadowed = d.shadowed(q, f, m)
	return c
}

func (f found) step(q Query, root string) string {
	whose := "service's"
	switch f.namespace {
	case q.ClientNamespace:
		whose = "client's"
	case q.ServiceNamespace:
	case root:
		whose = "root"
	}
	return fmt.Sprintf("the search ends in the %s namespace %s, host %s", whose, f.namespace, f.entry.host)
}
