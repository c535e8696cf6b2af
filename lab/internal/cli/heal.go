package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"text/tabwriter"

	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/heal"
	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/scenario"
	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/truth"
)

func healing() []Command {
	return []Command{{"heal", "NAME…|--all", "apply the product's first fix, with all of its parts, to faulty scenarios, and make every call again", runHeal}}
}

func runHeal(ctx context.Context, e Env, args []string) error {
	c, err := openCourse(ctx, e, args, "")
	if err != nil {
		return err
	}
	c.scenarios = slices.DeleteFunc(c.scenarios, func(s scenario.Scenario) bool { return s.Expect.Cause == nil })
	all, err := c.healAll(ctx, e)
	if err != nil {
		return err
	}
	return healed(e, all)
}

// healAll runs faulty scenarios, each from the beginning, and heals them.
func (c course) healAll(ctx context.Context, e Env) (all []heal.Healing, err error) {
	for i := range c.scenarios {
		c.scenarios[i].Continues = false // healthy steps are left out
	}
	err = c.each(ctx, func(ctx context.Context, s scenario.Scenario, t truth.Truth, _ string, failed error) error {
		all = append(all, c.heal(ctx, e, s, t, nil, failed))
		return nil
	})
	return all, err
}

// heal heals a scenario that runs, by its report if there is one already; one that could not be set up is wrong, and the
// next one may be right.
func (c course) heal(ctx context.Context, e Env, s scenario.Scenario, t truth.Truth, report []byte, failed error) heal.Healing {
	h := heal.Healer{
		Runner: c.runner, Product: c.product,
		Path: e.Dir.Join("bin") + ":" + os.Getenv("PATH"), Kubeconfig: e.Dir.Kubeconfig(),
	}
	got := heal.Healing{Scenario: s.Name}
	if failed == nil {
		got, failed = h.Heal(ctx, s, t, report)
	}
	if failed != nil {
		got.Wrong = append(got.Wrong, failed.Error())
	}
	fmt.Fprintf(e.Err, "%-45s %3d mended %3d wrong  %s\n", s.Name, got.Mended, len(got.Wrong), got.Fix)
	for _, w := range got.Wrong {
		fmt.Fprintln(e.Err, "   ", w)
	}
	return got
}

// healed prints what came of each; it is an error when something is wrong.
func healed(e Env, all []heal.Healing) error {
	w := tabwriter.NewWriter(e.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "SCENARIO\tMENDED\tWRONG\tFIX")
	wrong, applied := 0, 0
	for _, r := range all {
		fix := r.Fix
		if r.ByHand != "" {
			fix = "by hand: " + r.ByHand
		} else {
			applied++
		}
		wrong += len(r.Wrong)
		fmt.Fprintf(w, "%s\t%d\t%d\t%s\n", r.Scenario, r.Mended, len(r.Wrong), fix)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(e.Out, "%d fixes applied, %d scenarios left to people\n", applied, len(all)-applied)
	switch {
	case wrong > 0:
		return errors.New("not all fixes heal")
	case applied == 0:
		return errors.New("no fix was applied: the scenarios are healthy, or for people to decide")
	}
	return nil
}
