package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/report"
)

// reportOptions are the flags of the main job.
type reportOptions struct {
	global  *globalOptions
	output  outputOptions
	verdict verdictOptions
	to      string
	fixDir  string
	since   window

	baseline baselineOptions
	suppress suppressOptions

	manifests manifestsOptions
}

func newReportCmd(env *Env, global *globalOptions) *cobra.Command {
	o := &reportOptions{global: global}
	cmd := &cobra.Command{
		Use:   env.Binary + " [TARGET…]",
		Short: "Which connections of an Istio mesh use mutual TLS, which do not, and why",
		Long:  rootLong,
		Example: examples(env.Program, `
			# the current namespace
			PROGRAM
			# one workload and everything at the other end of its connections
			PROGRAM deploy/checkout
			# one connection, with the proof of both sides
			PROGRAM deploy/cart --to checkout:80
			# a capture, bug-report or must-gather instead of a cluster
			PROGRAM --from bug-report.tar.gz
			# a recorded broken mesh, no cluster needed
			PROGRAM demo`),
		Args: noMistypedCommand,
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.run(cmd, env, args)
		},
		ValidArgsFunction: completeTargets,
	}
	o.addFlags(cmd)
	return cmd
}

// noMistypedCommand refuses a word that is almost a command, and lets targets pass.
func noMistypedCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 || strings.ContainsAny(args[0], "/.") {
		return nil
	}
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		return usageError("did you mean "+near[0]+"?", "there is no command %q", args[0])
	}
	return nil
}

func (o *reportOptions) addFlags(cmd *cobra.Command) {
	o.output.addFlags(cmd, report.Formats())
	o.verdict.addFlags(cmd)
	o.baseline.addFlags(cmd)
	o.suppress.addFlags(cmd)
	o.manifests.addFlags(cmd)
	cmd.Flags().StringVar(&o.to, "to", "", "only the connections to `HOST|IP[:PORT]`, with the proof of both sides")
	cmd.Flags().StringVar(&o.fixDir, "fix-dir", "", "write the fixes as files into the folder `DIR`, which is made; nothing is applied")
	cmd.Flags().Var(&o.since, "since", "list also what was made or written since a moment, or for so long before the capture")
}

func (o *reportOptions) run(cmd *cobra.Command, env *Env, args []string) error {
	if err := emptyFolder(o.fixDir); err != nil {
		return err
	}
	ok, err := o.accepted(cmd.Context(), env, args)
	if err != nil {
		return err
	}
	v, err := o.global.read(cmd.Context(), env, args)
	if err != nil {
		return err
	}
	return o.show(env, v, ok, again(cmd.Flags(), args))
}

// accepted is what else the user hands over: the findings of an earlier report, nil for none, and those that somebody has
// suppressed, none of which fails the run; and where the resources stand in files.
type accepted struct {
	known        *report.Report
	suppressions []report.Suppression
	manifests    *manifests // of the resources to blame; nil for none
}

func (o *reportOptions) accepted(ctx context.Context, env *Env, targets []string) (a accepted, err error) {
	if a.suppressions, err = o.suppress.read(env.Checks); err != nil {
		return a, err
	}
	if a.manifests, err = o.manifests.read(env); err != nil {
		return a, err
	}
	of := sideOptions{global: *o.global, targets: targets, suppressions: a.suppressions}
	a.known, err = o.baseline.read(ctx, env, &of)
	return a, err
}

func (a *accepted) mark(r *report.Report) {
	r.Suppress(a.suppressions)
	if a.known != nil {
		r.Against(a.known)
	}
}

// show diagnoses, renders and judges, without what is accepted.
func (o *reportOptions) show(env *Env, v *view, ok accepted, a report.Again) error {
	if n := diagnose.Calls(v.snapshot, v.found.scope()); n > manyCalls {
		fmt.Fprint(env.Err, tooMuch(n))
	}
	r, _, err := o.build(v, env.Checks)
	if err != nil {
		return err
	}
	if err := o.changes(r); err != nil {
		return err
	}
	ok.manifests.locate(env, r)
	ok.mark(r)
	style := o.global.style(env)
	style.Again, style.Gate = a, o.verdict.gate()
	if err := o.output.write(env, style, r.Render); err != nil {
		return err
	}
	if err := writeFixes(env, style, r, o.fixDir); err != nil {
		return err
	}
	if v.timeout != nil {
		return v.timeout
	}
	if err := noMesh(v.snapshot, o.global.evidence.istioNamespace); err != nil {
		return err
	}
	return o.verdict.report(r)
}

// manyCalls are so many that a report of them needs more memory than a small machine has.
const manyCalls = 1_000_000

// tooMuch says what to ask instead; the run goes on.
func tooMuch(calls int) string {
	return fmt.Sprintf("%d million possible calls: the report takes about %d GB of memory. One of a namespace (-n NAME) takes less; matrix and graph count calls that are alike once.\n",
		calls/1_000_000, 4*calls/1_000_000)
}

// changes adds what changed since the moment that the user asked about.
func (o *reportOptions) changes(r *report.Report) error {
	if o.since.text == "" {
		return nil
	}
	since, err := o.since.start(r.CapturedAt)
	if err == nil {
		r.ChangedSince(since)
	}
	return err
}

// build makes the report, and the connections that it counts.
func (o *reportOptions) build(v *view, checks []*diagnose.Check) (*report.Report, []*handshake.Edge, error) {
	result := diagnose.Run(v.snapshot, checks, v.found.scope())
	scope := report.Scope{
		Namespaces: v.scope.Namespaces, Targets: v.scope.Targets,
		Selector: v.scope.Selector, Revision: v.scope.Revision,
	}
	if o.to == "" {
		return report.Build(result, scope), result.Edges(), nil
	}
	to, err := parseTo(v, o.to)
	if err != nil {
		return nil, nil, err
	}
	scope.To = o.to
	calls := result.Engine.EdgesTo(to, handshake.Query{Client: resolving(v.snapshot, to.Name, result.InScope)})
	return report.BuildTo(result, scope, calls), calls, nil
}
