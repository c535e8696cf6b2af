package checks

import "testing"

func TestAuthzPlaintext(t *testing.T) {
	fires(t, "17-authz-principal-plaintext", mtd317,
		"error DestinationRule pay/server [spec.trafficPolicy.tls.mode] 6: DestinationRule pay/server makes pay/api, pay/client send plaintext to server.shop, where they arrive without an identity and are denied",
		`kubectl -n pay patch destinationrule server --type=json -p '[{"op":"remove","path":"/spec/trafficPolicy"}]'`)
}

// Without a resource that explains the plaintext nobody is blamed: the last check tells of it.
func TestAuthzPlaintextWithoutCulprit(t *testing.T) {
	r := record(t, "17-authz-principal-plaintext")
	r.Resources.DestinationRules = nil
	r.silent(mtd317)
	has(t, r.says(mtd399), "are refused by AuthorizationPolicy shop/")
}

func TestAuthzPlaintextQuietAndBlind(t *testing.T) {
	shared(t, "02-permissive-default").quiet(mtd317)
	shared(t, "03-dr-disable-vs-strict").quiet(mtd317)
	blinded(t, "17-authz-principal-plaintext", mtd317)
	unseenProxy(t, "17-authz-principal-plaintext", "shop/server", mtd317)
}
