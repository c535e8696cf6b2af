package report

import (
	"time"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
)

// Baseline says how a report compares with an earlier one, whose findings do not fail the run.
type Baseline struct {
	CapturedAt time.Time `json:"capturedAt,omitzero"`
	// Known counts findings of both, Fixed those of a baseline of the same scope that are gone.
	Known int `json:"known"`
	Fixed int `json:"fixed"`
}

// Against marks what an earlier report has already: findings that are no more severe than there,
// and unexplained connections.
func (r *Report) Against(baseline *Report) {
	d := compareFindings(baseline.Findings, r.Findings)
	r.Baseline = &Baseline{CapturedAt: baseline.CapturedAt}
	if r.Scope.label() == baseline.Scope.label() {
		r.Baseline.Fixed = len(d.Fixed)
	}
	was := byFingerprint(baseline.Findings)
	for i := range r.Findings {
		f := &r.Findings[i]
		old, ok := was[f.Fingerprint]
		if ok && diagnose.Severity(f.Severity).Rank() >= diagnose.Severity(old.Severity).Rank() {
			f.Known = true
			r.Baseline.Known++
		}
	}
	for i := range r.Unexplained {
		a := &r.Unexplained[i]
		a.Known = notIn([]Affected{*a}, baseline.Unexplained) == 0
	}
}
