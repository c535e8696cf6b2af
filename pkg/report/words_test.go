package report

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestDuration(t *testing.T) {
	const day = 24 * time.Hour
	tests := map[time.Duration]string{
		0:                               "0s",
		119 * time.Second:               "119s",
		2 * time.Minute:                 "2m",
		59 * time.Minute:                "59m",
		time.Hour:                       "1h",
		9*time.Hour + 32*time.Minute:    "9h32m",
		17*time.Hour + 59*time.Minute:   "17h",
		day + 4*time.Hour + time.Minute: "1d4h",
		2 * day:                         "2d",
		400 * day:                       "400d",
		-90 * time.Second:               "-90s",
	}
	for d, want := range tests {
		if got := duration(d); got != want {
			t.Errorf("%s: got %s, want %s", d, got, want)
		}
	}
}

func TestNames(t *testing.T) {
	all := []string{"a", "b", "c", "d", "e"}
	tests := map[string]struct {
		limit int
		want  string
	}{
		"no limit":          {0, "a, b, c, d, e"},
		"cut":               {3, "a, b, c and 2 more"},
		"one is not cut":    {4, "a, b, c, d, e"},
		"the limit is long": {9, "a, b, c, d, e"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := names(all, test.limit); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestPlural(t *testing.T) {
	got := []string{plural(1, "pod"), plural(2, "pod"), plural(0, "proxy"), plural(1, "proxy")}
	if diff := cmp.Diff([]string{"1 pod", "2 pods", "0 proxies", "1 proxy"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestWrap(t *testing.T) {
	text := strings.Repeat("→word ", 40) + strings.Repeat("x", 120) + " end"
	got := Style{}.wrap("FAIL MTD301  ", text)
	for i, line := range strings.Split(strings.TrimSuffix(got, "\n"), "\n") {
		if i > 0 && !strings.HasPrefix(line, strings.Repeat(" ", 13)) {
			t.Errorf("line %d is not indented: %q", i, line)
		}
		if utf8.RuneCountInString(line) > lineWidth && !strings.Contains(line, "xxx") {
			t.Errorf("line %d is too long: %q", i, line)
		}
		if strings.TrimRight(line, " ") != line {
			t.Errorf("line %d ends in spaces: %q", i, line)
		}
	}
	if diff := cmp.Diff(strings.Fields("FAIL MTD301 "+text), strings.Fields(got)); diff != "" {
		t.Error(diff)
	}
}

// TestWidth: text fits the terminal, but no command has to fit less than 80 columns.
func TestWidth(t *testing.T) {
	text := strings.Repeat("word ", 60)
	for columns, want := range map[int]int{0: 100, 40: 80, 120: 120} {
		longest := 0
		for line := range strings.Lines(Style{Width: columns}.wrap("x ", text)) {
			longest = max(longest, len(strings.TrimSuffix(line, "\n")))
		}
		if longest > want || longest < want-len("word ") {
			t.Errorf("%d columns: the longest line has %d", columns, longest)
		}
	}
}
