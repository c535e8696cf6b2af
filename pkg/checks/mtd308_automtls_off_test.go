package checks

import (
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

func TestAutoMTLSOff(t *testing.T) {
	fires(t, "13-automtls-off", mtd308,
		"error ConfigMap istio-system/istio [data.mesh.enableAutoMtls] 91: ConfigMap istio-system/istio turns auto mTLS off and no DestinationRule turns mutual TLS on: clients send plaintext to api.pay, hl.shop and 3 more",
		"kubectl -n istio-system edit configmap istio")
}

// Each revision has a mesh config of its own.
func TestAutoMTLSOffInARevision(t *testing.T) {
	r := record(t, "13-automtls-off")
	r.MeshConfigs = map[string]*kube.MeshConfig{"canary": r.MeshConfigs["default"]}
	for _, p := range r.Resources.Pods {
		if p.Annotations["istio.io/rev"] != "" {
			p.Annotations["istio.io/rev"] = "canary"
		}
	}
	has(t, r.says(mtd308), "error ConfigMap istio-system/istio-canary")
}

func TestAutoMTLSOffQuietAndBlind(t *testing.T) {
	shared(t, "21-dr-portlevel-drops-tls").silent(mtd308)
	shared(t, healthy).silent(mtd308)
	blinded(t, "13-automtls-off", mtd308)
	unseenProxy(t, "13-automtls-off", "shop/server", mtd308)
}
