package checks

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// A short name is one of the rule's own namespace.
func TestRuleForAShortHost(t *testing.T) {
	r := record(t, healthy)
	r.addRule("pay", "server", "server", "ISTIO_MUTUAL")
	f := r.one(mtd327)
	has(t, lines([]*diagnose.Finding{f}), `warning DestinationRule pay/server [spec.host] 0: DestinationRule pay/server sets tls for "server", which means a Service of its own namespace; Service shop/server is in another`)
	hasFix(t, f, `kubectl -n pay patch destinationrule server --type=json -p '[{"op":"add","path":"/spec/host","value":"server.shop.svc.cluster.local"}]'`)
	complete(t, f)

	// With DISABLE the corrected rule would break the clients of pay: it is not offered.
	r.Resources.DestinationRules[0].Spec.TrafficPolicy.TLS.Mode = "DISABLE"
	hasFix(t, r.one(mtd327), `kubectl -n pay patch destinationrule server --type=json -p '[{"op":"remove","path":"/spec/trafficPolicy"}]'`)
}

func TestRuleForAnUnknownHost(t *testing.T) {
	r := record(t, healthy)
	r.addRule("pay", "x", "nowhere.example.com", "SIMPLE")
	f := r.one(mtd327)
	has(t, lines([]*diagnose.Finding{f}), "info DestinationRule pay/x [spec.host] 0: DestinationRule pay/x sets tls for nowhere.example.com, which is no Service and no ServiceEntry")
	complete(t, f)
}

func TestTLSFields(t *testing.T) {
	mutual := &kube.ClientTLS{Mode: "ISTIO_MUTUAL"}
	rule := &kube.DestinationRule{}
	rule.Spec.TrafficPolicy = &kube.TrafficPolicy{TLS: mutual, PortLevelSettings: []kube.PortTrafficPolicy{{}, {TLS: mutual}}}
	rule.Spec.Subsets = []kube.Subset{{}, {TrafficPolicy: &kube.TrafficPolicy{TLS: mutual}}}
	want := []string{"spec.trafficPolicy.tls", "spec.trafficPolicy.portLevelSettings[1].tls", "spec.subsets[1].trafficPolicy.tls"}
	if diff := cmp.Diff(want, tlsFields(rule)); diff != "" {
		t.Error(diff)
	}
}

func TestRuleHostQuietAndBlind(t *testing.T) {
	shared(t, "09-dr-client-ns-shadow").quiet(mtd327) // wildcards
	shared(t, "14-serviceentry-double-tls").quiet(mtd327)
	without := record(t, healthy)
	without.addRule("pay", "x", "nowhere", "").Spec.TrafficPolicy = nil
	without.silent(mtd327)
	blinded(t, healthy, mtd327)
}
