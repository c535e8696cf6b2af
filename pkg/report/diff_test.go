package report

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// compared is a difference of everything: one finding is new, one fixed, one worse, one the
// same; calls of each kind.
func compared() (before, after *Side) {
	a, b := deployment("a"), deployment("b")
	finding := func(name, severity string, hits ...uint32) Finding {
		f := Finding{Code: "MTD" + name, Fingerprint: name, Severity: severity, Subject: a, Title: "title " + name, Evidence: []handshake.Fact{}, Affects: []Affected{}, Fixes: []Fix{}}
		for _, port := range hits {
			f.Affects = append(f.Affects, Affected{Client: &a, Server: &b, Host: "b", Port: port})
		}
		return f
	}
	edge := func(host string, v handshake.Verdict, r handshake.Reason) Edge {
		return Edge{
			Client: Client{"shop", "a-7f9c-x", "a", mesh.Sidecar}, Server: Server{Host: host, Port: 80, Namespace: "shop", Workload: host, Proxy: mesh.Sidecar},
			Verdict: v, Reason: r,
		}
	}
	before = &Side{DiffSide: DiffSide{Name: "old.json"}, Report: &Report{CapturedAt: captured, Scope: Scope{Namespaces: []string{"shop"}}, Findings: []Finding{
		finding("1", "error", 80), finding("2", "warning", 80, 81), finding("3", "info"),
	}}, HasEdges: true, Edges: []Edge{
		edge("same", handshake.MTLS, ""),
		edge("worse", handshake.MTLS, ""),
		edge("plain", handshake.MTLS, ""),
		edge("better", handshake.Fails, handshake.TLSVersion),
		edge("other", handshake.Fails, handshake.TLSVersion),
		edge("gone", handshake.MTLS, ""),
		edge("lost", handshake.MTLS, ""),
	}}
	after = &Side{DiffSide: DiffSide{Name: "the cluster"}, Report: &Report{CapturedAt: captured, Scope: Scope{Namespaces: []string{"shop"}}, Findings: []Finding{
		finding("4", "error", 80), finding("2", "error", 80, 82, 83), finding("3", "info"),
	}}, HasEdges: true, Edges: []Edge{
		edge("same", handshake.MTLS, ""),
		edge("worse", handshake.MTLS, ""),
		edge("worse", handshake.Fails, handshake.PlaintextRefused), // another replica
		edge("plain", handshake.Plaintext, ""),
		edge("better", handshake.MTLS, ""),
		edge("other", handshake.Fails, handshake.TLSCipher),
		edge("new", handshake.MTLS, ""),
		edge("newly-bad", handshake.Denied, handshake.AuthorizationDenied),
		edge("lost", handshake.Fails, handshake.NoEndpoint),
	}}
	return before, after
}

