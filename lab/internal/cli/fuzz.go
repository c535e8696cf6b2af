package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/fuzz"
	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/scenario"
	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/truth"
)

func fuzzing() []Command {
	return []Command{{"fuzz", "-n N -seed S [-out FOLDER]", "compose meshes at random, score them, shrink what disagrees to scenarios", runFuzz}}
}

func runFuzz(ctx context.Context, e Env, args []string) error {
	flags := flag.NewFlagSet("fuzz", flag.ContinueOnError)
	flags.SetOutput(e.Err)
	n := flags.Int("n", 100, "how many meshes")
	seed := flags.Uint64("seed", 1, "the same seed composes the same meshes")
	only := flags.Int("only", 0, "run mesh number ONLY of the N alone")
	tries := flags.Int("tries", 80, "how many meshes may be run to shrink one disagreement; 0: none")
	program := flags.String("product", "", "the product's program; built when not given")
	out := flags.String("out", "fuzz", "folder for the scenarios of disagreements")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *only < 0 || *only > *n {
		return fmt.Errorf("there is no mesh number %d of %d", *only, *n)
	}
	c, err := e.course(ctx, *program)
	if err != nil {
		return err
	}
	rows, coverage := fuzz.Rows(*seed, *n)
	fmt.Fprintf(e.Out, "seed %d: %d meshes; %d of %d pairs of features' values meet in some (%.1f%%)\n",
		*seed, *n, coverage.Covered, coverage.All, 100*float64(coverage.Covered)/float64(coverage.All))
	var cases []fuzz.Case
	for i, row := range rows {
		if *only == 0 || i+1 == *only {
			cases = append(cases, fuzz.Compose(fmt.Sprintf("fuzz-%d-%03d", *seed, i+1), row, c.runner.Common))
		}
	}
	tally, err := fuzz.Campaign{
		Judge: c.judge(e), Tries: *tries, Log: e.Err,
		Found: func(d fuzz.Disagreement) error { return e.found(d, *out) },
	}.Run(ctx, cases)
	return errors.Join(err, e.tell(tally))
}

// judge runs a case and scores it.
func (c course) judge(e Env) fuzz.Judge {
	return func(ctx context.Context, one fuzz.Case) (wrong []string, err error) {
		start := time.Now()
		c.scenarios = []scenario.Scenario{one.Scenario()}
		err = c.each(ctx, func(ctx context.Context, s scenario.Scenario, t truth.Truth, bundle string, failed error) error {
			if failed != nil {
				return failed
			}
			got, err := c.live(ctx, s, t, bundle, nil)
			if err != nil && ctx.Err() == nil {
				wrong = []string{"product: " + err.Error()}
				return nil
			}
			wrong = got.Wrong
			fmt.Fprintf(e.Err, "%-45s %4d agree %3d beyond %3d wrong %5.1fs\n", s.Name, got.Pairs.Agree, got.Pairs.Beyond, len(wrong), time.Since(start).Seconds())
			return err
		})
		return wrong, err
	}
}

// found writes a disagreement as a scenario; what a diagnosis has to find in it is left to say.
func (e Env) found(d fuzz.Disagreement, out string) error {
	s := d.Case.Scenario()
	s.Description = "Composed at random. " + d.Kind
	s.Why = strings.Join(d.Lines, "; ")
	if err := s.Save(out); err != nil {
		return err
	}
	how := "shrunk"
	if d.Unstable {
		how = "not shown by a second run"
	}
	fmt.Fprintf(e.Err, "  %s (%s): %s\n", filepath.Join(out, s.Name), how, d.Kind)
	for _, i := range d.Case.Items {
		fmt.Fprintf(e.Err, "      %s\n", i)
	}
	return nil
}

// tell prints how a campaign ended; it is an error when something is wrong, or was not measured.
func (e Env) tell(t fuzz.Tally) error {
	fmt.Fprintf(e.Out, "%d meshes judged, %d with a disagreement, %d not measured\n", t.Judged, t.Wrong, t.Unmeasured)
	for _, kind := range slices.Sorted(maps.Keys(t.Kinds)) {
		fmt.Fprintf(e.Out, "%5d  %s\n", t.Kinds[kind], kind)
	}
	if t.Wrong+t.Unmeasured > 0 {
		return fmt.Errorf("%d wrong, %d not measured", t.Wrong, t.Unmeasured)
	}
	return nil
}
