package fuzz

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCampaign(t *testing.T) {
	const failed = "pair shop/client -> server:80 (http): says mTLS (), happened: failed: reset"
	cases := []Case{
		{Name: "good", Items: []Item{rule("a", fields{"host": "h"})}},
		{Name: "bad", Items: []Item{rule("a", fields{"host": "h"}), rule("b", fields{"host": "h"})}},
		{Name: "worse", Items: []Item{rule("b", fields{"host": "h"}), rule("c", fields{"host": "h"})}},
		{Name: "broken"},
	}
	judge := func(_ context.Context, c Case) ([]string, error) {
		var lines []string
		switch {
		case c.Name == "broken":
			return nil, errors.New("no mesh")
		case slices.Contains(names(c), "DestinationRule shop/b"):
			lines = append(lines, failed)
		}
		if slices.Contains(names(c), "DestinationRule shop/c") {
			lines = append(lines, "bundle: its report is not the live one: line 1")
		}
		return lines, nil
	}
	var found []string
	tally, err := Campaign{Judge: judge, Tries: 20, Log: io.Discard, Found: func(d Disagreement) error {
		found = append(found, d.Case.Name+" "+strings.Join(names(d.Case), " ")+": "+d.Kind)
		return nil
	}}.Run(t.Context(), cases)
	if err != nil {
		t.Fatal(err)
	}
	kind := "says mTLS (), happened: failed"
	want := Tally{Judged: 3, Wrong: 2, Unmeasured: 1, Kinds: map[string]int{kind: 2, "bundle": 1}}
	if diff := cmp.Diff(want, tally); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"bada DestinationRule shop/b: " + kind, "worsea DestinationRule shop/c: bundle"}, found); diff != "" {
		t.Error(diff)
	}
}

func TestUnstable(t *testing.T) {
	asked := 0
	judge := func(context.Context, Case) ([]string, error) {
		if asked++; asked == 1 {
			return []string{"instrument: noise"}, nil
		}
		return nil, nil
	}
	var found []Disagreement
	c := Campaign{Judge: judge, Tries: 20, Log: io.Discard, Found: func(d Disagreement) error { found = append(found, d); return nil }}
	if _, err := c.Run(t.Context(), []Case{{Name: "a"}}); err != nil {
		t.Fatal(err)
	}
	want := []Disagreement{{Kind: "instrument", Case: Case{Name: "aa"}, Lines: []string{"instrument: noise"}, Unstable: true}}
	if diff := cmp.Diff(want, found); diff != "" || asked != 2 {
		t.Errorf("asked %d times: %s", asked, diff)
	}
}

func TestTriesAreCounted(t *testing.T) {
	asked := 0
	judge := func(context.Context, Case) ([]string, error) { asked++; return []string{"product: panic"}, nil }
	c := Campaign{Judge: judge, Tries: 3, Log: io.Discard, Found: func(Disagreement) error { return nil }}
	if _, err := c.Run(t.Context(), []Case{{Items: []Item{rule("a", nil), rule("b", nil), rule("c", nil), rule("d", nil)}}}); err != nil {
		t.Fatal(err)
	}
	if asked != 4 { // once to find it
		t.Errorf("asked %d times", asked)
	}
}

func TestGivesUp(t *testing.T) {
	asked := 0
	judge := func(context.Context, Case) ([]string, error) {
		if asked++; asked == 3 {
			return nil, nil
		}
		return nil, errors.New("no lab")
	}
	c := Campaign{Judge: judge, Log: io.Discard}
	if _, err := c.Run(t.Context(), make([]Case, 20)); err == nil || asked != 3+patience {
		t.Errorf("ended after %d cases: %v", asked, err)
	}
}

func TestKindOf(t *testing.T) {
	tests := []struct{ line, want string }{
		{"pair shop/client -> a:80 (http, endpoint b): says fails (x), happened: mutual TLS", "says fails (x), happened: mutual TLS"},
		{"pair shop/client -> a:80 (tcp): says mTLS (), happened: failed: read tcp: reset; client proxy \"\"", "says mTLS (), happened: failed"},
		{"pair shop/client -> a:80 (tcp): no edge", "no edge"},
		{"pair shop/client -> a:80 (tcp): unknown: a filter (x): y", "unknown: a filter (x): y"},
		{"instrument: pair shop/client -> a:80 (tcp): it was not seen", "instrument"},
		{"product: -A -o json: exit status 2: panic", "product"},
	}
	for _, tt := range tests {
		if got := kindOf(tt.line); got != tt.want {
			t.Errorf("kindOf(%q) = %q, want %q", tt.line, got, tt.want)
		}
	}
}
