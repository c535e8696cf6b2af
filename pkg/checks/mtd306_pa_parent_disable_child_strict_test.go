package checks

import "testing"

func TestPAParentDisable(t *testing.T) {
	fires(t, "06-pa-parent-disable-child-strict", mtd306,
		"error PeerAuthentication shop/default [spec.mtls.mode] 21: PeerAuthentication shop/default is DISABLE, so clients send plaintext to server.shop, whose own policy accepts only mutual TLS",
		`kubectl -n shop patch peerauthentication default --type=json -p '[{"op":"add","path":"/spec/mtls/mode","value":"PERMISSIVE"}]'`)
	hasFix(t, shared(t, "06-pa-parent-disable-child-strict").one(mtd306), `apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata:
  name: server-mtls
  namespace: shop
spec:
  host: server.shop.svc.cluster.local
  trafficPolicy:
    tls:
      mode: ISTIO_MUTUAL
`)
}

// DISABLE for the whole mesh is the same fault, in another resource.
func TestPAMeshDisable(t *testing.T) {
	r := record(t, "06-pa-parent-disable-child-strict")
	r.policy("shop", "default").Namespace = "istio-system"
	has(t, r.says(mtd306), "error PeerAuthentication istio-system/default [spec.mtls.mode]")
}

func TestPAParentQuietAndBlind(t *testing.T) {
	shared(t, "03-dr-disable-vs-strict").silent(mtd306)
	shared(t, healthy).silent(mtd306)
	blinded(t, "06-pa-parent-disable-child-strict", mtd306)
	unseenProxy(t, "06-pa-parent-disable-child-strict", "shop/server", mtd306)
}
