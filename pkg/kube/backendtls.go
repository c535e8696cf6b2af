package kube

import "strings"

// BackendTLSPolicy of the Gateway API asks for TLS towards a Service
// (gateway-api.sigs.k8s.io/api-types/backendtlspolicy).
type BackendTLSPolicy struct {
	Meta `json:"metadata"`
	Spec BackendTLSPolicySpec `json:"spec,omitzero"`
}

// BackendTLSPolicySpec says to which Services, and whom to expect there.
type BackendTLSPolicySpec struct {
	TargetRefs []PolicyTarget       `json:"targetRefs,omitempty"`
	Validation BackendTLSValidation `json:"validation,omitzero"`
}

// PolicyTarget is a Service, or a ServiceEntry, in the policy's own namespace, or one of its ports.
type PolicyTarget struct {
	Kind        string `json:"kind"`
	Name        string `json:"name"`
	SectionName string `json:"sectionName,omitempty"` // a port's name; "" for all
}

// BackendTLSValidation is how a server's certificate is verified.
type BackendTLSValidation struct {
	Hostname string `json:"hostname,omitempty"` // the SNI, too
}

// Ignored reports a policy that Istio is told to leave to others
// (pilot/pkg/config/kube/gateway/backend_policies.go in Istio, IgnorePolicyAttachment).
func (b *BackendTLSPolicy) Ignored() bool {
	return strings.EqualFold(b.Annotations["istio.io/ignore-policy-attachment"], "true")
}
