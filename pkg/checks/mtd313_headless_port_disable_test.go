package checks

import "testing"

const hlPlaintext = `apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata:
  name: hl-plaintext
  namespace: shop
spec:
  host: hl.shop.svc.cluster.local
  trafficPolicy:
    portLevelSettings:
    - port:
        number: 9000
      tls:
        mode: DISABLE
`

// The ClusterIP service multi, with the same policy, works: it is not named.
func TestHeadlessPortDisable(t *testing.T) {
	fires(t, "22-headless-port-disable", mtd313,
		"error PeerAuthentication shop/hl [spec.portLevelMtls.9000.mode] 7: PeerAuthentication shop/hl turns mutual TLS off for port 9000 of shop/hl, but clients of hl.shop send it to all endpoints alike",
		`kubectl -n shop patch peerauthentication hl --type=json -p '[{"op":"add","path":"/spec/portLevelMtls/9000/mode","value":"PERMISSIVE"}]'`)
	hasFix(t, shared(t, "22-headless-port-disable").one(mtd313), hlPlaintext)
}

func TestHeadlessPortQuietAndBlind(t *testing.T) {
	shared(t, healthy).quiet(mtd313)
	shared(t, "15-exclude-inbound-ports").silent(mtd313)
	blinded(t, "22-headless-port-disable", mtd313)
	unseenProxy(t, "22-headless-port-disable", "shop/hl", mtd313)
}
