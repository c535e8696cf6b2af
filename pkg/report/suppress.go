package report

import (
	"path"
	"slices"
	"time"
)

// Suppression says that a finding is known and accepted, by whom it was decided and until when.
type Suppression struct {
	Code string `json:"code"`
	// Subject is the finding's: "DestinationRule shop/server". A * stands for any text without a slash.
	Subject string `json:"subject"`
	Reason  string `json:"reason"`
	// Until is the last day on which it holds, in UTC: "2026-12-31". Without it, it holds for good.
	Until string `json:"until,omitempty"`

	annotated bool // on the resource itself
}

// Fits reports whether a suppression is about a finding, whatever the day.
func (s *Suppression) Fits(f *Finding) bool {
	fits, err := path.Match(s.Subject, f.Subject.String())
	return err == nil && fits && s.Code == f.Code
}

// Expired reports whether the last day of a suppression has passed. The date has to be sound.
func (s *Suppression) Expired(now time.Time) bool {
	last, err := time.Parse(time.DateOnly, s.Until)
	return s.Until != "" && (err != nil || !now.Before(last.AddDate(0, 0, 1)))
}

// Suppressions are what a list of them did to a report.
type Suppressions struct {
	Suppressed []SuppressedFinding `json:"suppressed"`
	// Expired ones would fit a finding, which is therefore among the findings again.
	Expired []Suppression `json:"expired"`
	// Unused ones fit nothing in this report.
	Unused []Suppression `json:"unused"`
	// Misread are annotations that suppress nothing, as they are not understood.
	Misread []Misread `json:"misread,omitempty"`
}

// SuppressedFinding is a finding that does not count, and why.
type SuppressedFinding struct {
	Finding Finding `json:"finding"`
	Reason  string  `json:"reason"`
	Until   string  `json:"until,omitempty"`
	// Annotated says that the resource itself asks for it.
	Annotated bool `json:"annotated,omitempty"`
}

// why is the reason, and until when and by what it holds. The text is clean.
func (x *SuppressedFinding) why() string {
	why := x.Reason
	if x.Until != "" {
		why += ", until " + x.Until
	}
	if x.Annotated {
		why += ", by its annotation"
	}
	return Clean(why)
}

// suppressed are the findings that do not count.
func (r *Report) suppressed() []SuppressedFinding {
	if r.Suppressions == nil {
		return nil
	}
	return r.Suppressions.Suppressed
}

// named is the finding that a reference points to, and whether it counts; nil when the report holds none.
func (r *Report) named(ref FindingRef) (f *Finding, counts bool) {
	if i := slices.IndexFunc(r.Findings, func(f Finding) bool { return f.Fingerprint == ref.Fingerprint }); i >= 0 {
		return &r.Findings[i], true
	}
	list := r.suppressed()
	if i := slices.IndexFunc(list, func(x SuppressedFinding) bool { return x.Finding.Fingerprint == ref.Fingerprint }); i >= 0 {
		return &list[i].Finding, false
	}
	return nil, false
}

// suppressedMark is what stands behind the code of a finding that does not count.
const suppressedMark = " (suppressed)"

// Suppress takes out of a report the findings that somebody has accepted: by the list, or by an
// annotation on the resource that they blame. The summary counts them no more; what their connections do
// and how their workloads are stays in it: it is so all the same. What an earlier list said, of a report
// that was read from a file, is kept.
func (r *Report) Suppress(accepted []Suppression) {
	accepted = slices.Concat(accepted, r.ignored.suppressions)
	if len(accepted)+len(r.ignored.misread) == 0 {
		return
	}
	done := &Suppressions{Expired: []Suppression{}, Unused: []Suppression{}, Misread: r.ignored.misread}
	if before := r.Suppressions; before != nil {
		accepted = slices.Concat(accepted, before.Expired, before.Unused)
		done.Misread = slices.Concat(before.Misread, done.Misread)
	}
	done.Suppressed = list(r.suppressed())
	r.Findings = slices.DeleteFunc(r.Findings, func(f Finding) bool {
		for i := range accepted {
			s := &accepted[i]
			if !s.Fits(&f) || s.Expired(r.CapturedAt) {
				continue
			}
			done.Suppressed = append(done.Suppressed, SuppressedFinding{f, s.Reason, s.Until, s.annotated})
			return true
		}
		return false
	})
	r.suppressConsequences(done)
	for i, s := range accepted {
		switch { // what fits a finding that is left has expired, or the finding would be gone
		case slices.Contains(accepted[:i], s): // told already
		case slices.ContainsFunc(r.Findings, func(f Finding) bool { return s.Fits(&f) }):
			done.Expired = append(done.Expired, s)
		case !slices.ContainsFunc(done.Suppressed, func(x SuppressedFinding) bool { return s.Fits(&x.Finding) }):
			done.Unused = append(done.Unused, s)
		}
	}
	r.Suppressions = done
	r.Summary = summary(r)
}

// suppressConsequences takes out what is only there because of a finding that does not count. A cause
// stands before its consequences.
func (r *Report) suppressConsequences(done *Suppressions) {
	because := map[string]SuppressedFinding{}
	for _, x := range done.Suppressed {
		because[x.Finding.Fingerprint] = x
	}
	r.Findings = slices.DeleteFunc(r.Findings, func(f Finding) bool {
		if f.CausedBy == nil {
			return false
		}
		cause, ok := because[f.CausedBy.Fingerprint]
		if ok {
			x := SuppressedFinding{f, "a consequence of " + cause.Finding.Code + ": " + cause.Reason, cause.Until, cause.Annotated}
			because[f.Fingerprint] = x
			done.Suppressed = append(done.Suppressed, x)
		}
		return ok
	})
}
