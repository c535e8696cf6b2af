package fuzz

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Judge says what is wrong with the product in a case, line by line; nothing when it is right.
// An error means that the case could not be measured.
type Judge func(context.Context, Case) ([]string, error)

// Disagreement is the smallest case found of one kind of disagreement.
type Disagreement struct {
	Kind  string
	Case  Case
	Lines []string // all that is wrong in it
	// Unstable: a second run of the same case did not show it, so that it was not shrunk.
	Unstable bool
}

// Campaign judges cases, and makes small those where something is wrong.
type Campaign struct {
	Judge Judge
	Tries int                      // how many cases may be judged to shrink one; with none, nothing is shrunk
	Found func(Disagreement) error // is told of each kind once
	Log   io.Writer
}

// Tally is how a campaign ended.
type Tally struct {
	Judged, Wrong int
	Unmeasured    int
	Kinds         map[string]int // how many cases show each kind
}

// patience is how many cases in a row may not be measured, before there seems to be no lab.
const patience = 5

// Run judges all cases. An end of the context, an error of Found, or a lab that measures nothing
// any more ends it before.
func (c Campaign) Run(ctx context.Context, cases []Case) (Tally, error) {
	t := Tally{Kinds: map[string]int{}}
	row := 0
	for _, one := range cases {
		lines, err := c.Judge(ctx, one)
		if ctx.Err() != nil {
			return t, ctx.Err()
		}
		if err != nil {
			t.Unmeasured++
			row++
			fmt.Fprintf(c.Log, "%s: not measured: %v\n    %s\n", one.Name, err, one.About)
			if row == patience {
				return t, fmt.Errorf("%d meshes in a row were not measured: %w", row, err)
			}
			continue
		}
		row = 0
		t.Judged++
		if len(lines) == 0 {
			continue
		}
		t.Wrong++
		fmt.Fprintf(c.Log, "%s: %s\n    %s\n", one.Name, one.About, strings.Join(lines, "\n    "))
		if err := c.explore(ctx, one, lines, t.Kinds); err != nil {
			return t, err
		}
	}
	return t, nil
}

// explore makes the case small once for every kind of disagreement in it that is new.
func (c Campaign) explore(ctx context.Context, one Case, lines []string, kinds map[string]int) error {
	for i, kind := range kindsOf(lines) {
		if kinds[kind]++; kinds[kind] > 1 {
			continue
		}
		d := c.shrink(ctx, one, kind, lines)
		d.Case.Name = fmt.Sprintf("%s%c", one.Name, 'a'+i)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := c.Found(d); err != nil {
			return err
		}
	}
	return nil
}

func (c Campaign) shrink(ctx context.Context, one Case, kind string, lines []string) Disagreement {
	d := Disagreement{Kind: kind, Case: one, Lines: lines}
	if c.Tries == 0 {
		return d
	}
	left := c.Tries
	still := func(tried Case) bool {
		if left--; left < 0 || ctx.Err() != nil {
			return false
		}
		lines, err := c.Judge(ctx, tried)
		if err != nil || !slices.Contains(kindsOf(lines), kind) {
			return false
		}
		d.Lines = lines
		return true
	}
	if !still(one) {
		d.Unstable = true
		return d
	}
	d.Case = Shrink(one, still)
	return d
}

// kindsOf are the kinds of disagreement in lines of a score, sorted.
func kindsOf(lines []string) []string {
	var all []string
	for _, l := range lines {
		all = append(all, kindOf(l))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// kindOf is what a line says without whose it is and without the words of errors: the verdict, its
// reason and what happened.
func kindOf(line string) string {
	subject, said, isPair := strings.Cut(line, "): ")
	if !isPair || !strings.HasPrefix(subject, "pair ") {
		subject, _, _ = strings.Cut(line, ": ")
		return subject
	}
	said, happened, _ := strings.Cut(said, ", happened: ")
	if happened == "" {
		return said
	}
	happened, _, _ = strings.Cut(happened, ":")
	return said + ", happened: " + happened
}
