package report

import "testing"

func TestAimed(t *testing.T) {
	s := &Style{Program: "doctor", Again: Again{Evidence: " --from x --context prod", Cluster: " --context prod", Scope: " -n shop"}}
	tests := map[string]string{
		"kubectl -n a get x; kubectl get y":          "kubectl --context prod -n a get x; kubectl --context prod get y",
		"echo kubectl get":                           "echo kubectl get",
		"kubectl mtls-doctor edges -A --to x:80":     "doctor edges --from x --context prod -A --to x:80",
		"kubectl mtls-doctor explain MTD301":         "kubectl mtls-doctor explain MTD301",
		"istioctl x\nkubectl rollout restart deploy": "istioctl x\nkubectl --context prod rollout restart deploy",
	}
	for command, want := range tests {
		if got := s.aimed(command); got != want {
			t.Errorf("%q: got %q", command, got)
		}
	}
	if got, want := s.edges(" -o wide"), "doctor edges -o wide --from x --context prod -n shop"; got != want {
		t.Errorf("got %q", got)
	}
	s.Again.Recorded = true
	if got := s.edges(""); got != "" {
		t.Errorf("no command reads a recording within: %q", got)
	}
}
