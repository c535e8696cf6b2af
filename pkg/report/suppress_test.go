package report

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

func TestSuppress(t *testing.T) {
	finding := func(code, name, cause string) Finding {
		f := Finding{Code: code, Severity: "error", Fingerprint: code + name, Subject: kube.Ref{Kind: "DestinationRule", Namespace: "shop", Name: name}}
		if cause != "" {
			f.CausedBy = &FindingRef{Code: cause[:6], Fingerprint: cause}
		}
		return f
	}
	r := &Report{CapturedAt: time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC), Findings: []Finding{
		finding("MTD301", "a", ""), finding("MTD301", "b", ""), finding("MTD302", "a", ""), finding("MTD399", "c", "MTD301a"), finding("MTD202", "d", "MTD399c"),
	}}
	r.Suppress([]Suppression{
		{Code: "MTD301", Subject: "DestinationRule shop/a", Reason: "agreed", Until: "2026-11-28"},
		{Code: "MTD302", Subject: "DestinationRule shop/*", Reason: "was agreed", Until: "2026-11-27"},
		{Code: "MTD301", Subject: "DestinationRule pay/*", Reason: "of another namespace"},
	})
	codes := func(list []Finding) (out []string) {
		for _, f := range list {
			out = append(out, f.Fingerprint)
		}
		return out
	}
	if diff := cmp.Diff([]string{"MTD301b", "MTD302a"}, codes(r.Findings)); diff != "" {
		t.Error(diff)
	}
	p := newPage(r, Style{})
	p.suppressed()
	for _, says := range []string{
		"suppressed: 3 findings: MTD301 of DestinationRule shop/a (agreed, until 2026-11-28), ", "MTD202",
		"the suppression of MTD302 for DestinationRule shop/* has expired, until 2026-11-27: the finding counts again",
		"the suppression of MTD301 for DestinationRule pay/* fits nothing here",
	} {
		if text := strings.Join(strings.Fields(p.b.String()), " "); !strings.Contains(text, says) {
			t.Errorf("no %q in\n%s", says, text)
		}
	}
	if (Gate{FailOn: "error"}).Fails(&Report{Suppressions: r.Suppressions}) {
		t.Error("what is suppressed fails the run")
	}
}

// Of two suppressions of one finding, the one that was not needed is not said to fit nothing.
func TestSuppressTwice(t *testing.T) {
	subject := kube.Ref{Kind: "DestinationRule", Namespace: "shop", Name: "server"}
	r := &Report{CapturedAt: captured, Findings: []Finding{{Code: "MTD301", Subject: subject}}}
	r.Suppress([]Suppression{
		{Code: "MTD301", Subject: subject.String(), Reason: "agreed"},
		{Code: "MTD301", Subject: "DestinationRule shop/*", Reason: "agreed too"},
		{Code: "MTD301", Subject: subject.String(), Reason: "was agreed", Until: "2020-01-01"},
	})
	if diff := cmp.Diff([]string{"suppressed: 1 finding: MTD301 of DestinationRule shop/server (agreed)"}, r.suppressionLines(0)); diff != "" {
		t.Error(diff)
	}
}

// What does not count is told in every form that people read.
func TestSuppressedIsTold(t *testing.T) {
	r := &Report{}
	r.Suppress([]Suppression{{Code: "MTD301", Subject: "DestinationRule pay/server", Reason: "x"}})
	for _, format := range []Format{Table, Wide, Markdown, HTML} {
		var b strings.Builder
		if err := r.Render(&b, Style{Format: format}); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(b.String(), "the suppression of MTD301 for DestinationRule pay/server fits nothing here") {
			t.Errorf("%s:\n%.600s", format, b.String())
		}
	}
}
