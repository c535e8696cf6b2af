package cli

import (
	"context"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/report"
)

// diffOptions are the flags of `diff`.
type diffOptions struct {
	global  *globalOptions
	output  outputOptions
	verdict verdictOptions

	suppress  suppressOptions
	manifests manifestsOptions
}

func newDiffCmd(env *Env, global *globalOptions) *cobra.Command {
	o := &diffOptions{global: global}
	cmd := &cobra.Command{
		Use:   "diff BEFORE [AFTER] [TARGET…]",
		Short: "What is new, fixed and changed between two captures, reports, or a capture and now",
		Long: `Compares the findings and the calls of two sides. Each is a path of anything that --from takes, or
of a report or a list of edges that -o json or -o yaml wrote. Without AFTER it is the cluster.
A TARGET limits both, as -n does; of the first one KIND/NAME is needed where AFTER could stand. A
side that lacks the one that is named counts as empty.

Findings are told apart by their fingerprints, which hold no pod name and no time. Of a report
only findings are compared: it counts calls and does not list them.

Without a target, -n, -A or a selector, what is read is limited to what a report was about.

What AFTER could not look for is not fixed: such findings, and calls that are unknown now, stand in
lists of their own. Findings that AFTER or --suppress suppresses are neither new nor fixed.

Exit code 3: a finding is new, or more severe, at or above --fail-on; or a call fails or is denied
that did not before, or that is new and of a caller with a proxy (with warning: or is no longer
mTLS). That a call leads nowhere, or is unknown, is none of these. 4: evidence of AFTER is missing.`,
		Example: examples(env.Program, `
			PROGRAM diff before.tar.gz after.tar.gz
			# what has changed since the capture
			PROGRAM diff before.tar.gz -n shop
			# the same, of one workload
			PROGRAM diff before.tar.gz -n shop deploy/cart
			# in CI, against what was known yesterday
			PROGRAM diff yesterday.json -o markdown -f changes.md`),
		Args:              usageChecked(cobra.MinimumNArgs(1)),
		ValidArgsFunction: completeSides,
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.run(cmd, env, args)
		},
	}
	o.output.addFlags(cmd, report.DiffFormats())
	o.verdict.addFlags(cmd)
	o.suppress.addFlags(cmd)
	o.manifests.addFlags(cmd)
	return cmd
}

func (o *diffOptions) run(cmd *cobra.Command, env *Env, args []string) error {
	if o.global.evidence.from != "" {
		return usageError("diff BEFORE AFTER", "diff takes its paths as arguments, and --from names another")
	}
	suppressions, err := o.suppress.read(env.Checks)
	if err != nil {
		return err
	}
	manifests, err := o.manifests.read(env)
	if err != nil {
		return err
	}
	paths, targets := sidesAndTargets(args)
	before, after, err := o.sides(cmd.Context(), env, paths, sideOptions{global: *o.global, targets: targets, suppressions: suppressions})
	if err != nil {
		return err
	}
	manifests.locate(env, after.Report)
	d := report.Compare(&before.Side, &after.Side)
	style := o.global.style(env)
	style.Again = again(cmd.Flags(), targets)
	if err := o.output.write(env, style, d.Render); err != nil {
		return err
	}
	switch gate := o.verdict.gate(); {
	case after.timeout != nil:
		return after.timeout
	case d.Fails(gate):
		return outcome(exitFindings)
	case d.Incomplete(gate):
		return outcome(exitIncomplete)
	}
	return nil
}

// sidesAndTargets tells the paths of the two sides, the second of which is "" for the cluster, from targets. What
// could be both is a path, if it is there or names no kind.
func sidesAndTargets(args []string) (paths [2]string, targets []string) {
	paths[0], targets = args[0], args[1:]
	if len(targets) == 0 {
		return paths, nil
	}
	_, missing := os.Stat(targets[0])
	if t, err := parseTarget(targets[0]); err == nil && t.kind != "" && strings.Contains(t.word, "/") && missing != nil {
		return paths, targets
	}
	paths[1], targets = targets[0], targets[1:]
	return paths, targets
}

// completeSides offers files, and targets where one may stand.
func completeSides(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) == 0 {
		return nil, cobra.ShellCompDirectiveDefault
	}
	targets, directive := completeTargets(cmd, args, typed)
	if len(args) == 1 {
		directive &^= cobra.ShellCompDirectiveNoFileComp
	}
	return targets, directive
}

// sides reads both sides. Evidence is limited to what a report on the other side was about,
// unless the user says otherwise.
func (o *diffOptions) sides(ctx context.Context, env *Env, paths [2]string, asked sideOptions) (before, after *side, err error) {
	var both [2]*side
	for i, path := range paths {
		if both[i], err = readDocument(env, path); err != nil {
			return nil, nil, err
		}
		if s := both[i]; s != nil && s.Report != nil {
			s.Report.Suppress(asked.suppressions)
		}
	}
	if both[0] != nil && both[1] != nil && len(asked.targets) > 0 {
		return nil, nil, usageError("compare captures, or reports about it", "%s limits what is read, and %s and %s are written already", asked.targets[0], paths[0], paths[1])
	}
	for i, path := range paths {
		if both[i] != nil {
			continue
		}
		options := asked
		if other := both[1-i]; other != nil && other.Report != nil && !o.global.limited() && len(asked.targets) == 0 {
			options.limitTo(other.Report.Scope)
		}
		if both[i], err = options.evidence(ctx, env, path); err != nil {
			return nil, nil, err
		}
	}
	before, after = both[0], both[1]
	explicit := o.global.limited() || len(asked.targets) > 0
	for i, s := range both { // a name that nothing else bears out may be a slip
		if other := both[1-i]; s.absent != nil && (other.absent != nil || explicit && !other.evidence) {
			return nil, nil, s.absent
		}
		o.global.note(env, s)
	}
	if (before.Report == nil || after.Report == nil) && (!before.HasEdges || !after.HasEdges) {
		return nil, nil, usageError("compare two reports, or two lists of edges; a capture holds both",
			"%s and %s hold nothing of one kind", before.Name, after.Name)
	}
	return before, after, nil
}
