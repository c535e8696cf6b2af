package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// kubectlShim is the program that kubectl (1.26 and later) runs to complete the words after
// `kubectl mtls-doctor`: it must be on PATH under this very name.
const kubectlShim = `#!/bin/sh
# Save as kubectl_complete-mtls_doctor in a folder of PATH, and make it executable.
exec kubectl mtls-doctor __complete "$@"
`

func newCompletionCmd(env *Env) *cobra.Command {
	shells := []string{"bash", "zsh", "fish", "powershell", "kubectl"}
	return &cobra.Command{
		Use:   "completion " + strings.Join(shells, "|"),
		Short: "A script that completes commands, flags and targets",
		Long: `Prints a completion script for a shell, or with "kubectl" the program that kubectl itself
runs to complete the words after "kubectl mtls-doctor".`,
		Example: examples(env.Program, `
			# for kubectl 1.26 and later, in any shell
			PROGRAM completion kubectl > ~/bin/kubectl_complete-mtls_doctor
			chmod +x ~/bin/kubectl_complete-mtls_doctor`),
		ValidArgs:   shells,
		Args:        usageChecked(cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs)),
		Annotations: standalone(),
		RunE: func(cmd *cobra.Command, args []string) error {
			return writeCompletion(env, cmd.Root(), args[0])
		},
	}
}

func writeCompletion(env *Env, root *cobra.Command, shell string) error {
	switch shell {
	case "bash":
		return root.GenBashCompletionV2(env.Out, true)
	case "zsh":
		return root.GenZshCompletion(env.Out)
	case "fish":
		return root.GenFishCompletion(env.Out, true)
	case "powershell":
		return root.GenPowerShellCompletionWithDesc(env.Out)
	}
	_, err := fmt.Fprint(env.Out, kubectlShim)
	return err
}

// completeTargets offers the kinds of targets.
func completeTargets(_ *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if strings.Contains(typed, "/") {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return []cobra.Completion{
		cobra.CompletionWithDesc("pod/", "one pod"),
		cobra.CompletionWithDesc("deploy/", "a Deployment"),
		cobra.CompletionWithDesc("sts/", "a StatefulSet"),
		cobra.CompletionWithDesc("ds/", "a DaemonSet"),
		cobra.CompletionWithDesc("svc/", "the pods behind a Service"),
		cobra.CompletionWithDesc("ns/", "a namespace"),
	}, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}
