package checks

import (
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

const dropPolicy = `kubectl -n shop patch destinationrule server --type=json -p '[{"op":"remove","path":"/spec/trafficPolicy"}]'`

func TestDRDisable(t *testing.T) {
	fires(t, "03-dr-disable-vs-strict", mtd301,
		"error DestinationRule shop/server [spec.trafficPolicy.tls.mode] 21: DestinationRule shop/server says DISABLE, so clients send plaintext to server.shop", dropPolicy)
}

// No mode means DISABLE.
func TestDRWithoutMode(t *testing.T) {
	r := record(t, "03-dr-disable-vs-strict")
	r.rule("shop", "server").Spec.TrafficPolicy.TLS.Mode = ""
	has(t, r.says(mtd301), "[spec.trafficPolicy.tls] 21: DestinationRule shop/server has a tls block without a mode, which means DISABLE")
}

// Only the tls block goes where the policy says more.
func TestDRDisableKeepsTheRest(t *testing.T) {
	r := record(t, "03-dr-disable-vs-strict")
	r.rule("shop", "server").Spec.TrafficPolicy.Rest = jsontext.Value(`{"connectionPool":{}}`)
	hasFix(t, r.one(mtd301), `kubectl -n shop patch destinationrule server --type=json -p '[{"op":"remove","path":"/spec/trafficPolicy/tls"}]'`)
}

// With auto mTLS off, removing the block would leave plaintext: then it must say ISTIO_MUTUAL.
func TestDRDisableWithAutoMTLSOff(t *testing.T) {
	hasFix(t, record(t, "03-dr-disable-vs-strict").autoOff().one(mtd301),
		`kubectl -n shop patch destinationrule server --type=json -p '[{"op":"add","path":"/spec/trafficPolicy/tls","value":{"mode":"ISTIO_MUTUAL"}}]'`)
}

// A rule that sends plaintext to those who take it is nobody's fault.
func TestDRDisableQuietAndBlind(t *testing.T) {
	shared(t, "09-dr-client-ns-shadow").quiet(mtd301)
	shared(t, healthy).silent(mtd301)
	blinded(t, "03-dr-disable-vs-strict", mtd301)
	unseenProxy(t, "03-dr-disable-vs-strict", "shop/server", mtd301)
}

// Two subsets of one rule are two findings, which a reader can tell apart.
func TestDRDisableOfSubsets(t *testing.T) {
	rule := &kube.DestinationRule{Meta: kube.Meta{Namespace: "shop", Name: "server"}}
	rule.Spec.Subsets = []kube.Subset{{Name: "v1"}, {Name: "v2"}}
	for field, want := range map[string]string{
		"spec.trafficPolicy.tls.mode":            "DestinationRule shop/server",
		"spec.subsets[1].trafficPolicy.tls.mode": "DestinationRule shop/server for subset v2",
		"spec.subsets[7].trafficPolicy.tls.mode": "DestinationRule shop/server",
		"spec.trafficPolicy":                     "DestinationRule shop/server",
	} {
		if got := ruleAt(rule, field); got != want {
			t.Errorf("%s: %s, want %s", field, got, want)
		}
	}
}
