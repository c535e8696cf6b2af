package cli

import (
	"slices"
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/checks"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/report"
)

// TestTermsNameChecks: the causes of a reason are checks of the catalogue.
func TestTermsNameChecks(t *testing.T) {
	named := 0
	for _, term := range report.Terms() {
		for _, code := range term.Causes {
			named++
			if !slices.ContainsFunc(checks.All(), func(c *diagnose.Check) bool { return c.Code == code }) {
				t.Errorf("%s names %s, which is no check", term.Word, code)
			}
		}
	}
	if named == 0 {
		t.Error("no term names a cause")
	}
}
