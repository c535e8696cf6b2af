package checks

import (
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// addRule adds a DestinationRule with a tls mode.
func (r *recording) addRule(namespace, name, host, mode string) *kube.DestinationRule {
	rule := &kube.DestinationRule{Meta: kube.Meta{Namespace: namespace, Name: name, CreationTimestamp: r.CapturedAt.AddDate(0, 0, -1)}}
	rule.Spec.Host = host
	rule.Spec.TrafficPolicy = &kube.TrafficPolicy{TLS: &kube.ClientTLS{Mode: mode}}
	r.Resources.DestinationRules = append(r.Resources.DestinationRules, rule)
	return rule
}

const (
	serverHost = "server.shop.svc.cluster.local"
	serverRule = `apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata:
  name: server-mtls
  namespace: shop
spec:
  host: server.shop.svc.cluster.local
  trafficPolicy:
    tls:
      mode: ISTIO_MUTUAL
`
)

func TestRuleNotExported(t *testing.T) {
	r := record(t, "13-automtls-off")
	r.addRule("shop", "server", serverHost, "ISTIO_MUTUAL").Spec.ExportTo = []string{"."}
	f := r.one(mtd330)
	has(t, lines([]*diagnose.Finding{f}), "error DestinationRule shop/server [spec.exportTo] 6: "+
		"DestinationRule shop/server says ISTIO_MUTUAL and is not seen by pay/api, pay/client: with auto mTLS off they send plaintext to server.shop")
	hasFix(t, f, `kubectl -n shop patch destinationrule server --type=json -p '[{"op":"add","path":"/spec/exportTo","value":["*"]}]'`)
	hasFix(t, f, "kubectl -n istio-system edit configmap istio")
	complete(t, f)
}

// A rule without tls that applies in its place hides nothing: without it the client would not see the other either.
func TestRuleNotExportedBesideAnother(t *testing.T) {
	r := record(t, "13-automtls-off")
	r.addRule("shop", "server", serverHost, "ISTIO_MUTUAL").Spec.ExportTo = []string{"."}
	r.addRule("istio-system", "all", "*.local", "").Spec.TrafficPolicy = nil
	f := r.one(mtd330)
	has(t, lines([]*diagnose.Finding{f}), "error DestinationRule shop/server [spec.exportTo] 6: ")
	r.silent(mtd305)
}

func TestRuleWhereNobodyLooks(t *testing.T) {
	r := record(t, "13-automtls-off")
	r.addRule("elsewhere", "server", serverHost, "ISTIO_MUTUAL")
	f := r.one(mtd330)
	has(t, lines([]*diagnose.Finding{f}), "error DestinationRule elsewhere/server [metadata.namespace] 21: ")
	hasFix(t, f, serverRule)

	r.Resources.DestinationRules[0].Namespace = "shop"
	r.Resources.DestinationRules[0].Labels = map[string]string{"istio.io/rev": "canary"}
	has(t, r.says(mtd330), "error DestinationRule shop/server [metadata.labels[istio.io/rev]]")
}

func TestRuleNotSeenQuietAndBlind(t *testing.T) {
	shared(t, "13-automtls-off").silent(mtd330)
	shared(t, "09-dr-client-ns-shadow").silent(mtd330)
	on := record(t, healthy)
	on.addRule("elsewhere", "server", serverHost, "ISTIO_MUTUAL")
	on.silent(mtd330)
	plain := record(t, "13-automtls-off")
	plain.addRule("elsewhere", "server", serverHost, "SIMPLE")
	plain.silent(mtd330)
	blinded(t, "13-automtls-off", mtd330)
	unseenProxy(t, "13-automtls-off", "shop/server", mtd330)
}
