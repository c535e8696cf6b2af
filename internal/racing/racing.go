// Package racing lets tests know of the race detector, under which everything takes ten times as
// long. Sweeps over all recordings take a part of them then: races show in the first ones, and
// `make sweep` runs the same tests over all, without it.
package racing

// part is one in how many subjects of a sweep the race detector looks at.
const part = 6

// Some are the subjects of a sweep: all of them, or some under the race detector.
func Some[T any](all []T) []T {
	if !on || len(all) <= 1 {
		return all
	}
	out := all[:0:0]
	for i := 0; i < len(all); i += part {
		out = append(out, all[i])
	}
	return out
}

// Least is how many hits a sweep must have: n, or its part under the race detector.
func Least(n int) int {
	if !on {
		return n
	}
	return n / part / 2 // the recordings are not all of one size
}
