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

// TestFactored says once what every row says, and of identities of one trust domain which it is.
func TestFactored(t *testing.T) {
	g := grid{header: []string{"WORKLOAD", "PODS", "IDENTITY", "KEY"}, rows: [][]string{{"a", "1", "td/ns/a", "RSA"}, {"b", "1", "td/ns/b", "EC"}}}
	got, said := g.factored(Style{Width: 80}, "PODS", "IDENTITY", "KEY")
	want := grid{header: []string{"WORKLOAD", "IDENTITY", "KEY"}, rows: [][]string{{"a", "ns/a", "RSA"}, {"b", "ns/b", "EC"}}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(grid{})); diff != "" || said != "in every row: PODS 1, IDENTITY td/…\n" {
		t.Errorf("%s%q", diff, said)
	}
	if g.rows[0][2] != "td/ns/a" || len(g.header) != 4 {
		t.Errorf("the table itself has changed: %v", g)
	}
	for name, same := range map[string]grid{
		"one row": {header: []string{"A", "B"}, rows: [][]string{{"1", "2"}}}, "nothing alike": {header: []string{"A", "B"}, rows: [][]string{{"1", "2"}, {"1", "3"}}},
	} {
		if got, said := same.factored(Style{}, "B"); said != "" || len(got.header) != 2 {
			t.Errorf("%s: %v, %q", name, got, said)
		}
	}
}
