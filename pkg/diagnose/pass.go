package diagnose

import (
	"iter"
	"slices"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/policy"
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

// World is what every check sees.
type World struct {
	*mesh.Snapshot
	Engine          *handshake.Engine
	PeerAuth        *policy.PeerAuthentications
	DestinationRule *policy.DestinationRules

	scope     Scope
	edges     []*handshake.Edge
	explained map[*handshake.Edge]bool
}

// Pass is one run of one check over the world.
type Pass struct {
	*World
	check    *Check
	findings []*Finding
	outcome  Outcome
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

// Workloads yields the workloads in scope.
func (p *Pass) Workloads() iter.Seq[*mesh.Workload] {
	return func(yield func(*mesh.Workload) bool) {
		for _, w := range p.Snapshot.Workloads {
			if slices.ContainsFunc(w.Pods, p.scope.in) && !yield(w) {
				return
			}
		}
	}
}

// Pods yields the pods in scope.
func (p *Pass) Pods() iter.Seq[*mesh.Pod] {
	return func(yield func(*mesh.Pod) bool) {
		for _, pod := range p.Snapshot.Pods {
			if p.scope.in(pod) && !yield(pod) {
				return
			}
		}
	}
}

// Asked reports whether the user named this very pod or its workload.
func (p *Pass) Asked(pod *mesh.Pod) bool { return p.scope.asked(pod) }

// Explained reports whether a finding of an earlier check already breaks that edge.
func (p *Pass) Explained(e *handshake.Edge) bool { return p.explained[e] }

// Failed reports a finding. Findings with the same subject and field are joined into one.
func (p *Pass) Failed(f Finding) {
	p.outcome.Failed++
	f.Check = p.check
	if f.Severity == "" {
		f.Severity = p.check.Severity
	}
	for _, known := range p.findings {
		if known.key() == f.key() {
			known.merge(&f)
			return
		}
	}
	p.findings = append(p.findings, &f)
}

// Passed records something that was judged and is well.
func (p *Pass) Passed() { p.outcome.Passed++ }

// NotApplicable records something that the check has nothing to say about.
func (p *Pass) NotApplicable() { p.outcome.NotApplicable++ }

// Unknown records something that could not be judged.
func (p *Pass) Unknown(subject kube.Ref, why string) {
	u := Unknown{subject, why}
	if !slices.Contains(p.outcome.Unknown, u) {
		p.outcome.Unknown = append(p.outcome.Unknown, u)
	}
}

// PodRef names a pod.
func PodRef(p *mesh.Pod) kube.Ref {
	return kube.Ref{Kind: "Pod", Namespace: p.Namespace, Name: p.Name}
}
