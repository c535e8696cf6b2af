package report

import (
	"slices"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
)

// Gate says what makes a run fail.
type Gate struct {
	// FailOn is the mildest severity that does: error, warning or info. Any other word is none.
	FailOn string
	// AllowPartial lets a run pass although evidence is missing.
	AllowPartial bool
}

// Fails reports whether a report holds something at or above the gate's severity: a finding, a
// connection that no finding explains, or one that was asked about and does not fare well. What
// the baseline has too does not count.
func (g Gate) Fails(r *Report) bool {
	return slices.ContainsFunc(r.Findings, func(f Finding) bool { return !f.Known && g.stops(f.Severity) }) ||
		r.newlyUnexplained() && g.stops(unexplainedSeverity) ||
		slices.ContainsFunc(r.Calls, func(e Edge) bool { return g.FailsCall(e.Verdict) })
}

// FailsCall reports whether a connection that somebody asked about fares so badly that it fails
// the run: one that fails or is denied is an error, one in plaintext a warning.
func (g Gate) FailsCall(v handshake.Verdict) bool { return g.stops(callHealth(v).severity()) }

// Incomplete reports whether evidence is missing that the gate demands.
func (g Gate) Incomplete(r *Report) bool { return !g.AllowPartial && r.Incomplete() }

func (r *Report) newlyUnexplained() bool {
	return slices.ContainsFunc(r.Unexplained, func(a Affected) bool { return !a.Known })
}

const unexplainedSeverity = string(diagnose.Warning)

// stops reports whether something of a severity fails the run.
func (g Gate) stops(severity string) bool {
	order := []string{string(diagnose.Error), string(diagnose.Warning), string(diagnose.Info)}
	i := slices.Index(order, severity)
	return i >= 0 && i <= slices.Index(order, g.FailOn)
}

// severity is how bad a state is that somebody asked about; "" for one that is not bad.
func (h Health) severity() string {
	switch h {
	case Fail:
		return string(diagnose.Error)
	case Warn:
		return string(diagnose.Warning)
	}
	return ""
}
