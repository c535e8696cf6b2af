package checks

import "testing"

func TestDRPortLevel(t *testing.T) {
	fires(t, "21-dr-portlevel-drops-tls", mtd304,
		"error DestinationRule shop/server [spec.trafficPolicy.portLevelSettings[0]] 7: DestinationRule shop/server has settings for port 80 without tls, which drop spec.trafficPolicy.tls: as auto mTLS is off, clients send plaintext to server.shop",
		`kubectl -n shop patch destinationrule server --type=json -p '[{"op":"add","path":"/spec/trafficPolicy/portLevelSettings/0/tls","value":{"mode":"ISTIO_MUTUAL"}}]'`)
}

// With auto mTLS on the port has it to fall back to, so whatever fails is not this rule's fault.
func TestDRPortLevelQuietAndBlind(t *testing.T) {
	r := record(t, "21-dr-portlevel-drops-tls")
	r.MeshConfigs["default"].EnableAutoMTLS = nil
	r.silent(mtd304)
	shared(t, healthy).silent(mtd304)
	blinded(t, "21-dr-portlevel-drops-tls", mtd304)
	unseenProxy(t, "21-dr-portlevel-drops-tls", "shop/server", mtd304)
}
