package fuzz

import (
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// bad are the row's pairs that cannot meet, and its features without a value.
func (s space) bad(r Row) []pair {
	var all []pair
	for _, p := range r.pairs() {
		if s.excluded[p] || p[0].value < 0 || p[1].value < 0 {
			all = append(all, p)
		}
	}
	return all
}

func TestCoverageOfASmallSpace(t *testing.T) {
	s := space{sizes: []int{3, 3, 3, 3, 2}, excluded: map[pair]bool{{{0, 1}, {1, 2}}: true, {{2, 0}, {4, 1}}: true}}
	rows := s.rows(rand.New(rand.NewPCG(1, 0)), 15)
	if got, want := s.coverage(rows), (Coverage{6*9 - 1 + 4*6 - 1 - 0, 6*9 - 1 + 4*6 - 1}); got != want {
		t.Errorf("coverage %+v, want %+v", got, want)
	}
	for _, r := range rows {
		if bad := s.bad(r); len(bad) > 0 {
			t.Errorf("row %v has %v", r, bad)
		}
	}
}

func TestRows(t *testing.T) {
	s := featureSpace()
	for seed := range uint64(2) {
		rows, c := Rows(seed, 150)
		t.Logf("seed %d: %+v", seed, c)
		if c.Covered != c.All {
			t.Errorf("seed %d: 150 rows cover %d of %d pairs", seed, c.Covered, c.All)
		}
		for _, r := range rows {
			if bad := s.bad(r); len(bad) > 0 {
				t.Fatalf("row %v has %v", r, bad)
			}
		}
	}
}

func TestRowsBegin(t *testing.T) {
	few, _ := Rows(7, 5)
	again, _ := Rows(7, 5)
	other, _ := Rows(8, 5)
	if diff := cmp.Diff(few, again); diff != "" {
		t.Errorf("the same seed gives other rows: %s", diff)
	}
	if cmp.Equal(few, other) {
		t.Error("another seed gives the same rows")
	}
	more, c := Rows(7, 40)
	if diff := cmp.Diff(few, more[:5]); diff != "" {
		t.Errorf("more rows begin in another way: %s", diff)
	}
	if share := float64(c.Covered) / float64(c.All); share < 0.6 {
		t.Errorf("40 rows cover %.0f%%", 100*share)
	}
}

// TestAbsence: a mesh without any feature is a valid row, so that sparse rows can be completed.
func TestAbsence(t *testing.T) {
	s := featureSpace()
	if bad := s.bad(make(Row, len(s.sizes))); len(bad) > 0 {
		t.Errorf("the row of absences has %v", bad)
	}
}
