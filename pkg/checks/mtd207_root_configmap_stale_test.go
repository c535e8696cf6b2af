package checks

import (
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/internal/testca"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
)

// handOut changes the root certificate that a namespace gives to new proxies.
func (r *recording) handOut(namespace, text string) {
	for _, cm := range r.Resources.ConfigMaps {
		if cm.Namespace == namespace && cm.Name == "istio-ca-root-cert" {
			cm.Data = map[string]string{"root-cert.pem": text}
		}
	}
}

func TestRootConfigMapStale(t *testing.T) {
	r := record(t, healthy)
	r.handOut("pay", string(testca.New(r.CapturedAt, testca.Seed("old")).Root().PEM()))
	f := r.one(mtd207)
	has(t, lines([]*diagnose.Finding{f}), "warning ConfigMap pay/istio-ca-root-cert [data[root-cert.pem]] 0: "+
		"ConfigMap pay/istio-ca-root-cert does not hold the mesh's root certificate: pods that start in namespace pay cannot reach istiod")
	hasFix(t, f, "kubectl -n pay delete configmap istio-ca-root-cert")
	complete(t, f)

	r.handOut("pay", "no certificate at all")
	has(t, facts(r.one(mtd207)), "no certificate")
}

// A namespace without pods of the mesh starts none, and one root more does no harm.
func TestRootConfigMapQuietAndBlind(t *testing.T) {
	r := record(t, healthy)
	r.handOut("legacy", "")
	r.quiet(mtd207)
	for _, cm := range r.Resources.ConfigMaps {
		if cm.Namespace == "pay" && cm.Name == "istio-ca-root-cert" {
			cm.Data["root-cert.pem"] += string(testca.New(r.CapturedAt, testca.Seed("next")).Root().PEM())
		}
	}
	r.quiet(mtd207)
	shared(t, "11-root-mismatch").silent(mtd207)
	blinded(t, healthy, mtd207)
}
