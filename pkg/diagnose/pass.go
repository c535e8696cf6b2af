package diagnose

import (
	"iter"
	"slices"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// Scope is what the user asked about. Nil functions mean everything.
type Scope struct {
	// In reports whether a pod is in scope.
	In func(*mesh.Pod) bool
	// Asked reports whether the user named this very pod or its workload.
	Asked func(*mesh.Pod) bool
}

func (s Scope) in(p *mesh.Pod) bool    { return s.In == nil || s.In(p) }
func (s Scope) asked(p *mesh.Pod) bool { return s.Asked != nil && s.Asked(p) }

// Pass is one run of one check over the world.
type Pass struct {
	*World
	check    *Check
	findings []*Finding
	byKey    map[key]*Finding
	unknown  map[Unknown]bool
	outcome  Outcome
}

func newPass(w *World, c *Check) *Pass {
	return &Pass{World: w, check: c, byKey: map[key]*Finding{}, unknown: map[Unknown]bool{}, outcome: Outcome{Check: c}}
}

// Rewritten is what the check would see of a mesh with other resources, to try a fix on paper:
// pods, hosts and policies, but no edges, since the proxies do not run that config yet. Change gets
// a copy of the resources; it may replace its lists, and must not alter what they hold.
func (p *Pass) Rewritten(change func(*kube.Resources)) *Pass {
	resources, evidence := *p.Resources, *p.Evidence
	change(&resources)
	evidence.Resources = &resources
	return newPass(bareWorld(mesh.New(&evidence), p.scope), p.check)
}

// Outcome says what a check did.
type Outcome struct {
	Check                         *Check
	Failed, Passed, NotApplicable int
	// Unknown are the things that could not be judged, each with why.
	Unknown []Unknown
}

// Unknown is something that a check could not judge.
type Unknown struct {
	Subject kube.Ref
	Why     string
}

// Edges yields the edges in scope: those with a client or a server in it.
func (p *Pass) Edges() iter.Seq[*handshake.Edge] { return slices.Values(p.edges) }

// Known yields the edges in scope that have a verdict. The others it records as unknown, with
// what was missing.
func (p *Pass) Known() iter.Seq[*handshake.Edge] {
	return func(yield func(*handshake.Edge) bool) {
		for _, e := range p.edges {
			if e.Verdict == handshake.Unknown {
				p.UnknownEdge(e)
			} else if !yield(e) {
				return
			}
		}
	}
}

// unseen is the pod whose evidence an unknown edge lacks.
func unseen(e *handshake.Edge) kube.Ref {
	switch pod := e.Unseen(); {
	case pod != kube.Ref{}:
		return pod
	case e.Server.Pod != nil:
		return kube.PodRef(e.Server.Pod.Key())
	}
	return kube.PodRef(e.Client.Key())
}

// ScopedPods yields the pods in scope, and those at the other end of an edge in scope that fails:
// the cause may lie with them. Pods and Workloads are the whole mesh's.
func (p *Pass) ScopedPods() iter.Seq[*mesh.Pod] {
	return func(yield func(*mesh.Pod) bool) {
		for _, pod := range p.Snapshot.Pods {
			if p.concerns(pod) && !yield(pod) {
				return
			}
		}
	}
}

// ProxyPods yields those of ScopedPods whose proxy was read, and records those whose was not as
// unknown.
func (p *Pass) ProxyPods() iter.Seq[*mesh.Pod] {
	return func(yield func(*mesh.Pod) bool) {
		for pod := range p.ScopedPods() {
			switch {
			case pod.Proxy == nil && pod.HasProxy():
				p.Unknown(kube.PodRef(pod.Key()), pod.Unread)
			case pod.Proxy != nil && !yield(pod):
				return
			}
		}
	}
}

// Everything reports whether the user asked about the whole mesh.
func (p *Pass) Everything() bool { return p.scope.In == nil }

// InScope reports whether the user asked about a pod.
func (p *Pass) InScope(pod *mesh.Pod) bool { return p.scope.in(pod) }

// Asked reports whether the user named this very pod or its workload.
func (p *Pass) Asked(pod *mesh.Pod) bool { return p.scope.asked(pod) }

// Explained reports whether a finding of an earlier check already breaks that edge.
func (p *Pass) Explained(e *handshake.Edge) bool { return p.explained[e] }

// Failed reports a finding. Findings with the same subject, field, port and group are joined into one.
func (p *Pass) Failed(f Finding) {
	p.outcome.Failed++
	f.Check = p.check
	if f.Severity == "" {
		f.Severity = p.check.Severity
	}
	if known := p.byKey[f.key()]; known != nil {
		known.merge(&f)
		return
	}
	p.byKey[f.key()] = &f
	p.findings = append(p.findings, &f)
}

// Passed records something that was judged and is well.
func (p *Pass) Passed() { p.outcome.Passed++ }

// NotApplicable records something that the check has nothing to say about.
func (p *Pass) NotApplicable() { p.outcome.NotApplicable++ }

// UnknownEdge records an edge that has no verdict, by the pod whose evidence it lacks.
func (p *Pass) UnknownEdge(e *handshake.Edge) { p.Unknown(unseen(e), e.Why) }

// Unknown records something that could not be judged.
func (p *Pass) Unknown(subject kube.Ref, why string) {
	u := Unknown{subject, why}
	if !p.unknown[u] {
		p.unknown[u] = true
		p.outcome.Unknown = append(p.outcome.Unknown, u)
	}
}
