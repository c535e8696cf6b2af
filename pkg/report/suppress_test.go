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
	p.suppressions()
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

// A report that was read from a file keeps what an earlier list of suppressions came to.
func TestSuppressAgain(t *testing.T) {
	r := &Report{CapturedAt: captured, Findings: []Finding{
		{Code: "MTD301", Fingerprint: "1", Subject: kube.Ref{Kind: "DestinationRule", Namespace: "shop", Name: "server"}},
		{Code: "MTD601", Fingerprint: "2", Subject: kube.Ref{Kind: "Namespace", Name: "shop"}},
	}}
	over := Suppression{Code: "MTD301", Subject: "DestinationRule shop/server", Reason: "was agreed", Until: "2020-01-01"}
	r.Suppress([]Suppression{over})
	r.Suppress([]Suppression{over, {Code: "MTD601", Subject: "Namespace shop", Reason: "moves"}})
	r.Suppress([]Suppression{{Code: "MTD999", Subject: "Namespace shop", Reason: "x"}})
	want := []string{
		"suppressed: 1 finding: MTD601 of Namespace shop (moves)",
		"the suppression of MTD301 for DestinationRule shop/server has expired, until 2020-01-01: the finding counts again",
		"the suppression of MTD999 for Namespace shop fits nothing here",
	}
	if diff := cmp.Diff(want, r.suppressionLines(0)); diff != "" {
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

// suppressedSample is the sample, of which somebody has accepted the error and, as its consequence, the warning.
func suppressedSample() *Report {
	r := sample()
	r.Suppress([]Suppression{{Code: "MTD301", Subject: "DestinationRule shop/*", Reason: "moves in December", Until: "2026-12-31"}})
	return r
}

// What does not count is in every form that programs read, marked as that form marks it.
func TestSuppressedInForms(t *testing.T) {
	r := suppressedSample()
	for format, says := range map[Format][]string{
		JUnit: {
			`failures="0" errors="1" skipped="4"`,
			`name="MTD301 DestinationRule shop/off spec.trafficPolicy.tls.mode"> ` +
				`<skipped message="suppressed: moves in December, until 2026-12-31"><![CDATA[FAIL MTD301 DestinationRule shop/off turns mTLS off`,
			`<skipped message="suppressed: a consequence of MTD301: moves in December, until 2026-12-31"><![CDATA[WARN MTD103 `,
		},
		SARIF: {`"suppressions": [ { "kind": "external", "status": "accepted", "justification": "moves in December, until 2026-12-31" } ],`},
		OpenReports: {
			"message: 'suppressed: moves in December, until 2026-12-31: DestinationRule shop/off turns mTLS off' policy: MTD301 ",
			`name: "off" namespace: shop result: skip rule: dr-disable-vs-strict scored: false`,
		},
		CSV: {"blamed,findings,suppressed,", "shop,DestinationRule,off,fail,,MTD301,MTD301,"},
	} {
		got := strings.Join(strings.Fields(render(t, r, Style{Format: format, Gate: Gate{FailOn: "error"}})), " ")
		for _, text := range says {
			if !strings.Contains(got, text) {
				t.Errorf("-o %s: no %s in\n%s", format, text, got)
			}
		}
	}
	if got := render(t, r, Style{Format: Name}); strings.Contains(got, "off") {
		t.Errorf("-o name asks for what is accepted:\n%s", got)
	}
}

// Who asks with an annotation does so in the source.
func TestSuppressedInSource(t *testing.T) {
	r := &Report{Suppressions: &Suppressions{Suppressed: []SuppressedFinding{{Finding: Finding{Severity: "error"}, Reason: "agreed", Annotated: true}}}}
	got := render(t, r, Style{Format: SARIF})
	for _, says := range []string{`"kind": "inSource"`, `"justification": "agreed, by its annotation"`} {
		if !strings.Contains(got, says) {
			t.Errorf("no %s in\n%s", says, got)
		}
	}
}

// The summary counts what counts. A workload stays as bad as it is, and says why it is so.
func TestSuppressedSummary(t *testing.T) {
	r := suppressedSample()
	if s := r.Summary; s.Errors != 0 || s.Warnings != 0 || s.Infos != 2 || s.Health != Fail {
		t.Errorf("got %+v", s)
	}
	if got := render(t, r, Style{Format: Table}); !strings.Contains(got, "FAIL MTD301 (suppressed)\n") {
		t.Errorf("nothing says why in\n%s", got)
	}
	r.Findings = append(r.Findings, Finding{Code: "MTD103", Fingerprint: "b", Severity: "warning"})
	r.Suppressions.Suppressed = r.Suppressions.Suppressed[:1]
	if got := render(t, r, Style{Format: Table}); !strings.Contains(got, "FAIL hit by MTD301 (suppressed) MTD103\n") {
		t.Errorf("a warning stands for an error in\n%s", got)
	}
	if got := render(t, r, Style{Format: HTML}); !strings.Contains(got, "MTD301 (suppressed), MTD103, MTD601") {
		t.Error("the page does not say what is suppressed")
	}
	r.Findings[len(r.Findings)-1].Severity = "error"
	if got := render(t, r, Style{Format: Table}); !strings.Contains(got, "FAIL hit by MTD103\n") {
		t.Errorf("what counts explains enough in\n%s", got)
	}
}
