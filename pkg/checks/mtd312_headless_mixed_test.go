package checks

import (
	"strings"
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
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

// Who calls the pod without a proxy today would be refused by one that the policy makes STRICT.
func TestHeadlessMixedTellsWhoIsRefused(t *testing.T) {
	r := record(t, "08-headless-mixed")
	f := r.one(mtd312)
	has(t, f.Fixes[0].Risk, "then refused: legacy/naked")
	r.addPolicy("shop", "hlmix", "hlmix", "PERMISSIVE")
	if f := r.one(mtd312); strings.Contains(f.Fixes[0].Risk, "refused") {
		t.Error(f.Fixes[0].Risk)
	}
}

// A port that is STRICT by itself is not opened by the workload's mode: that fix is none.
func TestHeadlessMixedOpenMustHeal(t *testing.T) {
	r := record(t, "08-headless-mixed")
	pa := r.addPolicy("shop", "mine", "", "STRICT")
	pa.Spec.Selector = r.selector("version", "in")
	pa.Spec.PortLevelMTLS = map[string]kube.MutualTLS{"8080": {Mode: "STRICT"}}
	for _, fix := range r.one(mtd312).Fixes {
		if strings.Contains(fix.Title, "take plaintext too") {
			t.Errorf("%+v", fix)
		}
	}
}

func TestHeadlessMixedQuietAndBlind(t *testing.T) {
	shared(t, "02-permissive-default").quiet(mtd312)
	shared(t, healthy).quiet(mtd312)
	blinded(t, "08-headless-mixed", mtd312)
	unseenProxy(t, "08-headless-mixed", "shop/hlmix-in", mtd312)
}
