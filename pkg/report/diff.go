package report

import (
	"fmt"
	"slices"
	"time"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
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

	// incomplete says that AFTER lacks evidence without which the difference could read otherwise.
	incomplete bool
}

// DiffSide is one side of a Diff.
type DiffSide struct {
	// Name is where it was read: a path, or "the cluster".
	Name       string      `json:"name"`
	CapturedAt time.Time   `json:"capturedAt,omitzero"`
	Source     mesh.Source `json:"source"`
	Scope      Scope       `json:"scope"`
	// Unlisted are lists that were not read and without which connections may be missing.
	Unlisted []string `json:"unlisted"`
}

// FindingsDiff says what became of findings, which their fingerprints tell apart. What BEFORE suppresses is none of
// its findings: it is new when it is not suppressed any more.
type FindingsDiff struct {
	New     []Finding        `json:"new"`
	Fixed   []Finding        `json:"fixed"`
	Changed []ChangedFinding `json:"changed"`
	// Unseen are those of BEFORE that AFTER could not look for.
	Unseen []UnseenFinding `json:"unseen"`
	// Suppressed are those of AFTER that somebody has accepted: they are neither new nor fixed.
	Suppressed []SuppressedFinding `json:"suppressed"`
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
		d.Findings = compareFindings(before.Report, after.Report)
	}
	if before.HasEdges && after.HasEdges {
		d.Calls = compareCalls(before.Edges, after.Edges)
		d.Calls.unlisted(after.Unlisted)
	}
	d.incomplete = after.incomplete() || d.blind() || after.Report != nil && after.Report.absent != ""
	return d
}

func (s *Side) described() DiffSide {
	out := s.DiffSide
	if s.Report != nil {
		out.CapturedAt, out.Source, out.Scope = s.Report.CapturedAt, s.Report.Source, s.Report.Scope
	}
	out.Scope.Namespaces, out.Scope.Targets = list(out.Scope.Namespaces), list(out.Scope.Targets)
	out.Unlisted = list(out.Unlisted)
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

// Incomplete reports whether evidence of AFTER is missing that a gate demands.
func (d *Diff) Incomplete(g Gate) bool { return !g.AllowPartial && d.incomplete }

// incomplete reports whether a side lacks evidence, as a report or a list of its connections has it.
func (s *Side) incomplete() bool {
	if s.Report != nil {
		return s.Report.Incomplete() || len(s.Unlisted) > 0
	}
	return len(s.Unlisted) > 0 || slices.ContainsFunc(s.Edges, func(e Edge) bool { return e.Verdict == handshake.Unknown && e.Server.Pod != "" })
}

// blind reports whether a finding was not looked for although it was asked about.
func (d *Diff) blind() bool {
	return d.Findings != nil && len(d.Findings.Unseen) > 0 && d.After.Scope.covers(&d.Before.Scope)
}

func compareFindings(before, after *Report) *FindingsDiff {
	d := &FindingsDiff{New: []Finding{}, Fixed: []Finding{}, Changed: []ChangedFinding{}, Unseen: []UnseenFinding{}, Suppressed: list(after.suppressed())}
	was := byFingerprint(before.Findings)
	for _, f := range after.Findings {
		old, known := was[f.Fingerprint]
		switch what := changes(after.lookedFor(old, f, before), f); {
		case !known:
			d.New = append(d.New, f)
		case len(what) > 0:
			d.Changed = append(d.Changed, ChangedFinding{old, f, what})
		default:
			d.Unchanged++
		}
	}
	for _, f := range before.Findings {
		if still, _ := after.named(FindingRef{f.Code, f.Fingerprint}); still != nil {
			continue
		}
		if why := after.unseenBecause(&f, before); why != "" {
			d.Unseen = append(d.Unseen, UnseenFinding{f, why})
			continue
		}
		d.Fixed = append(d.Fixed, f)
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
	known := keysOf(other)
	n := 0
	for _, a := range list {
		if !known[a.key()] {
			n++
		}
	}
	return n
}

func keysOf(list []Affected) map[affectedKey]bool {
	keys := make(map[affectedKey]bool, len(list))
	for _, a := range list {
		keys[a.key()] = true
	}
	return keys
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
