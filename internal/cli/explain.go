package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/checks"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/report"
)

func newExplainCmd(env *Env) *cobra.Command {
	var text string
	cmd := &cobra.Command{
		Use:   "explain [CODE|NAME|WORD]",
		Short: "What a finding means, how it is proven, and how to mend it; and what the words of a verdict mean",
		Example: examples(env.Program, `
			# all findings that there are
			PROGRAM explain
			PROGRAM explain MTD301
			# what a verdict took for granted, and how to check it
			PROGRAM explain capture-as-annotated
			# a verdict, or the reason of one
			PROGRAM explain plaintext-refused
			# what an error message, or a proxy's log on standard input, is a sign of
			PROGRAM explain --text "upstream connect error … CERTIFICATE_VERIFY_FAILED"
			PROGRAM explain --text - < proxy.log`),
		Annotations: standalone(),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch pasted := cmd.Flags().Changed("text"); {
			case pasted && len(args) > 0:
				return usageError("give one of them", "%s and --text exclude each other", args[0])
			case pasted:
				return explainText(env, text)
			case len(args) == 0:
				return catalogue(env)
			}
			return explain(env, strings.Join(args, " "))
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return completeChecks(env.Checks), cobra.ShellCompDirectiveNoFileComp
		},
	}
	cmd.Flags().StringVar(&text, "text", "", "the findings of which an error `MESSAGE` may be a sign; - reads it from standard input")
	return cmd
}

func explainStyle(env *Env) report.Style {
	return report.Style{Width: env.width(), Program: env.Program}
}

// catalogue lists all that can be explained.
func catalogue(env *Env) error {
	style := explainStyle(env)
	if err := report.Catalogue(env.Out, env.Checks, style); err != nil {
		return err
	}
	fmt.Fprintln(env.Out)
	if err := report.ListAssumptions(env.Out, style); err != nil {
		return err
	}
	fmt.Fprintln(env.Out)
	return report.ListTerms(env.Out, style)
}

// maxText is how much of a log is looked at, in bytes.
const maxText = 8 << 20

// explainText says of what a pasted text is a sign.
func explainText(env *Env, text string) error {
	if text == "-" {
		read, err := io.ReadAll(io.LimitReader(env.In, maxText))
		if err != nil {
			return fmt.Errorf("standard input: %w", err)
		}
		text = string(read)
	}
	seen := diagnose.Recognise(checks.Signs(), text)
	if len(seen) == 0 {
		return usageError("paste the line of the proxy's log (kubectl logs POD -c istio-proxy), with its response flags", "nothing in the text is a known sign of broken mutual TLS")
	}
	return report.Likely(env.Out, seen, env.Checks, explainStyle(env))
}

func explain(env *Env, word string) error {
	var known []string
	for _, c := range env.Checks {
		if strings.EqualFold(word, string(c.Code)) || "MTD"+word == string(c.Code) || strings.EqualFold(word, c.Name) {
			return report.Explain(env.Out, c, explainStyle(env))
		}
		known = append(known, string(c.Code), c.Name)
	}
	for _, a := range report.Assumptions() {
		if strings.EqualFold(word, string(a.Name)) {
			return a.Explain(env.Out, explainStyle(env))
		}
		known = append(known, string(a.Name))
	}
	for _, t := range report.Terms() {
		if strings.EqualFold(word, t.Word) {
			return t.Explain(env.Out, env.Checks, explainStyle(env))
		}
		known = append(known, t.Word)
	}
	next := "explain without a word lists them"
	if near := nearest(strings.ToLower(word), known); near != "" {
		next = fmt.Sprintf("did you mean %s? %s", near, next)
	}
	return usageError(next, "%q is no finding, assumption, verdict, reason or column", word)
}

func completeChecks(catalogue []*diagnose.Check) []cobra.Completion {
	var out []cobra.Completion
	for _, c := range catalogue {
		out = append(out, cobra.CompletionWithDesc(string(c.Code), c.Title), cobra.CompletionWithDesc(c.Name, c.Title))
	}
	for _, a := range report.Assumptions() {
		out = append(out, cobra.CompletionWithDesc(string(a.Name), a.Title))
	}
	for _, t := range report.Terms() {
		out = append(out, cobra.CompletionWithDesc(t.Word, t.Meaning))
	}
	return out
}
