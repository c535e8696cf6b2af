package cli

import (
	"github.com/spf13/cobra"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/report"
)

// globalOptions are the flags of every command that reads evidence.
type globalOptions struct {
	evidence evidenceOptions
	scope    scopeOptions
	color    enum
}

func (o *globalOptions) addFlags(cmd *cobra.Command) {
	o.evidence.addFlags(cmd)
	o.scope.addFlags(cmd)
	o.color.allowed = []string{"auto", "always", "never"}
	addEnum(cmd, cmd.PersistentFlags(), &o.color, "color", "", "colour the report; auto does on a terminal, unless NO_COLOR is set")
}

// outputOptions say in which form a document is shown.
type outputOptions struct {
	format    enum
	noHeaders bool
}

func (o *outputOptions) addFlags(cmd *cobra.Command) {
	o.format.allowed = []string{string(report.Table), string(report.Wide), string(report.JSON), string(report.YAML)}
	addEnum(cmd, cmd.Flags(), &o.format, "output", "o", "form of the output")
	cmd.Flags().BoolVar(&o.noHeaders, "no-headers", false, "no column headers in tables")
}

func (o *outputOptions) style(env *Env, color string, a report.Again) report.Style {
	return report.Style{
		Format:    report.Format(o.format.value),
		Color:     env.color(color),
		NoHeaders: o.noHeaders,
		Program:   env.Program,
		Width:     env.width(),
		Again:     a,
	}
}
