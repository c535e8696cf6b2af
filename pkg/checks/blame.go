package checks

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// ruleRef names a DestinationRule.
func ruleRef(r *kube.DestinationRule) kube.Ref {
	return kube.Ref{Kind: "DestinationRule", Namespace: r.Namespace, Name: r.Name}
}

// policyRef names a PeerAuthentication.
func policyRef(pa *kube.PeerAuthentication) kube.Ref {
	return kube.Ref{Kind: "PeerAuthentication", Namespace: pa.Namespace, Name: pa.Name}
}

// shortHost is a host without the cluster's domain: "server.shop".
func shortHost(p *diagnose.Pass, host string) string {
	return strings.TrimSuffix(host, ".svc."+p.Domain)
}

// destinations names the hosts that edges lead to, at most three of them.
func destinations(p *diagnose.Pass, edges []*handshake.Edge) string {
	var names []string
	for _, e := range edges {
		if n := shortHost(p, e.Server.Name); !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	return few(names)
}

// few joins names and counts those beyond three.
func few(names []string) string {
	if len(names) > 3 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:2], ", "), len(names)-2)
	}
	return strings.Join(names, ", ")
}

// plain reports whether the client's proxy knows the destination and adds no TLS.
func plain(e *handshake.Edge) bool {
	return e.Client.HasProxy() && e.Outbound.Path == handshake.ViaCluster && e.Outbound.Socket == "plaintext"
}

// refusedPlain reports whether an edge fails for want of the mesh's TLS: clear text, or the
// application's own TLS, meets a chain that wants a certificate of the mesh.
func refusedPlain(e *handshake.Edge) bool {
	return e.Blocked(handshake.PlaintextRefused, handshake.ClientCertificateRequired)
}

// outsider reports whether the caller is not part of the mesh.
func outsider(e *handshake.Edge) bool { return !e.Client.HasProxy() && e.Client.Plane != mesh.Ztunnel }

// edge is a list of one.
func edge(e *handshake.Edge) []*handshake.Edge { return []*handshake.Edge{e} }
