package report

import (
	"cmp"
	"slices"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// Build makes the report of a diagnosis. It is a pure function of its arguments.
func Build(r *diagnose.Result, scope Scope) *Report {
	edges := r.Edges()
	out := build(r, scope, newView(r, edges, r.InScope))
	out.NotMTLS = out.acquit(r.Snapshot, edges)
	out.seen = &seen{r.Snapshot, edges, r.InScope}
	return out
}

func build(r *diagnose.Result, scope Scope, v *view) *Report {
	out := &Report{
		APIVersion: APIVersion, Kind: "Report",
		CapturedAt: r.CapturedAt.UTC(), Source: r.Source,
		Scope:       scope,
		EdgeSummary: summarise(v.edges),
		Findings:    findings(r.Snapshot, r.Findings),
		Unexplained: foldAffected(unexplained(r)),
		Workloads:   workloads(r, v.edges),
		Coverage:    coverage(r, v),
	}
	out.ignored = annotated(r.Resources, out.Findings)
	out.Scope.Namespaces, out.Scope.Targets = list(scope.Namespaces), list(scope.Targets)
	out.Summary = summary(out)
	return out
}

// BuildTo makes a report about the connections to one destination: calls are those of the pods
// in scope to scope.To. Of the findings it has those that bear on one of them.
func BuildTo(r *diagnose.Result, scope Scope, calls []*handshake.Edge) *Report {
	narrowed := *r
	narrowed.Findings = slices.DeleteFunc(slices.Clone(r.Findings), func(f *diagnose.Finding) bool {
		return !slices.ContainsFunc(f.Edges, func(e *handshake.Edge) bool { return among(calls, e) })
	})
	out := build(&narrowed, scope, newView(r, calls, endsOf(calls)))
	out.Unexplained = foldAffected(slices.DeleteFunc(unexplained(r), func(e *handshake.Edge) bool { return !among(calls, e) }))
	out.Workloads = slices.DeleteFunc(out.Workloads, func(w Workload) bool { return !isEnd(w.Ref, calls) })
	for i, f := range narrowed.Findings {
		asked := *f
		asked.Edges = slices.DeleteFunc(slices.Clone(f.Edges), func(e *handshake.Edge) bool { return !among(calls, e) })
		out.Findings[i].Affects = affects(&asked)
	}
	out.Calls = Edges(r.Snapshot, calls).Edges
	out.Summary = summary(out)
	out.NotMTLS = out.acquit(r.Snapshot, calls)
	out.seen = &seen{r.Snapshot, calls, endsOf(calls)}
	return out
}

// among reports whether edges hold the same connection as another replay of it.
func among(edges []*handshake.Edge, e *handshake.Edge) bool {
	return slices.ContainsFunc(edges, func(x *handshake.Edge) bool { return x.Compare(e) == 0 })
}

func isEnd(w kube.Ref, calls []*handshake.Edge) bool {
	return slices.ContainsFunc(calls, func(c *handshake.Edge) bool {
		return c.Client.Workload.Ref == w || c.Server.Pod != nil && c.Server.Pod.Workload.Ref == w
	})
}

func summarise(edges []*handshake.Edge) EdgeSummary {
	s := EdgeSummary{Total: len(edges), ByVerdict: map[handshake.Verdict]int{}, ByReason: map[handshake.Reason]int{}, Observed: handshake.Tally(edges)}
	for _, e := range edges {
		s.ByVerdict[e.Verdict]++
		if e.Reason != "" {
			s.ByReason[e.Reason]++
		}
	}
	s.Calls, s.Outside, s.ControlPlane = countCalls(links(slices.Values(edges)))
	return s
}

func findings(s *mesh.Snapshot, in []*diagnose.Finding) []Finding {
	out := make([]Finding, 0, len(in))
	for _, f := range in {
		x := Finding{
			Code: string(f.Check.Code), Name: f.Check.Name, Severity: string(f.Severity),
			Subject: f.Subject, Workload: workloadOf(s, f.Subject), Field: f.Field, Port: f.Port, Title: f.Title,
			Evidence: list(f.Evidence), Affects: affects(f), Fixes: fixes(f.Fixes),
			Fingerprint: fingerprint(f), Origin: originOf(s.Resources.MetaOf(f.Subject)),
			InForceSince: inForceSince(s, f.Evidence),
		}
		if f.CausedBy != nil {
			cause := refTo(f.CausedBy)
			x.CausedBy = &cause
		}
		out = append(out, x)
	}
	return out
}

// workloadOf is the workload of a pod; nil for everything else.
func workloadOf(s *mesh.Snapshot, ref kube.Ref) *kube.Ref {
	if ref.Kind != "Pod" {
		return nil
	}
	p := s.Pod(kubeKey(ref))
	if p == nil {
		return nil
	}
	return &p.Workload.Ref
}

func fixes(in []diagnose.Fix) []Fix {
	out := make([]Fix, 0, len(in))
	for _, f := range in {
		out = append(out, Fix(f))
	}
	return out
}

// coverage is what a view rests on. What was not seen of others is left out.
func coverage(r *diagnose.Result, v *view) Coverage {
	c := Coverage{Gaps: []mesh.Gap{}, Unlisted: unlistedKinds(r.Resources), Unknown: []CheckUnknown{}, Checks: []CheckOutcome{}}
	for _, g := range r.Gaps {
		if v.touches(r, g.Subject) {
			c.Gaps = append(c.Gaps, g)
		}
	}
	slices.SortFunc(c.Gaps, mesh.Gap.Compare)
	c.Gaps = slices.Compact(c.Gaps)
	c.countProxies(r, v)
	for _, o := range r.Outcomes {
		code := string(o.Check.Code)
		c.Checks = append(c.Checks, CheckOutcome{code, o.Check.Name, o.Check.Title, o.Failed, o.Passed, len(o.Unknown), o.NotApplicable})
		for _, u := range o.Unknown {
			if v.touches(r, u.Subject) && !v.unneeded(r, u.Subject) {
				c.Unknown = append(c.Unknown, CheckUnknown{code, u.Subject, workloadOf(r.Snapshot, u.Subject), u.Why})
			}
		}
	}
	slices.SortFunc(c.Checks, func(a, b CheckOutcome) int { return cmp.Compare(a.Code, b.Code) })
	return c
}

func (c *Coverage) countProxies(r *diagnose.Result, v *view) {
	for _, p := range r.Pods {
		switch {
		case !p.HasProxy():
		case v.in(p):
			c.Proxies.Total++
			if wasRead(p.Proxy) {
				c.Proxies.Read++
			}
		case v.peers[p] && !wasRead(p.Proxy):
			c.PeersUnread++
		}
	}
}

func summary(r *Report) Summary {
	s := Summary{Health: NotApplicable, Workloads: map[Health]int{}}
	for _, w := range r.Workloads {
		s.Workloads[w.Health]++
		s.Health = worse(s.Health, w.Health)
	}
	for _, f := range r.Findings {
		switch diagnose.Severity(f.Severity) {
		case diagnose.Error:
			s.Errors++
			s.Health = worse(s.Health, Fail)
		case diagnose.Warning:
			s.Warnings++
			s.Health = worse(s.Health, Warn)
		default:
			s.Infos++
		}
	}
	if len(r.Unexplained) > 0 {
		s.Health = worse(s.Health, Warn)
	}
	for _, c := range r.Calls {
		s.Health = worse(s.Health, callHealth(c.Verdict))
	}
	if len(r.Coverage.Gaps) > 0 || r.unknownCalls() || r.empty() {
		s.Health = worse(s.Health, UnknownHealth)
	}
	return s
}

// callHealth is how well a connection fares that the user asked about.
func callHealth(v handshake.Verdict) Health {
	switch {
	case v == handshake.Unknown:
		return UnknownHealth
	case !v.Works():
		return Fail
	case v == handshake.Plaintext:
		return Warn
	}
	return OK
}

// Incomplete reports whether evidence is missing without which the report could read otherwise.
func (r *Report) Incomplete() bool {
	return len(r.Coverage.Gaps) > 0 || r.Summary.Workloads[UnknownHealth] > 0 || r.Summary.Health == UnknownHealth || r.unknownCalls()
}

// empty reports whether there was no pod to judge: that is no pass.
func (r *Report) empty() bool { return len(r.Workloads) == 0 && r.Scope.To == "" }

// unknownCalls reports whether a call between pods that a proxy makes or takes is unknown.
// Those of destinations outside the cluster are nothing that more evidence would tell.
func (r *Report) unknownCalls() bool {
	return slices.ContainsFunc(r.Workloads, func(w Workload) bool {
		return w.Inbound.Unknown > 0 || w.Plane != mesh.NoProxy && w.Outbound.Unknown > 0
	})
}

// worse orders health: a failure beats a warning, which beats what is unknown, which beats ok.
func worse(a, b Health) Health {
	if slices.Index(healthOrder, b) > slices.Index(healthOrder, a) {
		return b
	}
	return a
}

var healthOrder = []Health{NotApplicable, OK, UnknownHealth, Warn, Fail}
