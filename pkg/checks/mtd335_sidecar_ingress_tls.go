package checks

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

var mtd335 = &diagnose.Check{
	Code: "MTD335", Name: "sidecar-ingress-tls", Severity: diagnose.Warning,
	Title: "the tls block of a Sidecar's listener has no effect",
	Doc: diagnose.Doc{
		Meaning: "tls of a Sidecar's ingress listener has the proxy end TLS of callers outside the mesh. istiod takes it only where the PeerAuthentication of that port is DISABLE, and where it runs with ENABLE_TLS_ON_SIDECAR_INGRESS; else it drops the block and says nothing. " +
			"Callers outside the mesh then meet a port that wants mutual TLS, or an application that gets their TLS as it is.",
		Symptoms: []string{
			"callers outside the mesh: TLS handshake fails, connection reset by peer, or the application's certificate instead of the Sidecar's",
			"the proxy does not have the certificate that the Sidecar names",
		},
		Detection: "The Sidecar that applies to a pod has an ingress listener with tls, and no filter chain of the proxy for that port ends TLS with another certificate than the mesh's.",
		ByHand: []diagnose.Look{
			seeAll("sidecars.networking.istio.io", "tls under ingress"),
			seeAll("peerauthentications.security.istio.io", "the port of the workload is not DISABLE"),
			seeInbound("the filter chains for the port have ROOTCA and default, or no transport socket, and none has the certificate of the Sidecar"),
		},
		NotThis:    "A listener that ends TLS with a certificate of its own does what the Sidecar says. What a missing file of the certificate does is MTD401.",
		Fix:        "Set the port to DISABLE with portLevelMtls, if callers of the mesh can do without mutual TLS there; or remove the block.",
		References: []string{"istio.io/docs/reference/config/networking/sidecar/#IstioIngressListener", "pilot/pkg/networking/core/listener_inbound.go: buildInboundListeners", "pilot/pkg/features/experimental.go: ENABLE_TLS_ON_SIDECAR_INGRESS"},
	},
	Needs:    []diagnose.Evidence{diagnose.Proxies, diagnose.Sidecars, diagnose.PeerAuthentications},
	Run:      sidecarIngressTLS,
	Describe: describeSidecarTLS,
}

func sidecarIngressTLS(p *diagnose.Pass) {
	for pod := range p.ProxyPods() {
		s := sidecarOf(p, pod)
		if pod.Plane != mesh.Sidecar || s == nil || len(s.Spec.Ingress) == 0 {
			p.NotApplicable()
			continue
		}
		for i, listener := range s.Spec.Ingress {
			switch {
			case listener.TLS == nil:
				p.NotApplicable()
			case endsTLS(pod.Proxy, uint32(listener.Port.Number)):
				p.Passed()
			default:
				p.Failed(ignoredTLS(s, i, pod))
			}
		}
	}
}

// endsTLS reports whether a proxy ends TLS on a port with another certificate than the mesh's.
func endsTLS(proxy *envoy.Proxy, port uint32) bool {
	return slices.ContainsFunc(proxy.Listeners, func(l *envoy.Listener) bool {
		bound := l.BindToPort && slices.ContainsFunc(l.Addresses, func(at netip.AddrPort) bool { return uint32(at.Port()) == port })
		return slices.ContainsFunc(l.FilterChains, func(c *envoy.FilterChain) bool {
			own := c.Socket != nil && c.Socket.TLS != nil && !slices.Contains(c.Socket.Secrets(), "default")
			return own && (bound || c.Match.DestinationPort == port)
		})
	})
}

// ignoredTLS is the finding about one listener of a Sidecar and a pod to which it applies.
func ignoredTLS(s *kube.Sidecar, i int, pod *mesh.Pod) diagnose.Finding {
	return diagnose.Finding{
		Subject: kube.Ref{Kind: "Sidecar", Namespace: s.Namespace, Name: s.Name}, Field: fmt.Sprintf("spec.ingress[%d].tls", i),
		Port: uint32(s.Spec.Ingress[i].Port.Number), Pod: pod, Workloads: []kube.Ref{pod.Workload.Ref},
	}
}

func describeSidecarTLS(p *diagnose.Pass, f *diagnose.Finding) {
	asked := p.Mode(f.Pod).Port(f.Port)
	why := fmt.Sprintf("the port is %s, and it counts only where that is DISABLE", asked.Mode)
	if asked.Mode == "DISABLE" {
		why = "istiod takes it only with ENABLE_TLS_ON_SIDECAR_INGRESS"
	}
	f.Title = fmt.Sprintf("%s wants TLS ended on port %d of %s, where no proxy does: %s", f.Subject, f.Port, workloads(f), why)
	f.Evidence = []handshake.Fact{listenerFact(p, f.Pod, f.Port), modeFact(asked)}
	f.Fixes = []diagnose.Fix{{Title: "remove the block, which has no effect", Command: jsonPatch(f.Subject, remove(indexed(f.Field)))}}
}
