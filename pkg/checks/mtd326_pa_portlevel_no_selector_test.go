package checks

import (
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

func TestPortsWithoutSelector(t *testing.T) {
	r := record(t, healthy)
	pa := r.addPolicy("pay", "default", "", "STRICT")
	pa.Spec.PortLevelMTLS = map[string]kube.MutualTLS{"8080": {Mode: "PERMISSIVE"}}
	f := r.one(mtd326)
	has(t, lines([]*diagnose.Finding{f}), "error PeerAuthentication pay/default [spec.portLevelMtls] 3: "+
		"PeerAuthentication pay/default sets portLevelMtls for port 8080 and has no selector, so the ports keep the mode of the whole: pay/api")
	hasFix(t, f, `apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata:
  name: api-ports
  namespace: pay
spec:
  mtls:
    mode: STRICT
  portLevelMtls:
    "8080":
      mode: PERMISSIVE
  selector:
    matchLabels:
      app: api
`)
	complete(t, f)
}

// A pod that no label tells apart is left to its owner.
func TestPortsWithoutSelectorOrLabels(t *testing.T) {
	r := record(t, healthy)
	r.addPolicy("pay", "default", "", "STRICT").Spec.PortLevelMTLS = map[string]kube.MutualTLS{"8080": {Mode: "STRICT"}}
	for _, p := range r.pods("api") {
		p.Labels = map[string]string{tlsMode: "istio"}
	}
	f := r.one(mtd326)
	has(t, lines([]*diagnose.Finding{f}), "info PeerAuthentication pay/default [spec.portLevelMtls] 0: ")
	has(t, f.Fixes[0].Command, "edit peerauthentication default")
}

func TestPortsWithoutSelectorQuietAndBlind(t *testing.T) {
	r := record(t, healthy)
	r.addPolicy("shop", "x", "server", "STRICT").Spec.PortLevelMTLS = map[string]kube.MutualTLS{"8080": {Mode: "PERMISSIVE"}}
	r.quiet(mtd326)
	r = record(t, healthy)
	r.addPolicy("shop", "x", "", "STRICT").Spec.PortLevelMTLS = map[string]kube.MutualTLS{"1": {Mode: "PERMISSIVE"}}
	r.silent(mtd326) // nobody listens there
	blinded(t, healthy, mtd326)

	r = record(t, healthy)
	r.addPolicy("pay", "x", "", "STRICT").Spec.PortLevelMTLS = map[string]kube.MutualTLS{"8080": {Mode: "PERMISSIVE"}}
	in := func(p *mesh.Pod) bool { return p.Namespace == "shop" }
	if found := diagnose.Run(mesh.New(r.Evidence), []*diagnose.Check{mtd326}, diagnose.Scope{In: in}).Findings; len(found) > 0 {
		t.Errorf("nobody asked: %s", lines(found))
	}
}
