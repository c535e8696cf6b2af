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

// style is how documents are shown, apart from their form.
func (o *globalOptions) style(env *Env) report.Style {
	return report.Style{Color: env.color(o.color.value)}
}
