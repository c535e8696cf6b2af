package report

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

func TestParseIgnore(t *testing.T) {
	for text, want := range map[string]Suppression{
		"MTD301: moves in December until 2026-12-31":              {Code: "MTD301", Reason: "moves in December", Until: "2026-12-31"},
		"MTD301: not until the vendor has moved until 2026-12-31": {Code: "MTD301", Reason: "not until the vendor has moved", Until: "2026-12-31"},
		" MTD301:agreed ": {Code: "MTD301", Reason: "agreed"},
	} {
		got, ok := parseIgnore(text)
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(Suppression{})); diff != "" || !ok {
			t.Errorf("%q: %v %s", text, ok, diff)
		}
	}
	for _, text := range []string{"MTD301", "MTD301:", "mtd301: agreed", "301: agreed", "MTD301: agreed until 2026-13-31", "MTD301: agreed until the audit", "MTD301: until 2026-12-31 until the audit", "MTD301: until 2026-12-31", "all: agreed", "MTD3011: agreed"} {
		if s, ok := parseIgnore(text); ok {
			t.Errorf("%q is read as %+v", text, s)
		}
	}
}

// An annotation suppresses what blames its own resource, and what is not understood says so.
func TestAnnotated(t *testing.T) {
	rule := func(name, annotation string) *kube.DestinationRule {
		return &kube.DestinationRule{Meta: kube.Meta{Namespace: "shop", Name: name, Annotations: map[string]string{IgnoreAnnotation: annotation}}}
	}
	resources := &kube.Resources{DestinationRules: []*kube.DestinationRule{
		rule("a", "MTD301: agreed until 2026-12-31; MTD302: too\n"), rule("b", "MTD301: was agreed until 2026-11-01"),
		rule("c", "yes"), rule("d", "MTD999: a slip"), rule("healthy", "no"),
	}}
	r := &Report{CapturedAt: captured}
	for _, x := range []string{"MTD301 a", "MTD302 a", "MTD303 a", "MTD301 b", "MTD301 c", "MTD301 d"} {
		code, name, _ := strings.Cut(x, " ")
		r.Findings = append(r.Findings, Finding{Code: code, Severity: "error", Fingerprint: x, Subject: kube.Ref{Kind: "DestinationRule", Namespace: "shop", Name: name}})
	}
	r.ignored = annotated(resources, r.Findings)
	r.Suppress(nil)
	var left []string
	for _, f := range r.Findings {
		left = append(left, f.Fingerprint)
	}
	if diff := cmp.Diff([]string{"MTD303 a", "MTD301 b", "MTD301 c", "MTD301 d"}, left); diff != "" {
		t.Error(diff)
	}
	want := []string{
		"suppressed: 2 findings: MTD301 of DestinationRule shop/a (agreed, until 2026-12-31, by its annotation), " +
			"MTD302 of DestinationRule shop/a (too, by its annotation)",
		"the suppression of MTD301 for DestinationRule shop/b has expired, until 2026-11-01: the finding counts again",
		"the suppression of MTD999 for DestinationRule shop/d fits nothing here",
		`DestinationRule shop/c is annotated mtls-doctor.dev/ignore: "yes", which is not understood: write MTD301: reason until 2026-12-31`,
	}
	if diff := cmp.Diff(want, r.suppressionLines(0)); diff != "" {
		t.Error(diff)
	}
}

// Who asks for nothing hears nothing.
func TestNothingSuppressed(t *testing.T) {
	r := &Report{}
	if r.Suppress(nil); r.Suppressions != nil {
		t.Errorf("%+v", r.Suppressions)
	}
}
