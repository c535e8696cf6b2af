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

// paper is a mesh before and after its resources change, on which a fix is tried: what istiod would
// then configure at both ends of each edge.
type paper struct{ was, now *diagnose.Pass }

func rewrite(p *diagnose.Pass, change func(*kube.Resources)) paper {
	return paper{p, p.Rewritten(change)}
}

// heals reports whether other DestinationRules mend every broken edge, and no edge that works today
// stops working, in scope or not.
func heals(p *diagnose.Pass, list []*kube.DestinationRule, broken []*handshake.Edge) bool {
	w := rewrite(p, func(r *kube.Resources) { r.DestinationRules = list })
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

// policyHeals tries another PeerAuthentication in the place of one, or besides all others when from is
// nil, likewise.
func policyHeals(p *diagnose.Pass, from, to *kube.PeerAuthentication, broken []*handshake.Edge) bool {
	w := withPolicy(p, from, to)
	return w.heals(broken, underPolicy(p, to))
}

// withPolicy is the mesh with another PeerAuthentication in the place of one, or besides all others.
func withPolicy(p *diagnose.Pass, from, to *kube.PeerAuthentication) paper {
	list := slices.DeleteFunc(slices.Clone(p.Resources.PeerAuthentications), func(pa *kube.PeerAuthentication) bool { return pa == from })
	list = append(list, to)
	return rewrite(p, func(r *kube.Resources) { r.PeerAuthentications = list })
}

// underPolicy reports of a host whether a PeerAuthentication may bear on its clients or its pods.
func underPolicy(p *diagnose.Pass, pa *kube.PeerAuthentication) func(*mesh.Host) bool {
	return func(h *mesh.Host) bool {
		return pa.Namespace == p.MeshConfig("").Root() || h.Namespace == pa.Namespace ||
			h.Leads(func(pod *mesh.Pod) bool { return pod != nil && pod.Namespace == pa.Namespace })
	}
}

// heals judges broken edges, and those that lead to hosts for which something may change.
func (w paper) heals(broken []*handshake.Edge, touched func(*mesh.Host) bool) bool {
	return w.mends(broken) && len(w.stops(touched)) == 0
}

// mends reports whether all edges work afterwards.
func (w paper) mends(broken []*handshake.Edge) bool {
	return !slices.ContainsFunc(broken, func(e *handshake.Edge) bool { return !w.fits(e) })
}

// stops are the edges to some hosts that work today and would not any more.
func (w paper) stops(touched func(*mesh.Host) bool) []*handshake.Edge {
	var out []*handshake.Edge
	for _, h := range w.was.Hosts {
		if touched(h) {
			out = append(out, w.stopping(w.was.EdgesSentTo(h))...)
		}
	}
	return out
}

// stopping are those of some edges that work today and would not any more.
func (w paper) stopping(edges []*handshake.Edge) []*handshake.Edge {
	var out []*handshake.Edge
	for _, e := range edges {
		if e.Verdict.Works() && w.changes(e) && !w.fits(e) {
			out = append(out, e)
		}
	}
	return out
}

// risks joins what could go wrong, leaving out what is empty.
func risks(list ...string) string {
	return strings.Join(slices.DeleteFunc(list, func(s string) bool { return s == "" }), "; ")
}

// refuses says in a risk who would not get through any more; "" when nobody.
func refuses(stops []*handshake.Edge) string {
	if len(stops) == 0 {
		return ""
	}
	return "then refused: " + callers(stops).String()
}

// changes reports whether something else is sent or asked for on an edge.
func (w paper) changes(e *handshake.Edge) bool {
	now := w.moved(e)
	wasMutual, wasKnown := sends(w.was, e)
	mutual, known := sends(w.now, now)
	return mutual != wasMutual || known != wasKnown || asked(w.now, now) != asked(w.was, e)
}

// fits reports whether what istiod would build for the client is what the server's end takes.
func (w paper) fits(e *handshake.Edge) bool {
	mutual, known := sends(w.now, w.moved(e))
	switch takes := w.takes(e); {
	case !known:
		return false
	case takes == handshake.AcceptsBoth:
		return true
	case mutual:
		return takes == handshake.AcceptsMTLS
	default:
		return takes == handshake.AcceptsPlaintext
	}
}

// moved is an edge between the same ends in the changed mesh. An address that no host had may now
// be one's.
func (w paper) moved(e *handshake.Edge) *handshake.Edge {
	m := *e
	m.Client = w.now.Snapshot.Pod(e.Client.Key())
	if e.Server.Pod != nil {
		m.Server.Pod = w.now.Snapshot.Pod(e.Server.Pod.Key())
	}
	if e.Outbound.Host != nil {
		m.Outbound.Host = w.movedHost(e.Outbound.Host)
	}
	if e.Server.Host == nil {
		m.Server.Host = headlessOf(w.now, e)
		return &m
	}
	m.Server.Host = w.movedHost(e.Server.Host)
	return &m
}

// movedHost is a host in the changed mesh; itself when that has none of its name.
func (w paper) movedHost(h *mesh.Host) *mesh.Host {
	hosts := w.now.HostsNamed(h.Name)
	if i := slices.IndexFunc(hosts, func(o *mesh.Host) bool { return o.Ref == h.Ref }); i >= 0 {
		return hosts[i]
	}
	return h
}

// headlessOf is the headless Service that makes the address of an edge known to proxies; nil when
// there is none. For a port of HTTP they have no listener at the pods' addresses but routes by name, and a
// request to an IP has none (pilot/pkg/networking/core/listener.go, buildSidecarOutboundListeners).
func headlessOf(p *diagnose.Pass, e *handshake.Edge) *mesh.Host {
	i := slices.IndexFunc(p.Hosts, func(h *mesh.Host) bool {
		return h.Headless && endpointAt(h, e.Server.Port, e.Server.Address) != nil && h.Port(e.Server.Port).Protocol != mesh.HTTP
	})
	if i < 0 {
		return nil
	}
	return p.Hosts[i]
}

// takes is what the server's end accepts: what it runs, where the edge was followed so far and the
// change is not about that.
func (w paper) takes(e *handshake.Edge) string {
	was, now := asked(w.was, e), asked(w.now, w.moved(e))
	if e.Inbound.Captured && was == now {
		return e.Inbound.Accepts
	}
	return now
}

// asked is what the server of an edge is to accept. A connection that no proxy takes is plaintext; what a
// gateway takes no PeerAuthentication says.
func asked(p *diagnose.Pass, e *handshake.Edge) string {
	switch pod, port := e.Server.Pod, serverPort(e); {
	case pod == nil, !pod.HasProxy(), !pod.Capture.Inbound(port):
		return handshake.AcceptsPlaintext
	case pod.Plane == mesh.Gateway:
		return ""
	default:
		return string(p.Mode(pod).Port(port).Mode)
	}
}
