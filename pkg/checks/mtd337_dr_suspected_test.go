package checks

import "testing"

func TestDRSuspected(t *testing.T) {
	for name, sends := range map[string]string{"03-dr-disable-vs-strict": "plaintext", "04-dr-simple-in-mesh": "tls"} {
		r := record(t, name).withoutProxy("shop/server")
		f := r.one(mtd337)
		has(t, r.says(mtd337), "warning DestinationRule shop/server [spec.trafficPolicy.tls.mode]")
		has(t, f.Title, "suspected: DestinationRule shop/server makes clients send "+sends+" to server.shop, and the policy of shop/server is STRICT; its proxy was not read")
		complete(t, f)
	}
}

// With the proxy read it is known what happens, and without a rule or a STRICT policy there is nothing to suspect.
func TestDRSuspectedQuietAndBlind(t *testing.T) {
	shared(t, "03-dr-disable-vs-strict").silent(mtd337)
	record(t, healthy).withoutProxy("shop/server").quiet(mtd337)
	r := record(t, "03-dr-disable-vs-strict").withoutProxy("shop/server")
	r.Resources.PeerAuthentications = nil
	r.quiet(mtd337)
	bypassed := record(t, "03-dr-disable-vs-strict")
	bypassed.gateway("shop.example", nil)
	bypassed.withoutProxy("shop/server").silent(mtd337) // takes no PeerAuthentication
	blinded(t, "03-dr-disable-vs-strict", mtd337)
}
