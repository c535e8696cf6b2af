package cli

import (
	"os"
	"strings"
	"testing"
)

// TestDiffAgainstCluster: without AFTER it is the cluster, and of it what the capture was about.
func TestDiffAgainstCluster(t *testing.T) {
	recorded := members(t)
	t.Setenv("KUBECONFIG", kubeconfig(t, apiServer(t, recorded)))
	env := testEnv(nil, nil, nil, os.Getenv)
	env.Collect = replayed(t, recorded)
	const captures = "../../testdata/captures/"
	tests := map[string]struct {
		args []string
		code int
		says string
	}{
		"the same mesh":  {[]string{captures + "03-dr-disable-vs-strict.tar.gz"}, exitOK, "all namespaces   findings: 3 as before; calls: "},
		"a healthy one":  {[]string{captures + "01-healthy-strict.tar.gz"}, exitFindings, "all namespaces   findings: 1 new, 2 as before; calls: 21 worse, "},
		"of a namespace": {[]string{captures + "01-healthy-strict.tar.gz", "-n", "pay"}, exitFindings, "pay   findings: 1 new, "},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := runWith(t, env, append([]string{"diff"}, test.args...)...)
			if got.Code != test.code || !strings.HasPrefix(got.Out, test.says) || !strings.Contains(got.Out, "\n  after: the cluster, ") {
				t.Errorf("got %+v", got)
			}
		})
	}
}
