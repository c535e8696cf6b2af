package checks

import (
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// younger adds a rule after all others.
func (r *recording) younger(namespace, name, host, mode string) {
	r.addRule(namespace, name, host, mode).CreationTimestamp = r.CapturedAt
}

func TestDuplicateHost(t *testing.T) {
	r := record(t, "23-dr-wrong-san")
	r.younger("shop", "server-2", serverHost, "DISABLE")
	f := r.one(mtd328)
	has(t, lines([]*diagnose.Finding{f}), "warning DestinationRule shop/server-2 [spec.trafficPolicy.tls] 0: "+
		"DestinationRule shop/server-2 says tls DISABLE for server.shop and has no effect: DestinationRule shop/server, which is older, applies (ISTIO_MUTUAL)")
	hasFix(t, f, `kubectl -n shop patch destinationrule server-2 --type=json -p '[{"op":"remove","path":"/spec/trafficPolicy"}]'`)
	complete(t, f)
}

// Where the older rule says nothing, what was meant can be said in it.
func TestDuplicateHostOverAuto(t *testing.T) {
	r := record(t, healthy)
	r.addRule("shop", "a", serverHost, "").Spec.TrafficPolicy = &kube.TrafficPolicy{LoadBalancer: &kube.LoadBalancer{Simple: "RANDOM"}}
	r.younger("shop", "b", serverHost, "ISTIO_MUTUAL")
	f := r.one(mtd328)
	has(t, f.Title, "applies (no tls block, so auto mTLS decides)")
	hasFix(t, f, `kubectl -n shop patch destinationrule a --type=json -p '[{"op":"add","path":"/spec/trafficPolicy/tls","value":{"mode":"ISTIO_MUTUAL"}}]'`)
}

func TestDuplicateHostQuietAndBlind(t *testing.T) {
	same := record(t, "23-dr-wrong-san")
	same.younger("shop", "server-2", serverHost, "ISTIO_MUTUAL")
	same.quiet(mtd328)
	shared(t, "09-dr-client-ns-shadow").quiet(mtd328)
	shared(t, healthy).quiet(mtd328)
	blinded(t, healthy, mtd328)
}

// What a subset lost is said in the subset of that name, not for the whole host.
func TestSameField(t *testing.T) {
	from := ruleOf(t, `{"subsets":[{"name":"v1"}]}`)
	to := ruleOf(t, `{"subsets":[{"name":"v0"},{"name":"v1"}]}`)
	const field = "spec.subsets[0].trafficPolicy.tls"
	if got := sameField(from, to, field); got != "spec.subsets[1].trafficPolicy.tls" {
		t.Error(got)
	}
	if got := sameField(from, ruleOf(t, `{}`), field); got != "" {
		t.Error(got)
	}
	if got := sameField(from, to, "spec.trafficPolicy.tls"); got != "spec.trafficPolicy.tls" {
		t.Error(got)
	}
}
