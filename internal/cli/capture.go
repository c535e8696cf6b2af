package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/bundle"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/probe"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/report"
)

// captureOptions are the flags of `capture`.
type captureOptions struct {
	global  *globalOptions
	verdict verdictOptions
	file    string
}

func newCaptureCmd(env *Env, global *globalOptions) *cobra.Command {
	o := &captureOptions{global: global}
	cmd := &cobra.Command{
		Use:   "capture -f FILE [TARGET…]",
		Short: "Write the evidence of a live run to a file, for --from",
		Long: `Reads the cluster as a report would and writes what it read to a bundle. A report --from the
bundle is byte for byte that of the moment of the capture: attach it to a ticket.

Private keys, session ticket keys and tokens are dropped while reading and are not in the file.
Names, addresses, certificates and policies are: it is written for its owner alone (mode 0600).`,
		Example: examples(env.Program, `
			PROGRAM capture -A -f mesh.tar.gz
			PROGRAM capture -n shop -f shop.tar.gz
			PROGRAM --from shop.tar.gz`),
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.run(cmd.Context(), env, args)
		},
		ValidArgsFunction: completeTargets,
	}
	cmd.Flags().StringVarP(&o.file, "file", "f", "", "the bundle to write: `PATH`.tar.gz, PATH.tar, a folder (PATH/), or - for standard output")
	o.verdict.addPartialFlag(cmd)
	return cmd
}

func (o *captureOptions) run(ctx context.Context, env *Env, args []string) error {
	switch {
	case o.file == "":
		return usageError("capture -f mesh.tar.gz", "where to? -f is missing")
	case o.global.evidence.from != "":
		return usageError("leave --from out", "capture reads a cluster, not a path")
	case o.file == "-" && env.OutTerminal:
		return usageError("pipe it, or name a file", "a bundle is nothing to look at: standard output is a terminal")
	}
	w, err := o.create(env.Out)
	if err != nil {
		return err
	}
	defer w.Abort()
	evidence, err := o.global.evidence.readCluster(ctx, env, &o.global.scope, args, w)
	if err != nil && !errors.Is(err, probe.ErrTimeout) {
		return err
	}
	o.say(env, evidence)
	switch {
	case err != nil:
		return err
	case len(evidence.Gaps) > 0 && !o.verdict.allowPartial:
		return outcome(exitIncomplete)
	}
	return nil
}

func (o *captureOptions) create(stdout io.Writer) (*bundle.Writer, error) {
	if o.file == "-" {
		return bundle.NewWriter(stdout), nil
	}
	return bundle.Create(o.file)
}

// say tells on standard error what is in the file: standard output may be the file.
func (o *captureOptions) say(env *Env, evidence *mesh.Evidence) {
	if o.global.evidence.quiet {
		return
	}
	fmt.Fprintf(env.Err, "%d proxies captured", len(evidence.Proxies))
	if n := len(evidence.Gaps); n > 0 {
		fmt.Fprintf(env.Err, ", %d gaps:", n)
	}
	fmt.Fprintln(env.Err)
	for _, g := range evidence.Gaps {
		fmt.Fprintf(env.Err, "  ? %s: %s\n", report.Clean(g.Subject.String()), report.Clean(g.Message))
	}
	if len(evidence.Proxies) == 0 {
		sayEmptyScope(env, evidence)
	}
	if o.file != "-" {
		fmt.Fprintf(env.Err, "%s --from %s shows the report\n", env.Program, report.Clean(o.file))
	}
}

// sayEmptyScope says what to do about a capture without proxies when it is for its namespace, that of the
// context mostly, that it has none.
func sayEmptyScope(env *Env, evidence *mesh.Evidence) {
	if evidence.Scope == nil || narrows(*evidence.Scope) || len(evidence.Scope.Namespaces) == 0 {
		return
	}
	namespaces := evidence.Scope.Namespaces
	for _, p := range mesh.New(evidence).Pods {
		if p.HasProxy() && slices.Contains(namespaces, p.Namespace) {
			return
		}
	}
	fmt.Fprintf(env.Err, "namespace %s has no pod with a proxy: capture -A records the whole mesh\n", report.Clean(strings.Join(namespaces, ", ")))
}
