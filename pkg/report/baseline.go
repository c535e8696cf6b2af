package report

import (
	"time"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
)

// Baseline says how a report compares with an earlier one, whose findings do not fail the run.
type Baseline struct {
	CapturedAt time.Time `json:"capturedAt,omitzero"`
	// Known counts findings of both, Fixed those of the baseline that are gone, and Unseen those that could not
	// be looked for. One that is suppressed now is none of them.
	Known  int `json:"known"`
	Fixed  int `json:"fixed"`
	Unseen int `json:"unseen"`
}

// Against marks what an earlier report has already: findings that are no more severe than there,
// and unexplained connections. What is suppressed there is none of its findings. It comes after Suppress.
func (r *Report) Against(baseline *Report) {
	d := compareFindings(baseline, r)
	r.Baseline = &Baseline{CapturedAt: baseline.CapturedAt, Fixed: len(d.Fixed), Unseen: len(d.Unseen)}
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
