package checks

import (
	"slices"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/policy"
)

// paper is a mesh with other resources, as istiod would then configure it.
type paper struct {
	*diagnose.Pass
	rules    *diagnose.Rules
	policies *policy.PeerAuthentications
}

// heals tries other DestinationRules on paper: they must mend every broken edge, and no edge
// that works today and for which they change something may stop working, in scope or not.
func heals(p *diagnose.Pass, list []*kube.DestinationRule, broken []*handshake.Edge) bool {
	w := paper{p, p.Rules(list), p.PeerAuth}
	return w.heals(broken, func(h *mesh.Host) bool {
		return slices.ContainsFunc(p.Resources.DestinationRules, func(r *kube.DestinationRule) bool { return !slices.Contains(list, r) && names(p, r, h) }) ||
			slices.ContainsFunc(list, func(r *kube.DestinationRule) bool {
				return !slices.Contains(p.Resources.DestinationRules, r) && names(p, r, h)
			})
	})
}

// names reports whether a rule is about a host.
func names(p *diagnose.Pass, r *kube.DestinationRule, h *mesh.Host) bool {
	host := policy.Host(r, p.Domain)
	suffix, wild := strings.CutPrefix(host, "*")
	return host == h.Name || wild && strings.HasSuffix(h.Name, suffix)
}

// policyHeals tries another PeerAuthentication in the place of one, likewise.
func policyHeals(p *diagnose.Pass, from, to *kube.PeerAuthentication, broken []*handshake.Edge) bool {
	list := slices.Clone(p.Resources.PeerAuthentications)
	i := slices.Index(list, from)
	if i < 0 {
		return false
	}
	list[i] = to
	root := p.MeshConfig("").Root()
	w := paper{p, p.Rules(p.Resources.DestinationRules), policy.NewPeerAuthentications(list, root)}
	return w.heals(broken, func(h *mesh.Host) bool {
		return from.Namespace == root || h.Namespace == from.Namespace || slices.ContainsFunc(h.Ports, func(hp *mesh.Port) bool {
			return slices.ContainsFunc(hp.Endpoints, func(e mesh.Endpoint) bool { return e.Pod != nil && e.Pod.Namespace == from.Namespace })
		})
	})
}

// heals judges broken edges, and those that lead to hosts for which something may change.
func (w paper) heals(broken []*handshake.Edge, touched func(*mesh.Host) bool) bool {
	for _, h := range w.Hosts {
		if touched(h) && slices.ContainsFunc(w.EdgesTo(h), func(e *handshake.Edge) bool { return e.Verdict.Works() && w.changes(e) && !w.fits(e) }) {
			return false
		}
	}
	return !slices.ContainsFunc(broken, func(e *handshake.Edge) bool { return !w.fits(e) })
}

// changes reports whether something else is asked for on an edge, of its client or its server.
func (w paper) changes(e *handshake.Edge) bool {
	if e.Server.Host == nil {
		return false
	}
	if w.accepts(e) != e.Inbound.Accepts {
		return true
	}
	if !e.Client.HasProxy() {
		return false
	}
	was, now := w.Rule(e), w.rules.Of(e)
	return was.Mode != now.Mode || was.Passthrough != now.Passthrough || was.EndpointMode != now.EndpointMode ||
		w.policies != w.PeerAuth && w.server(e).Mode != namespaceMode(w.Pass, e).Mode
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

// fits reports whether what istiod would build for the client is what the server's end takes.
func (w paper) fits(e *handshake.Edge) bool {
	mutual, known := w.sends(e)
	accepts := w.accepts(e)
	switch {
	case !known:
		return false
	case mutual:
		return e.Inbound.Captured && (accepts == handshake.AcceptsMTLS || accepts == handshake.AcceptsBoth)
	}
	return !e.Inbound.Captured || accepts == handshake.AcceptsPlaintext || accepts == handshake.AcceptsBoth
}

// accepts is what the server's end takes: what it runs, unless the policies now say otherwise.
func (w paper) accepts(e *handshake.Edge) string {
	pod := e.Server.Pod
	if w.policies == w.PeerAuth || pod == nil || !e.Inbound.Captured {
		return e.Inbound.Accepts
	}
	now := w.mode(pod).Port(serverPort(e)).Mode
	if now == w.Mode(pod).Port(serverPort(e)).Mode {
		return e.Inbound.Accepts
	}
	return string(now)
}

func (w paper) mode(pod *mesh.Pod) policy.Effective {
	if w.policies == w.PeerAuth {
		return w.Mode(pod)
	}
	return w.policies.ForWorkload(pod.Namespace, pod.Labels, pod.Revision())
}

// server is the mode that istiod assumes of the server's namespace.
func (w paper) server(e *handshake.Edge) policy.Derivation {
	return w.policies.ForNamespace(e.Server.Host.Namespace, e.Client.Revision())
}

// sends says whether a client would send mutual TLS to the endpoint of an edge; known is false
// when that cannot be told. A client without a proxy sends what its application does.
func (w paper) sends(e *handshake.Edge) (mutual, known bool) {
	host := e.Server.Host
	switch {
	case host == nil:
		return false, false
	case !e.Client.HasProxy():
		return false, true
	}
	tls := w.rules.Of(e)
	expected := policy.ExpectedClient(autoMTLS(w.Pass, e.Client), w.server(e), tls, policy.Target{
		External: host.External || host.ExternalName != "", Headless: host.Headless,
		Gateway: e.Client.Plane == mesh.Gateway, Endpoints: endpoints(host, e.Server.Port),
	})
	switch expected.Shape {
	case policy.ShapeMTLS:
		return true, true
	case policy.ShapePlaintext:
		return false, true
	case policy.ShapeAuto:
		return w.marked(tls, e), true
	}
	return false, false
}

// autoMTLS reports whether auto mTLS is on for a client's revision.
func autoMTLS(p *diagnose.Pass, client *mesh.Pod) bool {
	return p.MeshConfig(client.Revision()).AutoMTLS()
}

// marked reports whether istiod marks the endpoint of an edge as capable of mutual TLS.
func (w paper) marked(tls policy.ClientTLS, e *handshake.Edge) bool {
	pod := e.Server.Pod
	return pod != nil && tls.MarksEndpoint(labelled(pod.Labels), w.mode(pod).Port(serverPort(e)))
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
