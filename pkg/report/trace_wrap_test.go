package report

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWrapLast(t *testing.T) {
	rows := [][]string{{"x server", "filter-chain", "no filter chain takes plaintext"}, {"", "", "  matches port 8080, and more"}, {"", "", ""}}
	want := [][]string{
		{"x server", "filter-chain", "no filter chain"},
		{"", "", "  takes"},
		{"", "", "  plaintext"},
		{"", "", "  matches port"},
		{"", "", "    8080, and"},
		{"", "", "    more"},
		{"", "", ""},
	}
	if diff := cmp.Diff(want, wrapLast(rows, 15)); diff != "" {
		t.Error(diff)
	}
}
