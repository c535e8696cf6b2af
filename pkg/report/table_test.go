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
			if err := g.write(&b, Style{NoHeaders: test.noHeaders}); err != nil {
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
	if err := (grid{header: []string{"A"}}).write(&b, Style{}); err != nil || b.String() != "" {
		t.Errorf("got %q, %v", b.String(), err)
	}
}

// TestNarrowGrid has a terminal of 80 columns: the first cell hangs over the others, once for those alike.
func TestNarrowGrid(t *testing.T) {
	name := strings.Repeat("long-", 8) + "name"
	g := grid{header: []string{"CLIENT", "DESTINATION", "IN mTLS", "REASON"}, rows: [][]string{
		{"shop/cart", name + ".shop:80", "2 of 4", Style{Color: true}.paint(red, "FAIL") + " client-certificate-required"},
		{"shop/cart", "short", "none", ""},
		{"shop/" + name + name, strings.Repeat("x", 90), "", "ok"},
	}}
	const want = `CLIENT
  DESTINATION                          IN mTLS  REASON
shop/cart
  long-long-long-long-long-long-long-  2 of 4   ` + "\x1b[31mFAIL\x1b[0m" + ` client-certificate-required
  long-name.shop:80
  short                                none
shop/long-long-long-long-long-long-long-long-namelong-long-long-long-long-long-
long-long-name
  xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx           ok
  xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
  xxxxxxxxxxxxxxxxxxxx
`
	var b strings.Builder
	if err := g.write(&b, Style{Width: 80}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
	for line := range strings.Lines(b.String()) {
		if visible(strings.TrimSuffix(line, "\n")) > 80 {
			t.Errorf("wider than the terminal: %s", line)
		}
	}
}
