package checks

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/policy"
)

// sends says whether the client of an edge is to send mutual TLS, as istiod configures it; known is
// false when that cannot be told. A client without a proxy sends what its application does.
func sends(p *diagnose.Pass, e *handshake.Edge) (mutual, known bool) {
	host := e.Server.Host
	switch {
	case host == nil:
		return false, false
	case !e.Client.HasProxy(), uncaptured(e), unaware(p, e):
		return false, true
	}
	tls := p.Rule(e)
	target := policy.Target{External: host.External || host.ExternalName != "", Headless: host.Headless, Gateway: e.Client.Plane == mesh.Gateway}
	if host.Headless || tls.EndpointsDecide {
		target.Endpoints = endpoints(host, e.Server.Port)
	}
	expected := policy.ExpectedClient(autoMTLS(p, e.Client), namespaceMode(p, e), tls, target)
	switch expected.Shape {
	case policy.ShapeMTLS:
		return true, true
	case policy.ShapePlaintext:
		return false, true
	case policy.ShapeAuto:
		return marked(p, tls, e), true
	}
	return false, false
}

// uncaptured reports whether an edge goes past the client's own proxy, as its pod asks for.
func uncaptured(e *handshake.Edge) bool {
	return e.Outbound.Path == handshake.Direct && !e.Client.Capture.Outbound(dialledAddress(e), e.Server.Port)
}

// dialledAddress is what the name of an edge's host resolves to; invalid when that is not known.
func dialledAddress(e *handshake.Edge) netip.Addr {
	if e.Server.Host != nil && len(e.Server.Host.Addresses) > 0 {
		return e.Server.Host.Addresses[0]
	}
	return e.Server.Address.Addr()
}

// unaware reports whether the client's proxy does not know the destination, by what it runs and by
// what it is to be told.
func unaware(p *diagnose.Pass, e *handshake.Edge) bool {
	if e.Outbound.Path != handshake.Passthrough {
		return false
	}
	ref, _ := hider(p, e)
	return ref.Name != ""
}

// autoMTLS reports whether auto mTLS is on for a client's revision.
func autoMTLS(p *diagnose.Pass, client *mesh.Pod) bool {
	return p.MeshConfig(client.Revision()).AutoMTLS()
}

// marked reports whether istiod marks the endpoint of an edge as capable of mutual TLS.
func marked(p *diagnose.Pass, tls policy.ClientTLS, e *handshake.Edge) bool {
	host, pod := e.Server.Host, e.Server.Pod
	switch {
	case host.Ref.Kind == "ServiceEntry" && !routed(e):
		ep := endpointOf(host, e)
		return ep != nil && tls.MarksEndpoint(labelled(ep.Labels), p.PeerAuth.ForWorkload(host.Namespace, ep.Labels, e.Client.Revision()).Port(serverPort(e)))
	case pod == nil, pod.Namespace != host.Namespace && !routed(e): // written by hand: istiod looks for pods in the Service's namespace
		return false
	}
	return tls.MarksEndpoint(labelled(pod.Labels), p.Mode(pod).Port(serverPort(e)))
}

// routed reports whether the client's proxy sends an edge to another host than was dialled.
func routed(e *handshake.Edge) bool {
	return e.Outbound.Path == handshake.ViaCluster && !strings.HasSuffix(e.Outbound.Cluster, "|"+e.Server.Host.Name)
}

// endpointOf is the endpoint of a host that an edge leads to, as the registry has it; nil when it is
// another host's.
func endpointOf(h *mesh.Host, e *handshake.Edge) *mesh.Endpoint {
	port := h.Port(e.Server.Port)
	if port == nil {
		return nil
	}
	i := slices.IndexFunc(port.Endpoints, func(ep mesh.Endpoint) bool { return ep.Address == e.Server.Address })
	if i < 0 {
		return nil
	}
	return &port.Endpoints[i]
}

func labelled(labels map[string]string) bool { return labels[tlsMode] == "istio" }

// tlsMode is the label by which istiod knows an endpoint that does mutual TLS.
const tlsMode = "security.istio.io/tlsMode"

// endpoints is what istiod knows of the endpoints of a service port.
func endpoints(h *mesh.Host, port uint32) policy.Endpoints {
	hp := h.Port(port)
	switch {
	case hp == nil || len(hp.Endpoints) == 0:
		return policy.EndpointsNone
	case slices.ContainsFunc(hp.Endpoints, func(e mesh.Endpoint) bool { return !labelled(e.Labels) }):
		return policy.EndpointsDisabled
	}
	return policy.EndpointsMeshed
}
