package checks

import "testing"

func TestDRSimple(t *testing.T) {
	fires(t, "04-dr-simple-in-mesh", mtd302,
		"error DestinationRule shop/server [spec.trafficPolicy.tls.mode] 21: DestinationRule shop/server says SIMPLE, so clients offer no certificate of the mesh to server.shop", dropPolicy)
}

func TestDRSimpleQuietAndBlind(t *testing.T) {
	shared(t, healthy).silent(mtd302)
	shared(t, "14-serviceentry-double-tls").silent(mtd302) // SIMPLE to a host outside the mesh
	blinded(t, "04-dr-simple-in-mesh", mtd302)
	unseenProxy(t, "04-dr-simple-in-mesh", "pay/client", mtd302)
}

// MUTUAL is told as what it is.
func TestDRMutual(t *testing.T) {
	r := record(t, "04-dr-simple-in-mesh")
	r.rule("shop", "server").Spec.TrafficPolicy.TLS.Mode = "MUTUAL"
	has(t, r.says(mtd302), "DestinationRule shop/server says MUTUAL")
}
