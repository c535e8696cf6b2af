package fault

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/client/clienttest"
	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/node"
)

// TestBreakAndMend: what a fault asks of the lab, and that mending takes back the same.
func TestBreakAndMend(t *testing.T) {
	const pod, exec = "POST /pods/shop/server-1/", `{"Container":"istio-proxy","UID":0,"Args":["iptables","--wait",`
	synRule := `"OUTPUT","-p","tcp","--syn","--dport","15012","-j","REJECT","--reject-with","tcp-reset"]`
	hangRule := `"INPUT","-i","lo","-p","tcp","--dport","15000","-m","length","--length","61:65535","-j","DROP"]`
	shutRule := `"PREROUTING","-t","mangle","-p","tcp","--syn","--dport","8080","-j","DROP"]`
	tests := map[string]struct{ breaks, mends []string }{
		"freeze-proxy": {
			[]string{pod + `signal {"Container":"istio-proxy","Program":"envoy","Signal":19}`},
			[]string{pod + `signal {"Container":"istio-proxy","Program":"envoy","Signal":18}`},
		},
		"freeze-agent": {
			[]string{pod + `signal {"Container":"istio-proxy","Program":"","Signal":19}`},
			[]string{pod + `signal {"Container":"istio-proxy","Program":"","Signal":18}`},
		},
		"kill-proxy": {
			[]string{pod + `hold {"Container":"istio-proxy","Held":true}`},
			[]string{pod + `hold {"Container":"istio-proxy","Held":false}`},
		},
		"cut-istiod": {
			[]string{pod + "exec " + exec + `"-I",` + synRule, pod + `cut {"Only":[15012]`},
			[]string{pod + "exec " + exec + `"-D",` + synRule},
		},
		"hang-admin": {
			[]string{pod + "exec " + exec + `"-I",` + hangRule},
			[]string{pod + "exec " + exec + `"-D",` + hangRule},
		},
		"drop-8080": {
			[]string{pod + "exec " + exec + `"-I",` + shutRule},
			[]string{pod + "exec " + exec + `"-D",` + shutRule},
		},
	}
	for _, f := range All() {
		t.Run(f.Name, func(t *testing.T) {
			lab := clienttest.New(t, nil)
			server := node.PodInfo{Namespace: "shop", Name: "server-1"}
			if err := f.Break(t.Context(), lab.Client, server); err != nil {
				t.Fatal(err)
			}
			begins(t, "break", lab.Asked(), tests[f.Name].breaks)
			if err := f.Mend(t.Context(), lab.Client, server); err != nil {
				t.Fatal(err)
			}
			begins(t, "mend", lab.Asked(), tests[f.Name].mends)
		})
	}
}

// begins compares requests by how they begin: what follows are fields that are not set.
func begins(t *testing.T, what string, got, want []string) {
	t.Helper()
	for i := range min(len(got), len(want)) {
		got[i] = got[i][:min(len(got[i]), len(want[i]))]
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: %s", what, diff)
	}
}

func TestFirewallFails(t *testing.T) {
	lab := clienttest.New(t, map[string]string{"/pods/shop/server-1/exec": `{"Code":4,"Stderr":"bm8gc3VjaCBjaGFpbg=="}`})
	f, err := Find("hang-admin")
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Break(t.Context(), lab.Client, node.PodInfo{Namespace: "shop", Name: "server-1"}); err == nil || !strings.Contains(err.Error(), "no such chain") {
		t.Errorf("%v, want iptables' message", err)
	}
}

func TestFind(t *testing.T) {
	if _, err := Find("melt"); err == nil || !strings.Contains(err.Error(), "hang-admin") {
		t.Errorf("%v, want the names that there are", err)
	}
}
