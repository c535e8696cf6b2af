package checks

import (
	"strings"
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// ISTIO_MUTUAL in the hiding rule would break the hosts of shop that are half in the mesh, so
// it must not be offered.
func TestDRHides(t *testing.T) {
	fires(t, "09-dr-client-ns-shadow", mtd305,
		"error DestinationRule pay/shop-limits [spec.trafficPolicy] 16: DestinationRule pay/shop-limits, which sets no tls, hides DestinationRule shop/shop from clients in pay: as auto mTLS is off, they send plaintext to hl.shop, multi.shop, server.shop",
		"kubectl -n pay get destinationrule shop-limits && kubectl -n pay get destinationrule shop-limits -o yaml > destinationrule-shop-limits.yaml && kubectl -n pay delete destinationrule shop-limits")
}

// The hosts that are whole in the mesh get rules of their own, which keep what the hiding rule says.
func TestDRHidesByHost(t *testing.T) {
	f := shared(t, "09-dr-client-ns-shadow").one(mtd305)
	hasFix(t, f, `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: server-shop-mtls, namespace: pay}
spec:
  host: server.shop.svc.cluster.local
  trafficPolicy: {connectionPool: {tcp: {maxConnections: 100}}, tls: {mode: ISTIO_MUTUAL}}
`)
	if len(f.Fixes) != 4 || f.Fixes[0].Also || !f.Fixes[1].Also || !f.Fixes[2].Also || f.Fixes[3].Also {
		t.Errorf("%+v", f.Fixes)
	}
}

// A rule of which not all is read, or that drops the tls of a port, is not copied.
func TestDRHidesWhatCannotBeCopied(t *testing.T) {
	for name, add := range map[string]func(*kube.DestinationRuleSpec){
		"a load balancer":          func(s *kube.DestinationRuleSpec) { s.TrafficPolicy.LoadBalancer = &kube.LoadBalancer{} },
		"subsets":                  func(s *kube.DestinationRuleSpec) { s.Subsets = []kube.Subset{{Name: "v1"}} },
		"settings of a port":       func(s *kube.DestinationRuleSpec) { s.TrafficPolicy.PortLevelSettings = []kube.PortTrafficPolicy{{}} },
		"no policy for the copies": func(s *kube.DestinationRuleSpec) { s.TrafficPolicy = nil },
	} {
		r := record(t, "09-dr-client-ns-shadow")
		add(&r.rule("pay", "shop-limits").Spec)
		if fixes := r.one(mtd305).Fixes; len(fixes) != 1 || !strings.HasPrefix(fixes[0].Title, "delete ") {
			t.Errorf("%s: %+v", name, fixes)
		}
	}
}

// Where all hosts that it covers are in the mesh it is.
func TestDRHidesOneHost(t *testing.T) {
	r := record(t, "09-dr-client-ns-shadow")
	r.rule("pay", "shop-limits").Spec.Host = "server.shop.svc.cluster.local"
	f := r.one(mtd305)
	hasFix(t, f, `kubectl -n pay patch destinationrule shop-limits --type=json -p '[{"op":"add","path":"/spec/trafficPolicy/tls","value":{"mode":"ISTIO_MUTUAL"}}]'`)
}

func TestDRHidesQuietAndBlind(t *testing.T) {
	r := record(t, "09-dr-client-ns-shadow")
	r.MeshConfigs["default"].EnableAutoMTLS = nil
	r.silent(mtd305)
	shared(t, "13-automtls-off").silent(mtd305)
	shared(t, healthy).silent(mtd305)
	blinded(t, "09-dr-client-ns-shadow", mtd305)
	unseenProxy(t, "09-dr-client-ns-shadow", "shop/server", mtd305)
}
