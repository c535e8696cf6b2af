package cli

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/report"
)

// TestAgain: what the report suggests asks the same cluster about the same things, and shows no
// credential.
func TestAgain(t *testing.T) {
	tests := map[string]struct {
		args []string
		want report.Again
	}{
		"nothing": {nil, report.Again{}},
		"from":    {[]string{"--from", "a b's.tgz", "-n", "shop"}, report.Again{Evidence: ` --from 'a b'\''s.tgz'`, Scope: " -n shop"}},
		"live": {
			[]string{"--context", "prod", "--token", "secret", "-A", "deploy/x"},
			report.Again{Evidence: " --context prod", Cluster: " --context prod", Scope: " -A deploy/x"},
		},
		"switched off": {[]string{"--exec=false", "-l", "app=a,b!=c"}, report.Again{Scope: " -l 'app=a,b!=c'"}},
	}
	for name, test := range tests {
		var got report.Again
		cmd := &cobra.Command{Use: "x", RunE: func(cmd *cobra.Command, args []string) error {
			got = again(cmd.Flags(), args)
			return nil
		}}
		new(globalOptions).addFlags(cmd)
		cmd.SetArgs(append([]string{}, test.args...))
		if err := cmd.Execute(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
