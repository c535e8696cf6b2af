package diagnose

import (
	"cmp"
	"slices"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// Finding is one cause with everything that it breaks.
type Finding struct {
	Check    *Check
	Severity Severity // the check's when empty
	// Subject is the resource to blame, Field the path inside it ("spec.trafficPolicy.tls.mode").
	Subject kube.Ref
	Field   string
	// Port is the one port of pods that it is about, and keeps it apart from findings about others; 0 when it is about
	// none, or several.
	Port uint32
	// Group keeps findings with the same subject, field and port apart; it is not shown.
	Group string
	// Pod is the one in which it was met, for Describe to look at; it is not shown. Of findings
	// that are joined it is the pod of the one that was worst.
	Pod *mesh.Pod
	// Title says what is wrong here, with names: one lower-case clause without a full stop.
	Title string
	// Evidence is what it rests on.
	Evidence []handshake.Fact
	// Edges are the connections that it breaks or weakens; Workloads are hit beyond them.
	Edges     []*handshake.Edge
	Workloads []kube.Ref
	Fixes     []Fix
	// CausedBy names the root cause, when another finding is it.
	CausedBy *Finding
}

// Fix is one remedy: instead of those before it, or with the last of them.
type Fix struct {
	// Title says what it does: "remove the tls block, so that auto mTLS decides".
	Title string
	// Risk is what could go wrong, "" when it is safe.
	Risk string
	// Command is a command to paste, Manifest YAML for kubectl apply; either may be empty.
	Command  string
	Manifest string
	// Look says that the command changes nothing: it shows where to look.
	Look bool
	// Also says that it is a part of the fix before it, which mends only with it.
	Also bool
}

// key identifies a cause: findings with the same key are one.
type key struct {
	code         Code
	subject      kube.Ref
	port         uint32
	field, group string
}

func (f *Finding) key() key { return key{f.Check.Code, f.Subject, f.Port, f.Field, f.Group} }

// covers reports whether a root cause explains another finding: it breaks all of its edges, or
// it is about the same resource or hits the workload that the other one blames.
func (f *Finding) covers(o *Finding) bool {
	if f.Subject == o.Subject || slices.Contains(f.Workloads, o.Subject) {
		return true
	}
	if len(o.Edges) == 0 {
		return false
	}
	broken := make(map[*handshake.Edge]bool, len(f.Edges))
	for _, e := range f.Edges {
		broken[e] = true
	}
	return !slices.ContainsFunc(o.Edges, func(e *handshake.Edge) bool { return !broken[e] })
}

// follows reports whether a finding is another one, or a consequence of it.
func (f *Finding) follows(o *Finding) bool {
	return f == o || f.CausedBy != nil && f.CausedBy.follows(o)
}

// merge adds what another finding of the same cause knows.
func (f *Finding) merge(o *Finding) {
	if o.Severity.Rank() < f.Severity.Rank() {
		f.Severity, f.Title, f.Pod = o.Severity, o.Title, o.Pod
	}
	for _, x := range o.Evidence {
		if !slices.Contains(f.Evidence, x) {
			f.Evidence = append(f.Evidence, x)
		}
	}
	f.Edges = append(f.Edges, o.Edges...)
	for _, w := range o.Workloads {
		if !slices.Contains(f.Workloads, w) {
			f.Workloads = append(f.Workloads, w)
		}
	}
	if len(f.Fixes) == 0 {
		f.Fixes = o.Fixes
	}
}

// nameRoutes puts before the evidence which VirtualServices lead edges elsewhere than they were dialled: without them
// nobody sees why a resource of one host breaks calls of another.
func (f *Finding) nameRoutes() {
	var led []handshake.Fact
	for _, e := range f.Edges {
		if r := e.Outbound.Routed; r != nil && !slices.ContainsFunc(led, func(x handshake.Fact) bool { return x.Value == r.Value }) {
			led = append(led, r.Fact)
		}
	}
	rest := slices.DeleteFunc(slices.Clone(f.Evidence), func(x handshake.Fact) bool {
		return slices.ContainsFunc(led, func(l handshake.Fact) bool { return l.Value == x.Value })
	})
	f.Evidence = slices.Concat(led, rest)
}

// inUse reports whether somebody was seen to make one of the connections. How many were is left open: that changes
// from one reading of the counters to the next, and the order with it.
func (f *Finding) inUse() bool {
	return slices.ContainsFunc(f.Edges, func(e *handshake.Edge) bool { return e.Observed != nil })
}

// compare orders findings in the order in which to act: severity, root causes first, those that
// break what is in use, how many connections it breaks, then what tells them apart. No two findings
// of a run are equal.
func (f *Finding) compare(o *Finding) int {
	return cmp.Or(cmp.Compare(f.Severity.Rank(), o.Severity.Rank()),
		cmp.Compare(btoi(f.CausedBy != nil), btoi(o.CausedBy != nil)),
		cmp.Compare(btoi(o.inUse()), btoi(f.inUse())),
		cmp.Compare(len(o.Edges), len(f.Edges)),
		cmp.Compare(f.Check.Code, o.Check.Code),
		cmp.Compare(f.Subject.String(), o.Subject.String()),
		cmp.Compare(f.Field, o.Field),
		cmp.Compare(f.Port, o.Port),
		cmp.Compare(f.Group, o.Group),
		cmp.Compare(f.Title, o.Title))
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
