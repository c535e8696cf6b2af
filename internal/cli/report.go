package cli

import (
	"context"

	"github.com/spf13/cobra"
)

// reportOptions are the flags of the main job.
type reportOptions struct {
	global  *globalOptions
	output  outputOptions
	verdict verdictOptions
}

func newReportCmd(env *Env, global *globalOptions) *cobra.Command {
	o := &reportOptions{global: global}
	cmd := &cobra.Command{
		Use:   "mtls-doctor [TARGET…]",
		Short: "Which connections of an Istio mesh use mutual TLS, which do not, and why",
		Long:  rootLong,
		Example: examples(env.Program, `
			# the current namespace
			PROGRAM
			# one workload and everything at the other end of its connections
			PROGRAM deploy/checkout
			# a capture, bug-report or must-gather instead of a cluster
			PROGRAM --from bug-report.tar.gz
			# a recorded broken mesh, no cluster needed
			PROGRAM demo`),
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.run(cmd.Context(), env, args)
		},
		ValidArgsFunction: completeTargets,
	}
	o.output.addFlags(cmd)
	o.verdict.addFlags(cmd)
	return cmd
}

func (o *reportOptions) run(ctx context.Context, env *Env, args []string) error {
	_, err := o.global.read(ctx, env, args)
	return err
}
