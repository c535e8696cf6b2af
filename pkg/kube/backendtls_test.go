package kube_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// TestBackendTLSPolicy: the fields as gateway-api.sigs.k8s.io/reference/spec has them.
func TestBackendTLSPolicy(t *testing.T) {
	var b kube.BackendTLSPolicy
	fromYAML(t, `
metadata: {name: web, namespace: shop}
spec:
  targetRefs: [{group: "", kind: Service, name: server, sectionName: https}, {group: networking.istio.io, kind: ServiceEntry, name: far}]
  validation: {hostname: server.example.com, wellKnownCACertificates: System}
`, &b)
	want := kube.BackendTLSPolicySpec{
		TargetRefs: []kube.PolicyTarget{{Kind: "Service", Name: "server", SectionName: "https"}, {Kind: "ServiceEntry", Name: "far"}},
		Validation: kube.BackendTLSValidation{Hostname: "server.example.com"},
	}
	if diff := cmp.Diff(want, b.Spec); diff != "" {
		t.Error(diff)
	}
	if b.Ignored() {
		t.Error("nobody said to ignore it")
	}
	if b.Annotations = map[string]string{"istio.io/ignore-policy-attachment": "True"}; !b.Ignored() {
		t.Error("it is to be ignored")
	}
}
