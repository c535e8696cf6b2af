package policy_test

import (
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/policy"
)

func TestExpectedClient(t *testing.T) {
	type edits = []func(*kube.DestinationRule)
	secret := func(mode, name string) func(*kube.DestinationRule) {
		return func(r *kube.DestinationRule) {
			policyOf(r).TLS = &kube.ClientTLS{Mode: mode, CredentialName: name}
		}
	}
	files := func(r *kube.DestinationRule) {
		policyOf(r).TLS = &kube.ClientTLS{Mode: "MUTUAL", ClientCertificate: "/certs/cert.pem", PrivateKey: "/certs/key.pem"}
	}
	tests := []struct {
		name    string
		autoOff bool
		mode    policy.Mode // of the service's namespace, PERMISSIVE when empty
		rule    edits       // nil: no rule
		query   policy.Query
		to      policy.Target
		want    policy.Shape
		dst     bool
	}{
		{name: "auto", want: policy.ShapeAuto},
		{name: "auto, namespace STRICT", mode: policy.Strict, want: policy.ShapeAuto},
		{name: "pa-parent-disable-child-strict", mode: policy.Disable, want: policy.ShapePlaintext},
		{name: "unknown mode of the namespace", mode: policy.Unknown, want: policy.ShapeUnknown},
		{name: "automtls-off", autoOff: true, mode: policy.Strict, want: policy.ShapePlaintext},
		{name: "automtls-off, with a rule", autoOff: true, rule: edits{tls("ISTIO_MUTUAL")}, want: policy.ShapeMTLS},
		{name: "dr-portlevel-drops-tls", autoOff: true, rule: edits{tls("ISTIO_MUTUAL"), portTLS(80, "-")}, want: policy.ShapePlaintext},
		{name: "dr-portlevel-drops-tls, with auto mTLS", rule: edits{tls("ISTIO_MUTUAL"), portTLS(80, "-")}, want: policy.ShapeAuto},
		{name: "dr-disable-vs-strict", mode: policy.Strict, rule: edits{tls("DISABLE")}, want: policy.ShapePlaintext},
		{name: "dr-tls-no-mode", rule: edits{tls("")}, want: policy.ShapePlaintext},
		{name: "dr-simple-in-mesh", rule: edits{tls("SIMPLE")}, want: policy.ShapeTLS},
		{name: "dr-istio-mutual-nonmesh", rule: edits{tls("ISTIO_MUTUAL")}, to: policy.Target{Endpoints: policy.EndpointsDisabled}, want: policy.ShapeMTLS},
		{name: "a rule beats the namespace's DISABLE", mode: policy.Disable, rule: edits{tls("ISTIO_MUTUAL")}, want: policy.ShapeMTLS},
		{name: "unknown tls mode", rule: edits{tls("QUANTUM")}, want: policy.ShapeUnknown},
		{name: "subset not defined", rule: edits{subset("v1", nil)}, query: subsetOf("v2"), want: policy.ShapeNone},
		{name: "external", to: policy.Target{External: true}, want: policy.ShapePlaintext},
		{name: "external, with a rule", to: policy.Target{External: true}, rule: edits{tls("SIMPLE")}, want: policy.ShapeTLS},
		{name: "MUTUAL with files", rule: edits{files}, want: policy.ShapeTLS},
		{name: "MUTUAL without files", rule: edits{tls("MUTUAL")}, want: policy.ShapePlaintext},
		{name: "dr-credentialname-ignored", rule: edits{secret("MUTUAL", "client-cert")}, want: policy.ShapePlaintext},
		{name: "credentialName on a gateway", rule: edits{secret("MUTUAL", "client-cert")}, to: policy.Target{Gateway: true}, want: policy.ShapeTLS},
		{name: "credentialName with a selector", rule: edits{secret("SIMPLE", "ca"), forWorkloads("app", "client")}, query: from("shop"), want: policy.ShapeTLS},
		{name: "credentialName of a ConfigMap", rule: edits{secret("SIMPLE", "configmap://ca")}, want: policy.ShapeTLS},
		{name: "an unresolved CA fails closed", rule: edits{secret("SIMPLE", "invalid://")}, want: policy.ShapeTLS},
		{name: "headless", to: policy.Target{Headless: true, Endpoints: policy.EndpointsMeshed}, want: policy.ShapeMTLS, dst: true},
		{name: "headless-mixed", to: policy.Target{Headless: true, Endpoints: policy.EndpointsDisabled}, want: policy.ShapePlaintext, dst: true},
		{name: "headless, no endpoint", to: policy.Target{Headless: true, Endpoints: policy.EndpointsNone}, want: policy.ShapePlaintext, dst: true},
		{name: "headless, endpoints not seen", to: policy.Target{Headless: true}, want: policy.ShapeUnknown, dst: true},
		{name: "headless from a gateway", to: policy.Target{Headless: true, Gateway: true, Endpoints: policy.EndpointsMeshed}, want: policy.ShapeAuto},
		{name: "headless with a rule", rule: edits{tls("ISTIO_MUTUAL")}, to: policy.Target{Headless: true}, want: policy.ShapeMTLS, dst: true},
		{name: "dr-passthrough-lb", rule: edits{balance("PASSTHROUGH")}, to: policy.Target{Endpoints: policy.EndpointsDisabled}, want: policy.ShapePlaintext, dst: true},
		{
			name: "a subset of PASSTHROUGH does not look at the endpoints", rule: edits{balance("PASSTHROUGH"), subset("v1", nil)},
			query: subsetOf("v1"), to: policy.Target{Endpoints: policy.EndpointsDisabled}, want: policy.ShapeMTLS, dst: true,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var rules []*kube.DestinationRule
			if tt.rule != nil {
				rules = append(rules, rule(meta("shop", "server", 0), server, tt.rule...))
			}
			if tt.query.Host == "" {
				tt.query = fromPay
			}
			if tt.mode == "" {
				tt.mode = policy.Permissive
			}
			c := policy.NewDestinationRules(rules, policy.Config{RootNamespace: root}).Effective(tt.query)
			got := policy.ExpectedClient(!tt.autoOff, policy.Derivation{Mode: tt.mode}, c, tt.to)
			if got.Shape != tt.want || got.OriginalDst != tt.dst || got.Why == "" {
				t.Errorf("got %+v, want %s, ORIGINAL_DST %v", got, tt.want, tt.dst)
			}
		})
	}
}

// TestMarksEndpoint: what DISABLE of a workload or port does to clients is done here.
func TestMarksEndpoint(t *testing.T) {
	tests := []struct {
		endpoints policy.TLSMode
		labelled  bool
		server    policy.Mode
		want      bool
	}{
		{policy.TLSAuto, true, policy.Strict, true},
		{policy.TLSAuto, true, policy.Permissive, true},
		{policy.TLSAuto, true, policy.Disable, false},
		{policy.TLSAuto, false, policy.Strict, false},
		{policy.TLSIstioMutual, true, policy.Disable, true},
		{policy.TLSIstioMutual, false, policy.Strict, false},
		{policy.TLSDisable, true, policy.Strict, false},
		{policy.TLSSimple, true, policy.Strict, false},
	}
	for _, tt := range tests {
		c := policy.ClientTLS{EndpointMode: tt.endpoints}
		if got := c.MarksEndpoint(tt.labelled, policy.Derivation{Mode: tt.server}); got != tt.want {
			t.Errorf("%q labelled %v server %s: got %v", tt.endpoints, tt.labelled, tt.server, got)
		}
	}
}
