package checks

import "testing"

// ISTIO_MUTUAL in the hiding rule would break the hosts of shop that are half in the mesh, so
// it must not be offered.
func TestDRHides(t *testing.T) {
	fires(t, "09-dr-client-ns-shadow", mtd305,
		"error DestinationRule pay/shop-limits [spec.trafficPolicy] 16: DestinationRule pay/shop-limits, which sets no tls, hides DestinationRule shop/shop from clients in pay: as auto mTLS is off, they send plaintext to hl.shop, multi.shop, server.shop",
		"kubectl -n pay get destinationrule shop-limits && kubectl -n pay get destinationrule shop-limits -o yaml > destinationrule-shop-limits.yaml && kubectl -n pay delete destinationrule shop-limits")
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
