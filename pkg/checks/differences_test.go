package checks

import (
	"strings"
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// What the pod says otherwise than its peer is evidence, and the command looks at the pod.
func TestRootMismatchComparesThePods(t *testing.T) {
	r := record(t, "11-root-mismatch")
	text := facts(r.one(mtd201))
	has(t, text, "annotation lab/own-ca: 1, while pay/api-")
	has(t, text, "istio-proxy env: as its peer's: CA_ADDR=istiod.istio-system.svc:15012")
	pod := r.pods("server")[0]
	has(t, r.one(mtd201).Fixes[0].Command, "kubectl -n shop get pod "+pod.Name+" -o yaml | grep")

	for i := range pod.Spec.Containers {
		if pod.Spec.Containers[i].Name == "istio-proxy" {
			pod.Spec.Containers[i].Env = []kube.EnvVar{{Name: "CA_ADDR", Value: "other.ca:8080"}}
		}
	}
	has(t, facts(r.one(mtd201)), "istio-proxy env CA_ADDR: other.ca:8080, while pay/api-")
}

func facts(f *diagnose.Finding) string {
	var out []string
	for _, x := range f.Evidence {
		out = append(out, x.Source+": "+x.Value)
	}
	return strings.Join(out, "\n")
}
