package fuzz

import (
	"math/rand/v2"
	"slices"
)

// Row is the value of every feature, as its index; 0 is the feature's absence.
type Row []int

// cell is a value of a feature.
type cell struct{ feature, value int }

// pair is two cells of different features, the first feature first.
type pair [2]cell

func pairOf(a, b cell) pair {
	if a.feature > b.feature {
		a, b = b, a
	}
	return pair{a, b}
}

// space is all rows that there can be.
type space struct {
	sizes    []int         // how many values each feature has
	excluded map[pair]bool // values that cannot meet, or of which one means nothing beside the other
}

// pairs are all pairs that can meet, in order.
func (s space) pairs() []pair {
	var all []pair
	for g, values := range s.sizes {
		for f := range g {
			for v := range s.sizes[f] {
				for w := range values {
					if p := (pair{{f, v}, {g, w}}); !s.excluded[p] {
						all = append(all, p)
					}
				}
			}
		}
	}
	return all
}

// pairs are those that the row has.
func (r Row) pairs() []pair {
	var all []pair
	for g := range r {
		for f := range g {
			all = append(all, pair{{f, r[f]}, {g, r[g]}})
		}
	}
	return all
}

// candidates is how many rows are made for each that is taken.
const candidates = 20

// rows are n rows: first those that cover the pairs, greedily, then sparse ones.
func (s space) rows(random *rand.Rand, n int) []Row {
	open := s.pairs()
	missing := map[pair]bool{}
	for _, p := range open {
		missing[p] = true
	}
	var rows []Row
	for len(rows) < n {
		if len(open) == 0 {
			rows = append(rows, s.sparse(random))
			continue
		}
		var best Row
		most := 0
		for range candidates {
			r := s.complete(s.with(open[random.IntN(len(open))]), random, missing)
			if got := gain(r, missing); got > most {
				best, most = r, got
			}
		}
		rows = append(rows, best)
		for _, p := range best.pairs() {
			delete(missing, p)
		}
		open = slices.DeleteFunc(open, func(p pair) bool { return !missing[p] })
	}
	return rows
}

// gain is how many of the missing pairs the row has.
func gain(r Row, missing map[pair]bool) int {
	n := 0
	for _, p := range r.pairs() {
		if missing[p] {
			n++
		}
	}
	return n
}

// unset is a feature that has no value yet.
const unset = -1

func (s space) with(p pair) Row {
	r := slices.Repeat(Row{unset}, len(s.sizes))
	for _, c := range p {
		r[c.feature] = c.value
	}
	return r
}

// complete gives each feature that has none yet, in a random order, the value that adds most of
// the missing pairs; where none adds any, the first that can be, most often the feature's absence.
func (s space) complete(r Row, random *rand.Rand, missing map[pair]bool) Row {
	for _, f := range random.Perm(len(r)) {
		if r[f] != unset {
			continue
		}
		most := 0
		for v := range s.sizes[f] {
			switch n, fits := s.adds(r, cell{f, v}, missing); {
			case !fits:
			case r[f] == unset, n > most, n == most && n > 0 && random.IntN(2) == 0:
				r[f], most = v, n
			}
		}
	}
	return r
}

// adds is how many missing pairs the cell makes with those that the row has, and whether it may
// stand beside them.
func (s space) adds(r Row, c cell, missing map[pair]bool) (n int, fits bool) {
	for f, v := range r {
		if v == unset || f == c.feature {
			continue
		}
		p := pairOf(c, cell{f, v})
		if s.excluded[p] {
			return 0, false
		}
		if missing[p] {
			n++
		}
	}
	return n, true
}

// A sparse row has this many features at least, and fewer than twice as many, besides those that
// they need.
const few = 3

func (s space) sparse(random *rand.Rand) Row {
	r := slices.Repeat(Row{unset}, len(s.sizes))
	for range few + random.IntN(few) {
		c := cell{feature: random.IntN(len(r))}
		c.value = 1 + random.IntN(s.sizes[c.feature]-1)
		if _, fits := s.adds(r, c, nil); fits {
			r[c.feature] = c.value
		}
	}
	return s.complete(r, random, nil)
}

// Coverage is how many of the pairs of values that can meet do meet in some row.
type Coverage struct{ Covered, All int }

func (s space) coverage(rows []Row) Coverage {
	met := map[pair]bool{}
	for _, r := range rows {
		for _, p := range r.pairs() {
			met[p] = true
		}
	}
	return Coverage{Covered: len(met), All: len(s.pairs())}
}
