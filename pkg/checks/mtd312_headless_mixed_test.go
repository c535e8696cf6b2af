package checks

import (
	"strings"
	"testing"
)

func TestHeadlessMixed(t *testing.T) {
	fires(t, "08-headless-mixed", mtd312,
		"error Service shop/hlmix [spec.clusterIP] 14: Service shop/hlmix is headless and shop/hlmix-out has no proxy, so clients send plaintext to all of it; shop/hlmix-in accepts only mutual TLS",
		`kubectl -n shop patch deployment hlmix-out --type=json -p '[{"op":"remove","path":"/spec/template/metadata/labels/sidecar.istio.io~1inject"}]'`)
}

// The workload's own policy is edited where there is one.
func TestHeadlessMixedOpensByThePolicyThatCounts(t *testing.T) {
	r := record(t, "08-headless-mixed")
	own := *r.policy("istio-system", "default")
	own.Namespace, own.Name = "shop", "mine"
	own.Spec.Selector = r.selector("version", "in")
	r.Resources.PeerAuthentications = append(r.Resources.PeerAuthentications, &own)
	hasFix(t, r.one(mtd312), `kubectl -n shop patch peerauthentication mine --type=json -p '[{"op":"add","path":"/spec/mtls","value":{"mode":"PERMISSIVE"}}]'`)
}

// A pod with a proxy and without the label is as good as one without: it is not told to be injected.
func TestHeadlessMixedLabelMissing(t *testing.T) {
	r := record(t, "08-headless-mixed")
	for _, p := range r.pods("hlmix") {
		if p.Labels["version"] == "in" {
			delete(p.Labels, "security.istio.io/tlsMode")
		}
	}
	for _, x := range r.one(mtd312).Fixes {
		if x.Title == "give Deployment shop/hlmix-in a proxy" {
			t.Errorf("it has one: %+v", x)
		}
	}
}

func TestHeadlessMixedQuietAndBlind(t *testing.T) {
	shared(t, "02-permissive-default").quiet(mtd312)
	shared(t, healthy).quiet(mtd312)
	blinded(t, "08-headless-mixed", mtd312)
	unseenProxy(t, "08-headless-mixed", "shop/hlmix-in", mtd312)
}

// The fix says whom it shuts out.
func TestHeadlessMixedFixShutsOut(t *testing.T) {
	f := record(t, "08-headless-mixed").one(mtd312)
	const want = "it is STRICT then, and refuses callers without a proxy: legacy/naked"
	if !strings.Contains(f.Fixes[0].Risk, want) {
		t.Errorf("the risk is %q, without %q", f.Fixes[0].Risk, want)
	}
}
