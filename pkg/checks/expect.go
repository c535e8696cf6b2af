package checks

import (
	"net/netip"
	"slices"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/policy"
)

// sends says whether the client of an edge is to send mutual TLS, as istiod configures it; known is
// false when that cannot be told. A client without a proxy sends what its application does.
func sends(p *diagnose.Pass, e *handshake.Edge) (mutual, known bool) {
	host, port := e.SentTo()
	switch {
	case host == nil:
		return false, false
	case !e.Client.HasProxy(), uncaptured(e), unaware(p, e):
		return false, true
	}
	if _, decides := backendPolicyDecides(p, e); decides {
		return false, false
	}
	tls := p.Rule(e)
	target := policy.Target{External: host.External || host.ExternalName != "", Headless: host.Headless, Gateway: e.Client.Plane == mesh.Gateway}
	if host.Headless || tls.EndpointsDecide {
		target.Endpoints = endpoints(host, port)
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
	host, _ := e.SentTo()
	pod := e.Server.Pod
	switch {
	case declared(e):
		ep := endpointOf(e)
		return ep != nil && tls.MarksEndpoint(labelled(ep.Labels), p.PeerAuth.ForWorkload(host.Namespace, ep.Labels, e.Client.Revision()).Port(serverPort(e)))
	case pod == nil, pod.Namespace != host.Namespace: // written by hand: istiod looks for pods in the Service's namespace
		return false
	}
	return tls.MarksEndpoint(labelled(pod.Labels), p.Mode(pod).Port(serverPort(e)))
}

// declared reports whether an entry says what istiod knows of the endpoint of an edge: its host is a
// ServiceEntry's, or a Service selects a WorkloadEntry.
func declared(e *handshake.Edge) bool {
	host, _ := e.SentTo()
	ep := endpointOf(e)
	return host.Ref.Kind == "ServiceEntry" || ep != nil && ep.Declared != nil
}

// endpointOf is the endpoint of an edge as the registry has it; nil when there is none.
func endpointOf(e *handshake.Edge) *mesh.Endpoint {
	host, port := e.SentTo()
	if host == nil {
		return nil
	}
	return endpointAt(host, port, e.Server.Address)
}

// endpointAt is the endpoint of a host that has an address; nil when it has none.
func endpointAt(h *mesh.Host, port uint32, at netip.AddrPort) *mesh.Endpoint {
	hp := h.Port(port)
	if hp == nil {
		return nil
	}
	i := slices.IndexFunc(hp.Endpoints, func(ep mesh.Endpoint) bool { return ep.Address == at })
	if i < 0 {
		return nil
	}
	return &hp.Endpoints[i]
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
