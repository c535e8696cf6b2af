package diagnose

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// Result is what all checks say about one snapshot.
type Result struct {
	*World
	// Findings are sorted in the order in which to act.
	Findings []*Finding
	Outcomes []Outcome
}

// Edges are the connections in scope, sorted.
func (r *Result) Edges() []*handshake.Edge { return r.edges }

// InScope reports whether the user asked about a pod.
func (r *Result) InScope(p *mesh.Pod) bool { return r.scope.in(p) }

// Run runs checks over a snapshot. It is a pure function of its arguments.
func Run(s *mesh.Snapshot, checks []*Check, scope Scope) *Result {
	r := &Result{World: newWorld(s, scope)}
	for _, last := range []bool{false, true} {
		for _, c := range checks {
			if c.Last == last {
				r.run(c)
			}
		}
	}
	r.link()
	slices.SortStableFunc(r.Findings, (*Finding).compare)
	return r
}

func (r *Result) run(c *Check) {
	p := newPass(r.World, c)
	if missing := r.missing(c.Needs); missing != "" {
		p.Unknown(kube.Ref{Kind: "Evidence", Name: string(missing)}, "not read")
	} else {
		p.guarded(func() { c.Run(p) })
	}
	for _, f := range p.findings {
		slices.SortFunc(f.Edges, (*handshake.Edge).Compare)
		f.Edges = slices.Compact(f.Edges)
		if c.Describe != nil {
			p.guarded(func() { c.Describe(p, f) })
		}
		f.Title = cmp.Or(f.Title, c.Title)
		f.nameRoutes()
		for _, e := range f.Edges {
			r.explained[e] = true
		}
	}
	r.Findings = append(r.Findings, p.findings...)
	r.Outcomes = append(r.Outcomes, p.outcome)
}

// guarded does a part of a check. A crash there is recorded as something that could not be judged, so
// that one check never takes the findings of the others away.
func (p *Pass) guarded(part func()) {
	defer func() {
		if cause := recover(); cause != nil {
			p.Unknown(kube.Ref{Kind: "Check", Name: string(p.check.Code)}, fmt.Sprintf("the check crashed, which is a bug of this tool; report it with a bundle: %v", cause))
		}
	}()
	part()
}

// link marks consequences: a finding whose check names a root cause that covers it.
func (r *Result) link() {
	for _, f := range r.Findings {
		for _, code := range f.Check.After {
			if cause := r.rootOf(f, code); cause != nil {
				f.CausedBy = cause
				break
			}
		}
	}
}

func (r *Result) rootOf(f *Finding, code Code) *Finding {
	i := slices.IndexFunc(r.Findings, func(root *Finding) bool {
		return root.Check.Code == code && !root.follows(f) && root.covers(f)
	})
	if i < 0 {
		return nil
	}
	return r.Findings[i]
}
