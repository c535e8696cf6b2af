package cli

import (
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/report"
)

// The flags that a command keeps which the report suggests: without them it would ask another
// cluster, or about something else. No credential is among them.
var (
	clusterFlags  = []string{"kubeconfig", "context", "cluster", "user", "server"}
	evidenceFlags = []string{"from", "istio-namespace", "proxy-admin-port", "exec"}
	scopeFlags    = []string{"namespace", "all-namespaces", "selector", "revision"}
)

// again says how the user reached the evidence and what was asked about it.
func again(flags *pflag.FlagSet, targets []string) report.Again {
	a := report.Again{Cluster: given(flags, clusterFlags), Scope: given(flags, scopeFlags)}
	a.Evidence = given(flags, evidenceFlags) + a.Cluster
	for _, t := range targets {
		a.Scope += " " + diagnose.ShellWord(t)
	}
	return a
}

// given writes those of the named flags that the user gave, each after a space.
func given(flags *pflag.FlagSet, names []string) string {
	var b strings.Builder
	flags.Visit(func(f *pflag.Flag) {
		if !slices.Contains(names, f.Name) {
			return
		}
		word := "--" + f.Name
		if f.Shorthand != "" {
			word = "-" + f.Shorthand
		}
		switch {
		case f.Value.Type() != "bool":
			b.WriteString(" " + word + " " + diagnose.ShellWord(f.Value.String()))
		case f.Value.String() == "true":
			b.WriteString(" " + word)
		}
	})
	return b.String()
}
