package checks

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// accounts are the identities that istiod lists for a host where nobody names others: the service
// accounts of all of its endpoints, in every trust domain of the mesh config
// (pilot/pkg/model/push_context.go, ServiceAccounts).
func accounts(p *diagnose.Pass, h *mesh.Host, revision string) []string {
	var out []string
	domains := trustDomains(p.MeshConfig(revision))
	for _, port := range h.Ports {
		for _, ep := range port.Endpoints {
			namespace, account := accountOf(h, ep)
			for _, td := range domains {
				if account == "" {
					continue
				}
				out = append(out, fmt.Sprintf("spiffe://%s/ns/%s/sa/%s", td, namespace, account))
			}
		}
	}
	return unique(out)
}

// trustDomains are the trust domain and its aliases of a mesh config, which may be nil: then the default.
func trustDomains(cfg *kube.MeshConfig) []string {
	out := []string{cfg.Domain()}
	if cfg != nil {
		out = append(out, cfg.TrustDomainAliases...)
	}
	return out
}

// accountOf is the service account of an endpoint, by its pod or by the entry that declares it; "" when there is none.
func accountOf(h *mesh.Host, ep mesh.Endpoint) (namespace, name string) {
	switch {
	case ep.Declared != nil:
		return ep.Declared.By.Namespace, ep.Declared.ServiceAccount
	case ep.Pod == nil:
		return h.Namespace, ""
	}
	return ep.Pod.Namespace, cmp.Or(ep.Pod.Spec.ServiceAccountName, "default")
}

// expected reports whether istiod would list the identity that the server of an edge presents.
func expected(p *diagnose.Pass, e *handshake.Edge) bool {
	host, _ := e.SentTo()
	return e.TLS != nil && host != nil && slices.Contains(accounts(p, host, e.Client.Revision()), e.TLS.ServerID)
}
