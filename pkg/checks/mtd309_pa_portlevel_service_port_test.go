package checks

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

func TestPAServicePort(t *testing.T) {
	fires(t, "07-pa-portlevel-service-port", mtd309,
		"error PeerAuthentication shop/server [spec.portLevelMtls.80] 3: PeerAuthentication shop/server sets portLevelMtls for 80, the Service's port: the container listens on 8080, so it applies to nothing",
		`kubectl -n shop patch peerauthentication server --type=json -p '[{"op":"move","from":"/spec/portLevelMtls/80","path":"/spec/portLevelMtls/8080"}]'`)
}

// How bad it is depends on what the setting was to do.
func TestPAServicePortSeverity(t *testing.T) {
	for name, c := range map[string]struct {
		capture, mode, want string
	}{
		"was to protect":            {"02-permissive-default", "STRICT", "error"},
		"was to open, nobody minds": {"02-permissive-default", "DISABLE", "warning"},
		"changes nothing":           {"02-permissive-default", "PERMISSIVE", "info"},
	} {
		r := record(t, c.capture)
		pa := &kube.PeerAuthentication{Meta: kube.Meta{Name: "server", Namespace: "shop"}}
		pa.Spec.Selector = &kube.Selector{MatchLabels: map[string]string{"app": "server"}}
		pa.Spec.PortLevelMTLS = map[string]kube.MutualTLS{"443": {Mode: c.mode}}
		r.Resources.PeerAuthentications = append(r.Resources.PeerAuthentications, pa)
		t.Run(name, func(t *testing.T) {
			has(t, r.says(mtd309), c.want+" PeerAuthentication shop/server [spec.portLevelMtls.443] 0: ")
		})
	}
}

// The container's port, and one that no Service knows, are what the key is for.
func TestPAServicePortQuietAndBlind(t *testing.T) {
	shared(t, "22-headless-port-disable").quiet(mtd309)
	r := record(t, "07-pa-portlevel-service-port")
	r.policy("shop", "server").Spec.PortLevelMTLS = map[string]kube.MutualTLS{"8080": {Mode: "PERMISSIVE"}, "7777": {Mode: "DISABLE"}, "x": {Mode: "STRICT"}}
	r.quiet(mtd309)
	shared(t, healthy).silent(mtd309)
	blinded(t, "07-pa-portlevel-service-port", mtd309)
}

// A pod of the same workload that is none of the policy's, and the first by name, says nothing.
func TestPAServicePortOfThePodThatWasJudged(t *testing.T) {
	r := record(t, "07-pa-portlevel-service-port")
	before := r.one(mtd309)
	r.stranger("server")
	after := r.one(mtd309)
	if diff := cmp.Diff(before.Title, after.Title); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(before.Fixes, after.Fixes); diff != "" {
		t.Error(diff)
	}
}
