package checks

import (
	"strings"
	"testing"
)

func TestPlaintextBySetting(t *testing.T) {
	r := truth(t, denyBypassed) // PERMISSIVE, and a DestinationRule that is DISABLE
	f := r.judge(mtd336).Findings[0]
	has(t, r.says(mtd336), "info DestinationRule pay/server [spec.trafficPolicy.tls.mode]")
	has(t, f.Title, "DestinationRule pay/server makes ")
	has(t, f.Title, "send plaintext to server.shop, though both ends have a proxy")
	hasFix(t, f, `kubectl -n pay patch destinationrule server --type=json -p '[{"op":"remove","path":"/spec/trafficPolicy"}]'`)
	complete(t, f)
}

// A policy that is DISABLE takes the identity from callers of the mesh, too.
func TestPlaintextByPolicy(t *testing.T) {
	if got := shared(t, portDisabled).says(mtd336); strings.Contains(got, "shop/multi") {
		t.Errorf("%s: the workload is STRICT but for this port (MTD334)", got)
	}
	r := record(t, portDisabled)
	r.policy("shop", "multi").Spec.MTLS.Mode = "DISABLE"
	has(t, r.says(mtd336), "info PeerAuthentication shop/multi [spec.")
}

// What turns mutual TLS off for a namespace, or for the mesh, can be taken back, too.
func TestPlaintextBySettingIsTakenBack(t *testing.T) {
	r := record(t, "02-permissive-default")
	for _, p := range r.Proxies {
		for _, c := range p.Clusters {
			c.Matches = nil // as istiod makes them where it does not choose mutual TLS
		}
	}
	off := false
	r.MeshConfigs["default"].EnableAutoMTLS = &off
	hasFix(t, r.one(mtd336), "kubectl -n istio-system edit configmap istio")

	r.MeshConfigs["default"].EnableAutoMTLS = nil
	r.addPolicy("shop", "off", "", "DISABLE")
	f := r.one(mtd336)
	hasFix(t, f, `kubectl -n shop patch peerauthentication off --type=json -p '[{"op":"add","path":"/spec/mtls/mode","value":"PERMISSIVE"}]'`)
	has(t, f.Fixes[0].Risk, "the server speaks first")
}

// What also breaks somebody is told of once: as that.
func TestPlaintextAsAConsequence(t *testing.T) {
	for _, name := range []string{"03-dr-disable-vs-strict", "13-automtls-off", "17-authz-principal-plaintext", "18-sidecar-egress-hides-service"} {
		for _, f := range shared(t, name).judge(All()...).Findings {
			if f.Check == mtd336 && f.CausedBy == nil {
				t.Errorf("%s: %s", name, f.Title)
			}
		}
	}
}

// A headless service that is half in the mesh is plaintext without any setting, too.
func TestPlaintextOfAHalfBareService(t *testing.T) {
	for _, name := range []string{"13-automtls-off", "18-sidecar-egress-hides-service", "117-outbound-dynamic-dns"} {
		if got := shared(t, name).says(mtd336); strings.Contains(got, "hlmix") {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestPlaintextBySettingQuietAndBlind(t *testing.T) {
	shared(t, healthy).silent(mtd336)
	shared(t, "02-permissive-default").silent(mtd336) // a headless service is half in the mesh, on purpose
	blinded(t, healthy, mtd336)
	unseenProxy(t, healthy, "shop/server", mtd336)
}