func TestDiff(t *testing.T) {
	want := `shop   findings: 1 new, 1 fixed, 1 changed, 1 as before; calls: 4 worse, 1 better, 1 fare otherwise,
    2 new, 1 gone, 1 as before
  before: old.json, captured 2026-11-24 02:58:07Z
  after: the cluster, captured 2026-11-24 02:58:07Z

new
FAIL MTD4  title 4
     hits    deploy/a → b:80

changed: severity error, was warning, hits 2 calls more, hits 1 call no longer
FAIL MTD2  title 2
     hits    deploy/a → b:80,82,83

fixed
ok   MTD1  title 1

CALLS THAT FARE WORSE  DESTINATION   SERVER          BEFORE  AFTER      REASON
shop/a                 worse:80      shop/worse      mTLS    fails      plaintext-refused
shop/a                 newly-bad:80  shop/newly-bad  -       denied     authorization-denied
shop/a                 lost:80       shop/lost       mTLS    fails      no-healthy-upstream
shop/a                 plain:80      shop/plain      mTLS    plaintext

CALLS THAT FARE BETTER  DESTINATION  SERVER       BEFORE  AFTER  REASON
shop/a                  better:80    shop/better  fails   mTLS

CALLS THAT FARE OTHERWISE  DESTINATION  SERVER      BEFORE  AFTER  REASON
shop/a                     other:80     shop/other  fails   fails  tls-cipher
`
	var b strings.Builder
	if err := Compare(compared()).Render(&b, Style{Format: Table, Program: "kubectl mtls-doctor"}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
}

// TestDiffOfWhatIsThere: what a side does not hold is not compared, and said.
func TestDiffOfWhatIsThere(t *testing.T) {
	before, after := compared()
	after.HasEdges = false
	d := Compare(before, after)
	if d.Calls != nil || d.Findings == nil {
		t.Errorf("calls %v, findings %v", d.Calls, d.Findings)
	}
	before, after = compared()
	before.Report = nil
	if d = Compare(before, after); d.Calls == nil || d.Findings != nil {
		t.Errorf("calls %v, findings %v", d.Calls, d.Findings)
	}
	for _, format := range DiffFormats() {
		var b strings.Builder
		if err := d.Render(&b, Style{Format: format}); err != nil || strings.Contains(b.String(), "null") {
			t.Errorf("-o %s: %v: %s", format, err, b.String())
		}
	}
}

// TestDiffOfCalls: a call that failed fares better only if it gets through.
func TestDiffOfCalls(t *testing.T) {
	edge := func(v handshake.Verdict, r handshake.Reason) []Edge { return []Edge{{Verdict: v, Reason: r}} }
	failed := edge(handshake.Fails, handshake.TLSVersion)
	for name, test := range map[string]struct {
		before, after []Edge
		want          string
	}{
		"it gets through":         {failed, edge(handshake.Plaintext, ""), "better"},
		"it is unknown now":       {failed, edge(handshake.Unknown, handshake.ServerUnread), "unseen"},
		"it leads nowhere now":    {failed, edge(handshake.Fails, handshake.NoEndpoint), "other"},
		"it is denied now":        {failed, edge(handshake.Denied, handshake.AuthorizationDenied), "other"},
		"it is unknown as before": {edge(handshake.Unknown, handshake.ServerUnread), edge(handshake.Unknown, handshake.ClientUnread), ""},
		"it was unknown":          {edge(handshake.Unknown, handshake.ServerUnread), failed, "worse"},
		"plaintext is encrypted":  {edge(handshake.Plaintext, ""), edge(handshake.MTLS, ""), "better"},
		"it fails as before":      {failed, failed, ""},
		"mutual TLS, and unknown": {edge(handshake.MTLS, ""), edge(handshake.Unknown, handshake.ServerUnread), "unseen"},
	} {
		d, got := compareCalls(test.before, test.after), ""
		for what, list := range map[string][]ChangedCall{"worse": d.Worse, "better": d.Better, "other": d.Other, "unseen": d.Unseen} {
			if len(list) > 0 {
				got += what
			}
		}
		if got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

func TestDiffFails(t *testing.T) {
	call := func(before, after handshake.Verdict, reason handshake.Reason, proxy mesh.Plane) *Diff {
		c := ChangedCall{Client: CallEnd{Proxy: proxy}, After: CallOutcome{Verdict: after, Reason: reason}}
		if before != "" {
			c.Before = &CallOutcome{Verdict: before}
		}
		return &Diff{Calls: &CallsDiff{Worse: []ChangedCall{c}}}
	}
	found := func(f FindingsDiff) *Diff { return &Diff{Findings: &f} }
	bad, odd := Finding{Severity: "error"}, Finding{Severity: "warning"}
	tests := map[string]struct {
		diff *Diff
		want string
	}{
		"nothing":              {&Diff{}, ""},
		"a new error":          {found(FindingsDiff{New: []Finding{bad}}), "error warning info"},
		"a new warning":        {found(FindingsDiff{New: []Finding{odd}}), "warning info"},
		"an error is fixed":    {found(FindingsDiff{Fixed: []Finding{bad}}), ""},
		"it became worse":      {found(FindingsDiff{Changed: []ChangedFinding{{Before: odd, After: bad}}}), "error warning info"},
		"it became better":     {found(FindingsDiff{Changed: []ChangedFinding{{Before: bad, After: odd}}}), ""},
		"it hits others":       {found(FindingsDiff{Changed: []ChangedFinding{{Before: bad, After: bad}}}), ""},
		"a call fails now":     {call(handshake.MTLS, handshake.Fails, handshake.TLSVersion, mesh.Sidecar), "error warning info"},
		"a call is denied now": {call(handshake.MTLS, handshake.Denied, handshake.AuthorizationDenied, mesh.Sidecar), "error warning info"},
		"a call is open now":   {call(handshake.MTLS, handshake.Plaintext, "", mesh.Sidecar), "warning info"},
		"it leads nowhere now": {call(handshake.MTLS, handshake.Fails, handshake.NoEndpoint, mesh.Sidecar), ""},
		"it is unknown now":    {call(handshake.MTLS, handshake.Unknown, handshake.ServerUnread, mesh.Sidecar), ""},
		"a new one fails":      {call("", handshake.Fails, handshake.TLSVersion, mesh.Sidecar), "error warning info"},
		"a stranger is new":    {call("", handshake.Fails, handshake.PlaintextRefused, mesh.NoProxy), ""},
		"a stranger is shut":   {call(handshake.Plaintext, handshake.Fails, handshake.PlaintextRefused, mesh.NoProxy), "error warning info"},
	}
	for name, test := range tests {
		var got []string
		for _, severity := range []string{"error", "warning", "info", "none"} {
			if test.diff.Fails(Gate{FailOn: severity}) {
				got = append(got, severity)
			}
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("%s: fails on %v, want %s", name, got, test.want)
		}
	}
}

// TestAgainst: what the baseline has, and no worse, does not fail the run in any form.
func TestAgainst(t *testing.T) {
	r, baseline := sample(), sample()
	baseline.Findings[1].Severity = "info" // it became worse since
	r.Against(baseline)
	var known []bool
	for _, f := range r.Findings {
		known = append(known, f.Known)
	}
	if diff := cmp.Diff([]bool{true, false, true, true}, known); diff != "" {
		t.Error(diff)
	}
	if (Gate{FailOn: "error"}).Fails(r) || !(Gate{FailOn: "warning"}).Fails(r) {
		t.Error("a known error fails the run, or a new warning does not")
	}
	for format, want := range map[Format]string{
		Table:       "FAIL MTD301  DestinationRule shop/off turns mTLS off (in the baseline)\n\nWARN MTD103  a certificate ends soon\n     cause ",
		Markdown:    "DestinationRule shop/off turns mTLS off (in the baseline) |\n",
		JUnit:       ` failures="0" `,
		SARIF:       `"baselineState": "unchanged"`,
		OpenReports: "baseline: known",
		JSON:        `"known": true`,
	} {
		if got := render(t, r, Style{Format: format, Gate: Gate{FailOn: "error"}}); !strings.Contains(got, want) {
			t.Errorf("-o %s: no %q in\n%s", format, want, got)
		}
	}
	if got := render(t, r, Style{Format: Table}); !strings.Contains(got, "  baseline (captured 2026-11-24 02:58:07Z): 3 findings known, 1 new, 0 gone\n") {
		t.Errorf("got %s", got)
	}
	r.Findings = r.Findings[:1]
	r.Against(baseline)
	if r.Baseline.Fixed != 3 {
		t.Errorf("%d are gone", r.Baseline.Fixed)
	}
	baseline.Scope.Namespaces = []string{"pay"}
	if r.Against(baseline); r.Baseline.Fixed != 0 {
		t.Errorf("%d are gone from another scope", r.Baseline.Fixed)
	}
}

// TestUnexplainedKnown: unexplained connections of the baseline do not fail the run, others do.
func TestUnexplainedKnown(t *testing.T) {
	r, baseline := &Report{Unexplained: sample().Unexplained}, &Report{Unexplained: sample().Unexplained}
	r.Against(baseline)
	if (Gate{FailOn: "warning"}).Fails(r) {
		t.Error("a known one fails the run")
	}
	other := kube.Ref{Kind: "Deployment", Namespace: "shop", Name: "other"}
	r.Unexplained = append(r.Unexplained, Affected{Client: &other})
	r.Against(baseline)
	if !(Gate{FailOn: "warning"}).Fails(r) {
		t.Error("another one does not fail the run")
	}
}
