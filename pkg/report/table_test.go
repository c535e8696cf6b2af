package report

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestGrid(t *testing.T) {
	g := grid{header: []string{"NAME", "IN mTLS", "HEALTH"}, rows: [][]string{
		{"deploy/frontend", "2 of 4", Style{Color: true}.paint(red, "FAIL")},
		{"日本", "none", "ok"},
		{"a", "", ""},
	}}
	tests := map[string]struct {
		noHeaders bool
		want      string
	}{
		"with headers": {false, "" +
			"NAME             IN mTLS  HEALTH\n" +
			"deploy/frontend  2 of 4   \x1b[31mFAIL\x1b[0m\n" +
			"日本             none     ok\n" +
			"a\n"},
		"without": {true, "" +
			"deploy/frontend  2 of 4  \x1b[31mFAIL\x1b[0m\n" +
			"日本             none    ok\n" +
			"a\n"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var b strings.Builder
			if err := g.write(&b, test.noHeaders); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, b.String()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestGridWithoutRows(t *testing.T) {
	var b strings.Builder
	if err := (grid{header: []string{"A"}}).write(&b, false); err != nil || b.String() != "" {
		t.Errorf("got %q, %v", b.String(), err)
	}
}
