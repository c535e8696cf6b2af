package checks

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"slices"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/certs"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

var mtd207 = &diagnose.Check{
	Code: "MTD207", Name: "root-configmap-stale", Severity: diagnose.Warning,
	Title: "the root certificate that a namespace hands to new proxies is not the mesh's",
	Doc: diagnose.Doc{
		Meaning: "istiod writes the ConfigMap istio-ca-root-cert into every namespace. A new proxy trusts istiod by it, and so gets its certificate. Where it is old, or was written by another control plane, pods that start from now on cannot reach istiod; those that run go on for as long as their certificates last.",
		Symptoms: []string{
			"new pods of one namespace do not become ready: x509: certificate signed by unknown authority",
			"istio-proxy container's log: failed to fetch certs from CA, error connecting to upstream XDS",
			"it began after the CA was rotated, or a second control plane was installed",
		},
		Detection: "The certificates in each namespace's ConfigMap against those of the root namespace. A root that is missing there is told for namespaces with pods of the mesh.",
		ByHand: []diagnose.Look{
			look("kubectl -n NS get configmap istio-ca-root-cert -o jsonpath='{.data.root-cert\\.pem}' | openssl x509 -noout -fingerprint", "another fingerprint than with -n istio-system"),
		},
		NotThis:    "Proxies that trust another root right now are MTD201.",
		Fix:        "Delete the ConfigMap: istiod writes it anew. If it comes back as it was, another control plane claims the namespace.",
		References: []string{"istio/istio#36723", "istio/istio#43824", "security/pkg/k8s/configutil"},
	},
	Needs: []diagnose.Evidence{diagnose.ConfigMaps, diagnose.Pods, diagnose.MeshConfig},
	Run:   rootConfigMapStale,
}

func rootConfigMapStale(p *diagnose.Pass) {
	roots := distributedRoots(p, p.MeshConfig("").Root())
	for _, cm := range p.Resources.ConfigMaps {
		switch mine := distributedRoots(p, cm.Namespace); {
		case cm.Name != rootCertRef(p).Name, len(roots) == 0, !slices.ContainsFunc(podsOf(p, cm.Namespace, nil), enforces), !concerned(p, cm.Namespace):
			p.NotApplicable()
		case holdsAll(mine, roots):
			p.Passed()
		default:
			p.Failed(staleRoot(p, cm, mine, roots))
		}
	}
}

// distributedRoots are the certificates that a namespace hands to its proxies.
func distributedRoots(p *diagnose.Pass, namespace string) []*x509.Certificate {
	for _, cm := range p.Resources.ConfigMaps {
		if cm.Namespace == namespace && cm.Name == rootCertRef(p).Name {
			b, err := certs.ParseBundle([]byte(cm.Data["root-cert.pem"]))
			if err != nil {
				return nil
			}
			return b.Certificates()
		}
	}
	return nil
}

func holdsAll(have, want []*x509.Certificate) bool {
	return !slices.ContainsFunc(want, func(c *x509.Certificate) bool {
		return !slices.ContainsFunc(have, func(h *x509.Certificate) bool { return bytes.Equal(h.Raw, c.Raw) })
	})
}

func staleRoot(p *diagnose.Pass, cm *kube.ConfigMap, mine, roots []*x509.Certificate) diagnose.Finding {
	ref := kube.Ref{Kind: "ConfigMap", Namespace: cm.Namespace, Name: cm.Name}
	return diagnose.Finding{
		Subject: ref, Field: "data[root-cert.pem]",
		Title: fmt.Sprintf("%s does not hold the mesh's root certificate: pods that start in namespace %s cannot reach istiod", ref, cm.Namespace),
		Evidence: []handshake.Fact{
			{Layer: handshake.Cluster, Source: ref.String() + " data[root-cert.pem]", Value: rootsText(mine)},
			{Layer: handshake.Cluster, Source: rootCertRef(p).String() + " data[root-cert.pem]", Value: rootsText(roots)},
		},
		Fixes: []diagnose.Fix{{Title: "delete it: istiod writes it anew", Command: kubectl("delete", ref), Risk: "until it is back, no pod of the namespace can start; it takes a moment"}},
	}
}

// rootsText names certificates by subject and fingerprint.
func rootsText(list []*x509.Certificate) string {
	var out []string
	for _, c := range list {
		info := certs.Describe(c)
		out = append(out, fmt.Sprintf("%q, serial %s, until %s", info.Subject, info.Serial, stamp(c.NotAfter)))
	}
	if len(out) == 0 {
		return "no certificate"
	}
	return few(out)
}
