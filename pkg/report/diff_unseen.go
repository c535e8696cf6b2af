package report

import (
	"slices"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// UnseenFinding is a finding of BEFORE of which AFTER cannot tell whether it is still there.
type UnseenFinding struct {
	Finding Finding `json:"finding"`
	// Why says what would have shown it and was not read, or not asked about.
	Why string `json:"why"`
}

// Lacks notes why nothing of what was asked about is in the evidence: what an earlier report found is not gone then.
func (r *Report) Lacks(why string) { r.absent = why }

// unseenBecause says why a report that lacks a finding of an earlier one does not know that it is gone; "" for one
// that was looked for.
func (r *Report) unseenBecause(f *Finding, before *Report) string {
	switch {
	case r.absent != "":
		return r.absent
	case !r.Scope.covers(&before.Scope):
		return "it is about " + r.Scope.label()
	}
	for _, g := range r.Coverage.Gaps {
		if hides(&g, f) && !slices.ContainsFunc(before.Coverage.Gaps, func(old mesh.Gap) bool { return old.Subject == g.Subject }) {
			return subjectName(g.Subject) + " was not read"
		}
	}
	for _, id := range r.Coverage.Unlisted {
		if kind, ok := kube.KindByID(id); ok && kind.Name == f.Subject.Kind {
			return subjectName(kube.Ref{Kind: "List", Name: id}) + " was not read"
		}
	}
	for i := range r.Workloads {
		if w := &r.Workloads[i]; (w.partlyRead() || len(w.Missing) > 0) && f.names(w.Ref) {
			return "not every proxy of " + w.Ref.String() + " was read"
		}
	}
	for _, u := range r.Coverage.Unknown {
		whole := u.Subject.Kind == "Evidence" || u.Subject.Kind == "Check"
		if u.Code == f.Code && (whole || f.concerns(&u)) {
			return subjectName(u.Subject) + ": " + u.Why
		}
	}
	return ""
}

// lookedFor is a finding as it was, without the calls that it lacks now and of which this report knows nothing.
func (r *Report) lookedFor(old, is Finding, before *Report) Finding {
	still := keysOf(is.Affects)
	old.Affects = slices.DeleteFunc(slices.Clone(old.Affects), func(a Affected) bool {
		return !still[a.key()] && r.unseenBecause(&Finding{Code: old.Code, Subject: old.Subject, Affects: []Affected{a}}, before) != ""
	})
	return old
}

// covers reports whether everything that another scope asks about is asked about here.
func (s *Scope) covers(o *Scope) bool {
	within := len(s.Namespaces) == 0 || len(o.Namespaces) > 0 &&
		!slices.ContainsFunc(o.Namespaces, func(ns string) bool { return !slices.Contains(s.Namespaces, ns) })
	all := func(mine, other string) bool { return mine == "" || mine == other }
	return within && (len(s.Targets) == 0 || slices.Equal(s.Targets, o.Targets)) &&
		all(s.Selector, o.Selector) && all(s.Revision, o.Revision) && all(s.To, o.To)
}

// hides reports whether something that was not read could have shown a finding: a list that says who calls whom, the
// list of what it blames, or a part of the evidence as a whole. That the time is not certain hides nothing.
func hides(g *mesh.Gap, f *Finding) bool {
	if g.Subject.Kind == "Bundle" {
		return g.Stage != "time"
	}
	kind, ok := kube.KindByID(g.Subject.Name)
	return g.Subject.Kind == "List" && ok && (slices.Contains(connectionLists, kind.ID()) || kind.Name == f.Subject.Kind)
}

// names reports whether a finding is of a workload or of connections of it.
func (f *Finding) names(w kube.Ref) bool { return slices.Contains(f.ends(), w) }

// concerns reports whether a finding may be of what could not be judged. Pods stand for their workload: their own
// names change. What is of no namespace and names nobody is of everybody.
func (f *Finding) concerns(u *CheckUnknown) bool {
	return f.Subject.Namespace == "" && len(f.Affects) == 0 || f.names(u.Subject) || u.Workload != nil && f.names(*u.Workload)
}

// ends are what a finding blames, and both ends of the connections that it hits.
func (f *Finding) ends() []kube.Ref {
	out := []kube.Ref{f.Subject}
	if f.Workload != nil {
		out = append(out, *f.Workload)
	}
	for _, a := range f.Affects {
		for _, end := range []*kube.Ref{a.Client, a.Server} {
			if end != nil {
				out = append(out, *end)
			}
		}
	}
	return out
}
