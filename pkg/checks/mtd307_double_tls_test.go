package checks

import "testing"

func TestDoubleTLS(t *testing.T) {
	fires(t, "14-serviceentry-double-tls", mtd307,
		"error DestinationRule pay/partner [spec.trafficPolicy.tls.mode] 8: DestinationRule pay/partner says SIMPLE for api.partner.example, whose clients speak TLS already",
		`kubectl -n pay patch destinationrule partner --type=json -p '[{"op":"remove","path":"/spec/trafficPolicy"}]'`)
	has(t, shared(t, "14-serviceentry-double-tls").one(mtd307).Fixes[0].Title, "so that the application's own TLS passes through")
}

// SIMPLE towards a server in the mesh fails otherwise.
func TestDoubleTLSQuietAndBlind(t *testing.T) {
	shared(t, "04-dr-simple-in-mesh").quiet(mtd307)
	shared(t, healthy).silent(mtd307)
	blinded(t, "14-serviceentry-double-tls", mtd307)
	unseenProxy(t, "14-serviceentry-double-tls", "pay/client", mtd307)
}
