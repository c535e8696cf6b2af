package cli

import (
	"errors"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// newRootCmd makes the command tree. The root itself is the main job.
func newRootCmd(env *Env) *cobra.Command {
	global := &globalOptions{}
	cmd := newReportCmd(env, global)
	cmd.SuggestionsMinimumDistance = 2
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.CompletionOptions.DisableDefaultCmd = true
	// "kubectl mtls-doctor" is two words, of which cobra would take the first for the name.
	cmd.Annotations = map[string]string{cobra.CommandDisplayNameAnnotation: env.Program}
	global.addFlags(cmd)
	cmd.SetIn(env.In)
	cmd.SetOut(env.Out)
	cmd.SetErr(env.Err)
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError(nearFlag(cmd, err)+cmd.CommandPath()+" --help lists the flags", "%v", err)
	})
	cmd.SetHelpFunc(help)
	cmd.SetUsageFunc(usage)
	cmd.AddCommand(
		newEdgesCmd(env, global), newTraceCmd(env, global), newMatrixCmd(env, global), newGraphCmd(env, global), newCertsCmd(env, global),
		newDiffCmd(env, global), newCaptureCmd(env, global), newDemoCmd(env, global), newExplainCmd(env), newVersionCmd(env), newCompletionCmd(env),
	)
	return cmd
}

// nearFlag asks whether another flag was meant than one that is not there.
func nearFlag(cmd *cobra.Command, err error) string {
	unknown, ok := errors.AsType[*pflag.NotExistError](err)
	if !ok {
		return ""
	}
	var known []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { known = append(known, f.Name) })
	if near := nearest(unknown.GetSpecifiedName(), known); near != "" {
		return "did you mean --" + near + "? "
	}
	return ""
}
