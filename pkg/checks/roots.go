package checks

import (
	"cmp"
	"maps"
	"slices"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/certs"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// trustBundle is what a pod's proxy verifies its peers of the mesh against; nil when it was not
// read.
func trustBundle(pod *mesh.Pod) *certs.Bundle {
	if pod == nil || pod.Proxy == nil {
		return nil
	}
	for _, s := range pod.Proxy.Secrets {
		if s.Name == "ROOTCA" && s.Bundle != nil && (s.State == envoy.Active || s.State == envoy.Static) {
			return s.Bundle
		}
	}
	return nil
}

// commonBundle is the trust bundle that most proxies of the mesh hold, by fingerprint; where
// two are equally common, that of the root namespace's istio-ca-root-cert.
func commonBundle(p *diagnose.Pass) string {
	count := map[string]int{}
	for _, pod := range p.Snapshot.Pods {
		if b := trustBundle(pod); b != nil {
			count[b.Fingerprint()] += 2
		}
	}
	if f := distributed(p); count[f] > 0 {
		count[f]++
	}
	prints := slices.Sorted(maps.Keys(count))
	if len(prints) == 0 {
		return ""
	}
	return slices.MaxFunc(prints, func(a, b string) int { return cmp.Or(cmp.Compare(count[a], count[b]), cmp.Compare(b, a)) })
}

// distributed is the fingerprint of the bundle in the ConfigMap from which roots are handed out.
func distributed(p *diagnose.Pass) string {
	ref := rootCertRef(p)
	for _, cm := range p.Resources.ConfigMaps {
		if cm.Namespace == ref.Namespace && cm.Name == ref.Name {
			if b, err := certs.ParseBundle([]byte(cm.Data["root-cert.pem"])); err == nil {
				return b.Fingerprint()
			}
		}
	}
	return ""
}
