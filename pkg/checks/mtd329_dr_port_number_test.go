package checks

import (
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// ofPort makes a rule say its tls for one port only.
func ofPort(rule *kube.DestinationRule, port int32) {
	rule.Spec.TrafficPolicy = &kube.TrafficPolicy{PortLevelSettings: []kube.PortTrafficPolicy{{
		Port: kube.PortSelector{Number: port}, TLS: rule.Spec.TrafficPolicy.TLS,
	}}}
}

func TestRulePortNumber(t *testing.T) {
	r := record(t, healthy)
	ofPort(r.addRule("shop", "server", serverHost, "ISTIO_MUTUAL"), 8080)
	f := r.one(mtd329)
	has(t, lines([]*diagnose.Finding{f}), "warning DestinationRule shop/server [spec.trafficPolicy.portLevelSettings[0].port.number] 0: "+
		"DestinationRule shop/server sets tls for port 8080, on which the pods of server.shop listen: clients dial port 80, so it has no effect")
	hasFix(t, f, `kubectl -n shop patch destinationrule server --type=json -p '[{"op":"add","path":"/spec/trafficPolicy/portLevelSettings/0/port/number","value":80}]'`)
	complete(t, f)

	// Corrected, this one would break every client: only what has no effect is taken away.
	r.Resources.DestinationRules[0].Spec.TrafficPolicy.PortLevelSettings[0].TLS = &kube.ClientTLS{Mode: "DISABLE"}
	hasFix(t, r.one(mtd329), `kubectl -n shop patch destinationrule server --type=json -p '[{"op":"remove","path":"/spec/trafficPolicy"}]'`)
}

func TestRulePortNumberQuietAndBlind(t *testing.T) {
	for _, port := range []int32{80, 9000, 7} {
		r := record(t, healthy)
		ofPort(r.addRule("shop", "server", serverHost, "ISTIO_MUTUAL"), port)
		r.quiet(mtd329)
	}
	shared(t, "03-dr-disable-vs-strict").silent(mtd329)
	shared(t, healthy).silent(mtd329)
	blinded(t, healthy, mtd329)
}
