package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/mtls-doctor/kubectl-mtls-doctor/internal/cli/demo"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/report"
)

const demoNote = "This is a recorded mesh: STRICT everywhere, and one DestinationRule that turns mTLS off towards one server.\n"

// newDemoCmd makes the main job on a recording inside the program.
func newDemoCmd(env *Env, global *globalOptions) *cobra.Command {
	o := &reportOptions{global: global}
	cmd := &cobra.Command{
		Use:   "demo [TARGET…]",
		Short: "The report of a recorded broken mesh; no cluster needed",
		Long: `Runs the main job on a recording inside this program. Targets, -n, -l, -o and --to work as they
do on a cluster. The exit code is 0, as showing the fault is what it is for; with --fail-on it is
that of the main job.`,
		Example: examples(env.Program, `
			PROGRAM demo
			PROGRAM demo -n shop deploy/client --to server:80`),
		RunE: func(cmd *cobra.Command, args []string) error {
			if global.evidence.from != "" {
				return usageError("leave demo out to read it", "demo has a recording of its own, and --from names another")
			}
			ok, err := o.accepted(cmd.Context(), env, args)
			if err != nil {
				return err
			}
			v, err := global.view(args, demo.Open)
			if err != nil {
				return err
			}
			if !global.evidence.quiet {
				fmt.Fprint(env.Err, demoNote)
			}
			if !cmd.Flags().Changed("fail-on") {
				o.verdict.failOn.value, o.verdict.allowPartial = "none", true
			}
			return o.show(env, v, ok, report.Again{Recorded: true})
		},
		ValidArgsFunction: completeTargets,
	}
	o.addFlags(cmd)
	return cmd
}
