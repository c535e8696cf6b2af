package checks

import (
	"maps"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// permissive sets the mode that a finding blames to PERMISSIVE, where that heals.
func permissive(p *diagnose.Pass, f *diagnose.Finding, from *kube.PeerAuthentication, title, risk string) []diagnose.Fix {
	if from == nil || !policyHeals(p, from, withPolicyMode(from, f.Field, "PERMISSIVE"), f.Edges) {
		return nil
	}
	return []diagnose.Fix{{Title: title, Command: jsonPatch(f.Subject, set(pointer(f.Field), `"PERMISSIVE"`)), Risk: risk}}
}

// withPolicyMode is a copy of a PeerAuthentication with another mode at a field: that of the
// workload, or "spec.portLevelMtls.9000.mode".
func withPolicyMode(pa *kube.PeerAuthentication, field, mode string) *kube.PeerAuthentication {
	c := *pa
	port, ok := strings.CutPrefix(field, "spec.portLevelMtls.")
	if !ok {
		c.Spec.MTLS = &kube.MutualTLS{Mode: mode}
		return &c
	}
	if c.Spec.PortLevelMTLS = maps.Clone(c.Spec.PortLevelMTLS); c.Spec.PortLevelMTLS == nil {
		c.Spec.PortLevelMTLS = map[string]kube.MutualTLS{}
	}
	c.Spec.PortLevelMTLS[strings.TrimSuffix(port, ".mode")] = kube.MutualTLS{Mode: mode}
	return &c
}
