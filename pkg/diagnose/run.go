package diagnose

import (
	"slices"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/policy"
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
	w := newWorld(s, scope)
	r := &Result{World: w}
	for _, last := range []bool{false, true} {
		for _, c := range checks {
			if c.Last == last {
				r.run(c)
			}
		}
	}
	r.link()
	for _, f := range r.Findings {
		slices.SortFunc(f.Edges, (*handshake.Edge).Compare)
		f.Edges = slices.Compact(f.Edges)
	}
	slices.SortStableFunc(r.Findings, (*Finding).compare)
	return r
}

func newWorld(s *mesh.Snapshot, scope Scope) *World {
	cfg := s.MeshConfig("")
	w := &World{
		Snapshot: s, Engine: handshake.New(s), scope: scope, explained: map[*handshake.Edge]bool{},
		PeerAuth:        policy.NewPeerAuthentications(s.Resources.PeerAuthentications, cfg.Root()),
		DestinationRule: policy.NewDestinationRules(s.Resources.DestinationRules, policyConfig(s, cfg)),
	}
	q := handshake.Query{}
	if scope.In != nil {
		q.Either = scope.In
	}
	w.edges = w.Engine.Edges(q)
	return w
}

func policyConfig(s *mesh.Snapshot, cfg *kube.MeshConfig) policy.Config {
	c := policy.Config{RootNamespace: cfg.Root(), Domain: s.Domain}
	if cfg != nil {
		c.DefaultExportTo = cfg.DefaultDestinationRuleExportTo
	}
	return c
}

func (r *Result) run(c *Check) {
	p := &Pass{World: r.World, check: c, outcome: Outcome{Check: c}}
	if missing := r.missing(c.Needs); missing != "" {
		p.Unknown(kube.Ref{Kind: "Evidence", Name: string(missing)}, "not read")
	} else {
		c.Run(p)
	}
	for _, f := range p.findings {
		for _, e := range f.Edges {
			r.explained[e] = true
		}
	}
	r.Findings = append(r.Findings, p.findings...)
	r.Outcomes = append(r.Outcomes, p.outcome)
}

// missing returns the first needed evidence that was not read, or "".
func (w *World) missing(needs []Evidence) Evidence {
	for _, n := range needs {
		if !w.has(n) {
			return n
		}
	}
	return ""
}

func (w *World) has(e Evidence) bool {
	switch e {
	case Proxies:
		return len(w.Proxies) > 0
	case Secrets:
		for _, p := range w.Proxies {
			if p.Read.Has(envoy.SectionSecrets) {
				return true
			}
		}
		return false
	case MeshConfig:
		return len(w.MeshConfigs) > 0
	}
	return w.Resources.HasRead(string(e))
}

// link marks consequences: a finding all of whose edges a root cause breaks too.
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
	for _, root := range r.Findings {
		if root != f && root.Check.Code == code && covers(root, f) {
			return root
		}
	}
	return nil
}

func covers(root, f *Finding) bool {
	if len(f.Edges) == 0 {
		return root.Subject == f.Subject
	}
	broken := map[*handshake.Edge]bool{}
	for _, e := range root.Edges {
		broken[e] = true
	}
	for _, e := range f.Edges {
		if !broken[e] {
			return false
		}
	}
	return true
}
