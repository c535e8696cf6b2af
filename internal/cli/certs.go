package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/report"
)

// certsOptions are the flags of `certs`.
type certsOptions struct {
	global  *globalOptions
	output  outputOptions
	verdict verdictOptions
}

func newCertsCmd(env *Env, global *globalOptions) *cobra.Command {
	o := &certsOptions{global: global}
	cmd := &cobra.Command{
		Use:   "certs [TARGET…]",
		Short: "The certificates of the proxies: who, until when, under which root",
		Long: `Lists the certificates that the proxies in scope present, the worst first: identity, key, issuer,
the root that they hang on, the roots that their proxy trusts, how much of the lifetime is over
and when the chain ends. Roots have letters, the commonest is A.

The state is fresh, renewal-due (more than half of the lifetime is over and istio-agent has not
renewed it), renewal-late (three quarters are over), ending (of a CA: less than a month), expired,
not-yet-valid, missing, unreadable, or undated when the evidence does not say when it was taken.

The table folds the replicas of a workload, and of many workloads those that are fresh; -o wide
has every certificate. It lists and never exits with 3; exit code 4: a proxy was not read,
or there are no pods in scope.`,
		Example: examples(env.Program, `
			PROGRAM certs -A
			PROGRAM certs deploy/checkout -o wide`),
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.run(cmd.Context(), env, args)
		},
		ValidArgsFunction: completeTargets,
	}
	o.output.addFlags(cmd, report.CertificateFormats())
	o.verdict.addPartialFlag(cmd)
	return cmd
}

func (o *certsOptions) run(ctx context.Context, env *Env, args []string) error {
	view, err := o.global.read(ctx, env, args)
	if err != nil {
		return err
	}
	l := report.Certificates(view.snapshot, view.found.scope().In)
	if err := o.output.write(env, o.global.style(env), l.Render); err != nil {
		return err
	}
	switch {
	case view.timeout != nil:
		return view.timeout
	case (l.Incomplete() || view.empty()) && !o.verdict.allowPartial:
		return outcome(exitIncomplete)
	}
	return nil
}
