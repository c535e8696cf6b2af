package report

import (
	"encoding/xml"
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
)

// TestJUnitFailsWithTheRun: there is a failure where the run fails by what it found, and an error
// where evidence is missing that the run demands.
func TestJUnitFailsWithTheRun(t *testing.T) {
	called := func(v handshake.Verdict) *Report {
		r := &Report{Scope: Scope{To: "x:80"}, Calls: []Edge{{Verdict: v}}}
		r.Summary = summary(r)
		return r
	}
	reports := map[string]*Report{
		"sample": sample(), "empty": {}, "a call fails": called(handshake.Fails), "a call is plaintext": called(handshake.Plaintext),
		"a call is unknown": called(handshake.Unknown), "a call works": called(handshake.MTLS),
		"unexplained": {Unexplained: sample().Unexplained},
		"warned":      {Findings: sample().Findings[1:2]},
		"informed":    {Findings: sample().Findings[2:3]},
	}
	for name, r := range reports {
		for _, failOn := range []string{"error", "warning", "info", "none"} {
			for _, partial := range []bool{false, true} {
				gate := Gate{FailOn: failOn, AllowPartial: partial}
				var got junitSuites
				if err := xml.Unmarshal([]byte(render(t, r, Style{Format: JUnit, Gate: gate})), &got); err != nil {
					t.Fatal(err)
				}
				if failed := got.Failures > 0; failed != gate.Fails(r) {
					t.Errorf("%s, %+v: %d failures, and the run fails: %t", name, gate, got.Failures, gate.Fails(r))
				}
				if missing := got.Errors > 0; missing != gate.Incomplete(r) {
					t.Errorf("%s, %+v: %d errors, and the run is incomplete: %t", name, gate, got.Errors, gate.Incomplete(r))
				}
			}
		}
	}
}

// TestGate: the milder the severity, the more fails a run.
func TestGate(t *testing.T) {
	tests := map[string]struct {
		report *Report
		want   string // the severities that fail it
	}{
		"nothing":             {&Report{}, ""},
		"an error":            {&Report{Findings: []Finding{{Severity: "error"}}}, "error warning info"},
		"a warning":           {&Report{Findings: []Finding{{Severity: "warning"}}}, "warning info"},
		"an info":             {&Report{Findings: []Finding{{Severity: "info"}}}, "info"},
		"unexplained":         {&Report{Unexplained: []Affected{{}}}, "warning info"},
		"a call fails":        {&Report{Calls: []Edge{{Verdict: handshake.Denied}}}, "error warning info"},
		"a call is plaintext": {&Report{Calls: []Edge{{Verdict: handshake.Plaintext}}}, "warning info"},
		"a call is unknown":   {&Report{Calls: []Edge{{Verdict: handshake.Unknown}}}, ""},
	}
	for name, test := range tests {
		got := ""
		for _, severity := range []string{"error", "warning", "info", "none", ""} {
			if (Gate{FailOn: severity}).Fails(test.report) {
				got += " " + severity
			}
		}
		if got != test.want && got != " "+test.want {
			t.Errorf("%s: fails on%s, want %s", name, got, test.want)
		}
	}
}
