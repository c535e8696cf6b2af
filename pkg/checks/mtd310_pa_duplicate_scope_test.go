package checks

import (
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

func TestPADuplicate(t *testing.T) {
	fires(t, "20-pa-duplicate-scope", mtd310,
		"warning PeerAuthentication shop/b-new [spec] 0: PeerAuthentication shop/b-new (PERMISSIVE) has no effect: PeerAuthentication shop/a-old (STRICT) is older, and of the same scope",
		"kubectl -n shop get peerauthentication b-new && kubectl -n shop get peerauthentication b-new -o yaml > peerauthentication-b-new.yaml && kubectl -n shop delete peerauthentication b-new")
}

// Two that say the same contradict each other in nothing.
func TestPADuplicateOfTheSameMode(t *testing.T) {
	r := record(t, "20-pa-duplicate-scope")
	r.policy("shop", "b-new").Spec.MTLS.Mode = "STRICT"
	has(t, r.says(mtd310), "info PeerAuthentication shop/b-new")
	r.policy("shop", "b-new").Spec.PortLevelMTLS = map[string]kube.MutualTLS{"8080": {Mode: "DISABLE"}}
	has(t, r.says(mtd310), "warning PeerAuthentication shop/b-new")
}

// Two policies that select one workload are duplicates as well.
func TestPADuplicateOfAWorkload(t *testing.T) {
	r := record(t, "22-headless-port-disable")
	second := *r.policy("shop", "hl")
	second.Name, second.CreationTimestamp = "hl-2", second.CreationTimestamp.Add(1)
	second.Spec.MTLS = nil
	r.Resources.PeerAuthentications = append(r.Resources.PeerAuthentications, &second)
	has(t, r.says(mtd310), "warning PeerAuthentication shop/hl-2 [spec] 0: PeerAuthentication shop/hl-2 (UNSET) has no effect: PeerAuthentication shop/hl (STRICT) is older")
}

func TestPADuplicateQuietAndBlind(t *testing.T) {
	shared(t, healthy).quiet(mtd310)
	blinded(t, "20-pa-duplicate-scope", mtd310)
}

// Of two of the same second the name decides, and neither wins over a policy of its own
// revision by being older in another.
func TestPADuplicateGoesByTheDerivation(t *testing.T) {
	r := record(t, "22-headless-port-disable")
	r.stranger("hl")
	for _, c := range []struct{ name, revision string }{{"a-elsewhere", "elsewhere"}, {"z", ""}} {
		pa := *r.policy("shop", "hl")
		pa.Name, pa.Labels = c.name, map[string]string{"istio.io/rev": c.revision}
		pa.Spec.PortLevelMTLS, pa.Spec.MTLS = nil, &kube.MutualTLS{Mode: "DISABLE"}
		if c.revision == "" {
			pa.Labels = nil
		}
		r.Resources.PeerAuthentications = append(r.Resources.PeerAuthentications, &pa)
	}
	has(t, r.says(mtd310), "PeerAuthentication shop/z (DISABLE) has no effect: PeerAuthentication shop/hl (STRICT) is as old and first by name, and of the same scope")
}
