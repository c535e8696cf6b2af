package score

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/scenario"
)

const severityError = "error"

// CompareFindings says what is wrong with the findings: the cause is not among them, there is an
// error on another resource that nothing explains, or a healthy mesh has one at all. Of a mesh that
// was composed at random nobody has said what is right.
func CompareFindings(want scenario.Expect, got []Finding) []string {
	if want.VerdictsOnly {
		return nil
	}
	var wrong []string
	if want.Healthy {
		for _, f := range got {
			if f.Severity != "info" {
				wrong = append(wrong, fmt.Sprintf("finding %s %s: the mesh is healthy: %s", f.Code, f.Name(), f.Title))
			}
		}
		return wrong
	}
	cause := *want.Cause
	if !slices.ContainsFunc(got, func(f Finding) bool { return f.Is(cause) }) {
		wrong = append(wrong, strings.Join(strings.Fields("cause "+cause.Code+" "+cause.Subject+" "+cause.Field), " ")+": not found")
	}
	expected := func(f Finding) bool { return f.Name() == cause.Subject || slices.ContainsFunc(want.Also, f.Is) }
	follows := func(f Finding) bool {
		return f.CausedBy != nil && slices.ContainsFunc(got, func(g Finding) bool { return g.Code == f.CausedBy.Code && expected(g) })
	}
	for _, f := range got {
		if f.Severity == severityError && !expected(f) && !follows(f) {
			wrong = append(wrong, fmt.Sprintf("finding %s %s: is not the cause: %s", f.Code, f.Name(), f.Title))
		}
	}
	return wrong
}

// Is reports whether a finding is the one that a scenario names.
func (f Finding) Is(want scenario.Finding) bool {
	severity := want.Severity
	if severity == "" {
		severity = severityError
	}
	return strings.HasPrefix(f.Code, want.Code) && f.Name() == want.Subject && f.Severity == severity && strings.HasPrefix(f.Field, want.Field)
}
