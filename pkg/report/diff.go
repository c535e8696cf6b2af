package report

import (
	"fmt"
	"slices"
	"time"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// Diff is the answer of `diff`: what became of the findings and of the calls of a mesh. What a
// side does not hold is not compared: Findings or Calls are then absent.
type Diff struct {
	APIVersion string        `json:"apiVersion"`
	Kind       string        `json:"kind"` // Diff
	Before     DiffSide      `json:"before"`
	After      DiffSide      `json:"after"`
	Findings   *FindingsDiff `json:"findings,omitempty"`
	Calls      *CallsDiff    `json:"calls,omitempty"`
}

// DiffSide is one side of a Diff.
type DiffSide struct {
	// Name is where it was read: a path, or "the cluster".
	Name       string      `json:"name"`
	CapturedAt time.Time   `json:"capturedAt,omitzero"`
	Source     mesh.Source `json:"source"`
	Scope      Scope       `json:"scope"`
}

// FindingsDiff says what became of findings, which their fingerprints tell apart.
type FindingsDiff struct {
	New     []Finding        `json:"new"`
	Fixed   []Finding        `json:"fixed"`
	Changed []ChangedFinding `json:"changed"`
	// Unchanged counts those of both sides.
	Unchanged int `json:"unchanged"`
}

// ChangedFinding is a cause that is still there and differs.
type ChangedFinding struct {
	Before Finding `json:"before"`
	After  Finding `json:"after"`
	// What says how, a clause each.
	What []string `json:"what"`
}

// Worse reports whether it became more severe.
func (c *ChangedFinding) Worse() bool {
	return diagnose.Severity(c.After.Severity).Rank() < diagnose.Severity(c.Before.Severity).Rank()
}

// Side is what a Diff compares: a report, a list of connections, or both.
type Side struct {
	DiffSide
	Report *Report // nil when it holds no findings
	Edges  []Edge  // of HasEdges
	// HasEdges says that Edges are all of the connections in scope.
	HasEdges bool
}

// Compare makes the difference of two sides. It is a pure function of its arguments.
func Compare(before, after *Side) *Diff {
	d := &Diff{APIVersion: APIVersion, Kind: "Diff", Before: before.described(), After: after.described()}
	if before.Report != nil && after.Report != nil {
		d.Findings = compareFindings(before.Report.Findings, after.Report.Findings)
	}
	if before.HasEdges && after.HasEdges {
		d.Calls = compareCalls(before.Edges, after.Edges)
	}
	return d
}

func (s *Side) described() DiffSide {
	out := s.DiffSide
	if s.Report != nil {
		out.CapturedAt, out.Source, out.Scope = s.Report.CapturedAt, s.Report.Source, s.Report.Scope
	}
	out.Scope.Namespaces, out.Scope.Targets = list(out.Scope.Namespaces), list(out.Scope.Targets)
	return out
}

// Fails reports whether something is new, or worse than before, that a gate stops.
func (d *Diff) Fails(g Gate) bool {
	if f := d.Findings; f != nil {
		if slices.ContainsFunc(f.New, func(x Finding) bool { return g.stops(x.Severity) }) ||
			slices.ContainsFunc(f.Changed, func(c ChangedFinding) bool { return c.Worse() && g.stops(c.After.Severity) }) {
			return true
		}
	}
	return d.Calls != nil && slices.ContainsFunc(d.Calls.Worse, func(c ChangedCall) bool { return g.stops(c.severity()) })
}

func compareFindings(before, after []Finding) *FindingsDiff {
	d := &FindingsDiff{New: []Finding{}, Fixed: []Finding{}, Changed: []ChangedFinding{}}
	was := byFingerprint(before)
	for _, f := range after {
		old, known := was[f.Fingerprint]
		switch what := changes(old, f); {
		case !known:
			d.New = append(d.New, f)
		case len(what) > 0:
			d.Changed = append(d.Changed, ChangedFinding{old, f, what})
		default:
			d.Unchanged++
		}
	}
	is := byFingerprint(after)
	for _, f := range before {
		if _, still := is[f.Fingerprint]; !still {
			d.Fixed = append(d.Fixed, f)
		}
	}
	return d
}

func byFingerprint(list []Finding) map[string]Finding {
	out := map[string]Finding{}
	for _, f := range list {
		out[f.Fingerprint] = f
	}
	return out
}

// changes tells how a finding differs from what it was: in severity, and in the calls that it
// hits. Titles hold times and counts, which change by themselves.
func changes(old, f Finding) []string {
	var what []string
	if old.Severity != f.Severity {
		what = append(what, fmt.Sprintf("severity %s, was %s", f.Severity, old.Severity))
	}
	more, fewer := notIn(f.Affects, old.Affects), notIn(old.Affects, f.Affects)
	if more > 0 {
		what = append(what, fmt.Sprintf("hits %s more", plural(more, "call")))
	}
	if fewer > 0 {
		what = append(what, fmt.Sprintf("hits %s no longer", plural(fewer, "call")))
	}
	return what
}

// notIn counts those of a list that another one does not hold.
func notIn(list, other []Affected) int {
	known := map[affectedKey]bool{}
	for _, a := range other {
		known[a.key()] = true
	}
	n := 0
	for _, a := range list {
		if !known[a.key()] {
			n++
		}
	}
	return n
}

// affectedKey names a connection between two workloads, whatever its outcome.
type affectedKey struct {
	client, server kube.Ref
	host           string
	port           uint32
}

func (a *Affected) key() affectedKey {
	k := affectedKey{host: a.Host, port: a.Port}
	if a.Client != nil {
		k.client = *a.Client
	}
	if a.Server != nil {
		k.server = *a.Server
	}
	return k
}
