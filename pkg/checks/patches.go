package checks

import (
	"slices"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// onlyFilter is the one EnvoyFilter that applies to a pod and has a patch of some kind; the zero Ref when there
// is none, or several.
func onlyFilter(p *diagnose.Pass, pod *mesh.Pod, kind func(kube.ConfigPatch) bool) kube.Ref {
	var found []kube.Ref
	for _, f := range p.FiltersOf(pod) {
		if slices.ContainsFunc(f.Spec.ConfigPatches, kind) {
			found = append(found, kube.Ref{Kind: "EnvoyFilter", Namespace: f.Namespace, Name: f.Name})
		}
	}
	if len(found) != 1 {
		return kube.Ref{}
	}
	return found[0]
}

// patcher is the one EnvoyFilter that changes the transport sockets of the cluster that an edge takes; the
// zero Ref when there is none, or several.
func patcher(p *diagnose.Pass, e *handshake.Edge) kube.Ref {
	return onlyFilter(p, e.Client, func(c kube.ConfigPatch) bool {
		return c.ApplyTo == "CLUSTER" && e.LeavesBy(c.Match) && (c.Patch.Value.TransportSocket != nil || len(c.Patch.Value.TransportSocketMatches) > 0)
	})
}

// socketPatcher is the one EnvoyFilter that changes the transport socket of either end of an edge: of the
// client's cluster, or of the server's filter chains.
func socketPatcher(p *diagnose.Pass, e *handshake.Edge) kube.Ref {
	if ref := patcher(p, e); ref.Name != "" {
		return ref
	}
	return inboundPatcher(p, e, func(c kube.ConfigPatch) bool {
		return c.ApplyTo == "FILTER_CHAIN" && c.Patch.Value.TransportSocket != nil
	})
}

// unchosen are the failures of a connection that no filter chain takes, or the wrong one. What comes after, such as
// certificates, no listener decides.
var unchosen = []handshake.Reason{
	handshake.NoFilterChain, handshake.PlaintextRefused, handshake.ClientCertificateRequired,
	handshake.TLSToPlaintext, handshake.TLSToAppTLS, handshake.DoubleTLS, handshake.NotHTTP,
}

// listenerPatcher is the one EnvoyFilter that changes what the listener of an edge's server sees of a connection
// and which filter chain takes it; the zero Ref, too, where the edge fails by something else.
func listenerPatcher(p *diagnose.Pass, e *handshake.Edge) kube.Ref {
	if !e.Blocked(unchosen...) {
		return kube.Ref{}
	}
	return inboundPatcher(p, e, func(c kube.ConfigPatch) bool {
		return c.ApplyTo == "LISTENER" || c.ApplyTo == "LISTENER_FILTER" || c.ApplyTo == "FILTER_CHAIN"
	})
}

// httpPatcher is the one EnvoyFilter that changes by which version of HTTP the two ends of an edge speak; the zero
// Ref, too, where the edge fails by something else.
func httpPatcher(p *diagnose.Pass, e *handshake.Edge) kube.Ref {
	if !e.Blocked(handshake.HTTPVersion) {
		return kube.Ref{}
	}
	ref := onlyFilter(p, e.Client, func(c kube.ConfigPatch) bool {
		return c.ApplyTo == "CLUSTER" && e.LeavesBy(c.Match) && len(c.Patch.Value.TypedExtensionProtocolOptions) > 0
	})
	if ref.Name != "" {
		return ref
	}
	return inboundPatcher(p, e, func(c kube.ConfigPatch) bool { return c.ApplyTo == "NETWORK_FILTER" })
}

// inboundPatcher is the one EnvoyFilter with a patch of some kind for what takes the connections of an edge.
func inboundPatcher(p *diagnose.Pass, e *handshake.Edge, kind func(kube.ConfigPatch) bool) kube.Ref {
	pod := e.Server.Pod
	if pod == nil || !pod.HasProxy() {
		return kube.Ref{}
	}
	context := "SIDECAR_INBOUND"
	if pod.Plane == mesh.Gateway {
		context = "GATEWAY"
	}
	return onlyFilter(p, pod, func(c kube.ConfigPatch) bool { return c.Match.In(context) && patchesListener(c, e) && kind(c) })
}

// patchesListener reports whether the port of a patch is that of an edge (pilot/pkg/networking/core/envoyfilter/listener_patch.go,
// listenerMatch and filterChainMatch). The ports of a sidecar are filter chains of one listener: a patch of the listener
// names its own port, and that of a listener filter does not count.
func patchesListener(c kube.ConfigPatch, e *handshake.Edge) bool {
	port := c.Match.Listener.PortNumber
	switch {
	case port == 0:
		return true
	case e.Server.Pod.Plane == mesh.Gateway:
		return port == serverPort(e) || port == e.Server.Port
	case c.ApplyTo == "LISTENER":
		return port == virtualInboundPort
	}
	return c.ApplyTo == "LISTENER_FILTER" || port == serverPort(e)
}

// virtualInboundPort is where a sidecar takes all connections that its pod is sent.
const virtualInboundPort = 15006
