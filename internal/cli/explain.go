package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/report"
)

func newExplainCmd(env *Env) *cobra.Command {
	return &cobra.Command{
		Use:   "explain [CODE|NAME]",
		Short: "What a finding means, how it is proven, and how to mend it",
		Example: examples(env.Program, `
			# all findings that there are
			PROGRAM explain
			PROGRAM explain MTD301`),
		Args:        usageChecked(cobra.MaximumNArgs(1)),
		Annotations: standalone(),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return report.Catalogue(env.Out, env.Checks)
			}
			return explain(env.Out, env.Checks, args[0])
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return completeChecks(env.Checks), cobra.ShellCompDirectiveNoFileComp
		},
	}
}

func explain(w io.Writer, checks []*diagnose.Check, word string) error {
	var known []string
	for _, c := range checks {
		if strings.EqualFold(word, string(c.Code)) || strings.EqualFold(word, c.Name) {
			return report.Explain(w, c)
		}
		known = append(known, string(c.Code), c.Name)
	}
	next := "explain without a word lists them"
	if near := nearest(strings.ToLower(word), known); near != "" {
		next = fmt.Sprintf("did you mean %s? %s", near, next)
	}
	return usageError(next, "there is no finding %q", word)
}

func completeChecks(checks []*diagnose.Check) []cobra.Completion {
	var out []cobra.Completion
	for _, c := range checks {
		out = append(out, cobra.CompletionWithDesc(string(c.Code), c.Title), cobra.CompletionWithDesc(c.Name, c.Title))
	}
	return out
}
