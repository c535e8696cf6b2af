package checks

import (
	"slices"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/policy"
)

// heals tries other DestinationRules on paper: they must mend every broken edge, and no edge
// that works today and for which they change something may stop working.
func heals(p *diagnose.Pass, list []*kube.DestinationRule, broken []*handshake.Edge) bool {
	rules := p.Rules(list)
	for e := range p.Edges() {
		if e.Verdict.Works() && changes(p, rules, e) && !fits(p, rules, e) {
			return false
		}
	}
	return !slices.ContainsFunc(broken, func(e *handshake.Edge) bool { return !fits(p, rules, e) })
}

// changes reports whether other rules ask for something else on an edge.
func changes(p *diagnose.Pass, rules *diagnose.Rules, e *handshake.Edge) bool {
	if !e.Client.HasProxy() || e.Server.Host == nil {
		return false
	}
	was, now := p.Rule(e), rules.Of(e)
	return was.Mode != now.Mode || was.Passthrough != now.Passthrough || was.EndpointMode != now.EndpointMode
}

// replaced are the rules with one of them edited, or removed when to is nil.
func replaced(p *diagnose.Pass, from, to *kube.DestinationRule) []*kube.DestinationRule {
	list := slices.Clone(p.Resources.DestinationRules)
	i := slices.Index(list, from)
	switch {
	case i < 0:
	case to == nil:
		return slices.Delete(list, i, i+1)
	default:
		list[i] = to
	}
	return list
}

// fits reports whether what istiod would build for the client by these rules is what the
// server's end takes.
func fits(p *diagnose.Pass, rules *diagnose.Rules, e *handshake.Edge) bool {
	mutual, known := sends(p, rules, e)
	switch {
	case !known:
		return false
	case mutual:
		return e.Inbound.Captured && (e.Inbound.Accepts == handshake.AcceptsMTLS || e.Inbound.Accepts == handshake.AcceptsBoth)
	}
	return !e.Inbound.Captured || e.Inbound.Accepts == handshake.AcceptsPlaintext || e.Inbound.Accepts == handshake.AcceptsBoth
}

// sends says whether a client would send mutual TLS to the endpoint of an edge; known is false
// when that cannot be told.
func sends(p *diagnose.Pass, rules *diagnose.Rules, e *handshake.Edge) (mutual, known bool) {
	host := e.Server.Host
	if host == nil {
		return false, false
	}
	tls := rules.Of(e)
	server := p.PeerAuth.ForNamespace(host.Namespace, e.Client.Revision())
	expected := policy.ExpectedClient(autoMTLS(p, e.Client), server, tls, policy.Target{
		External: host.External || host.ExternalName != "", Headless: host.Headless,
		Gateway: e.Client.Plane == mesh.Gateway, Endpoints: endpoints(host, e.Server.Port),
	})
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

// autoMTLS reports whether auto mTLS is on for a client's revision.
func autoMTLS(p *diagnose.Pass, client *mesh.Pod) bool {
	return p.MeshConfig(client.Revision()).AutoMTLS()
}

// marked reports whether istiod marks the endpoint of an edge as capable of mutual TLS.
func marked(p *diagnose.Pass, tls policy.ClientTLS, e *handshake.Edge) bool {
	pod := e.Server.Pod
	return pod != nil && tls.MarksEndpoint(labelled(pod.Labels), p.Mode(pod).Port(uint32(e.Server.Address.Port())))
}

func labelled(labels map[string]string) bool { return labels["security.istio.io/tlsMode"] == "istio" }

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
