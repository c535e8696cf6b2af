package diagnose

import (
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/policy"
)

// World is what every check sees.
type World struct {
	*mesh.Snapshot
	Engine   *handshake.Engine
	PeerAuth *policy.PeerAuthentications

	scope     Scope
	edges     []*handshake.Edge
	ends      *ends              // of edges, when it was asked for
	peers     map[*mesh.Pod]bool // the other ends of edges that fail
	explained map[*handshake.Edge]bool
	rules     *rules
	modes     map[*mesh.Pod]policy.Effective
	spaces    map[space]policy.Derivation
	whole     map[*mesh.Host][]*handshake.Edge
	led       map[*mesh.Host][]*handshake.Edge // by a route, when it was asked for
}

// Calls is about how many connections Run replays: each is an object of some 4 kB while the report is made.
func Calls(s *mesh.Snapshot, scope Scope) int {
	asked := 0
	for _, p := range s.Pods {
		if scope.in(p) {
			asked++
		}
	}
	n := 0
	for _, h := range s.Hosts {
		for _, port := range h.Ports {
			for _, ep := range port.Endpoints {
				if ep.Pod != nil && scope.in(ep.Pod) {
					n += len(s.Pods)
				} else {
					n += asked
				}
			}
		}
	}
	return n
}

func newWorld(s *mesh.Snapshot, scope Scope) *World {
	w := bareWorld(s, scope)
	w.Engine = handshake.New(s)
	w.edges = w.Engine.Edges(handshake.Query{Either: scope.In})
	w.peers = failingPeers(w.edges)
	return w
}

// bareWorld is a world in which nothing is replayed.
func bareWorld(s *mesh.Snapshot, scope Scope) *World {
	return &World{
		Snapshot: s, scope: scope,
		PeerAuth:  policy.NewPeerAuthentications(s.Resources.PeerAuthentications, s.MeshConfig("").Root()),
		explained: map[*handshake.Edge]bool{},
		rules:     newRules(s.Resources.DestinationRules, policyConfig(s)),
		modes:     map[*mesh.Pod]policy.Effective{},
		spaces:    map[space]policy.Derivation{},
		whole:     map[*mesh.Host][]*handshake.Edge{},
	}
}

// failingPeers are both ends of edges that fail.
func failingPeers(edges []*handshake.Edge) map[*mesh.Pod]bool {
	peers := map[*mesh.Pod]bool{}
	for _, e := range edges {
		if e.Verdict == handshake.Fails && e.Server.Pod != nil {
			peers[e.Client], peers[e.Server.Pod] = true, true
		}
	}
	return peers
}

// concerns reports whether a pod may hold the cause of something in scope.
func (w *World) concerns(p *mesh.Pod) bool { return w.scope.in(p) || w.peers[p] }

func policyConfig(s *mesh.Snapshot) policy.Config {
	cfg := s.MeshConfig("")
	c := policy.Config{RootNamespace: cfg.Root(), Domain: s.Domain}
	if cfg != nil {
		c.DefaultExportTo = cfg.DefaultDestinationRuleExportTo
	}
	return c
}

// Rule is what the DestinationRules ask of the client's proxy on an edge.
func (w *World) Rule(e *handshake.Edge) policy.ClientTLS { return w.rules.of(e) }

// Mode is what the PeerAuthentications ask a pod to accept.
func (w *World) Mode(p *mesh.Pod) policy.Effective {
	if m, ok := w.modes[p]; ok {
		return m
	}
	m := w.PeerAuth.ForWorkload(p.Namespace, p.Labels, p.Revision())
	w.modes[p] = m
	return m
}

// space is a namespace as the istiod of a revision sees it.
type space struct{ namespace, revision string }

// NamespaceMode is the mode that the istiod of a revision assumes of a namespace for auto mTLS.
func (w *World) NamespaceMode(namespace, revision string) policy.Derivation {
	k := space{namespace, revision}
	d, ok := w.spaces[k]
	if !ok {
		d = w.PeerAuth.ForNamespace(namespace, revision)
		w.spaces[k] = d
	}
	return d
}

// EdgesTo are all connections to a host, in scope or not: what a fix changes does not end where
// the user's question does.
func (w *World) EdgesTo(h *mesh.Host) []*handshake.Edge {
	if known, ok := w.whole[h]; ok {
		return known
	}
	w.whole[h] = w.Engine.Edges(handshake.Query{Host: func(x *mesh.Host) bool { return x == h }})
	return w.whole[h]
}

// EdgesSentTo are the connections that end at a host, whatever was dialled: those of EdgesTo that no route leads
// elsewhere, and those in scope that a route leads there.
func (w *World) EdgesSentTo(h *mesh.Host) []*handshake.Edge {
	var out []*handshake.Edge
	for _, e := range w.EdgesTo(h) {
		if host, _ := e.SentTo(); host == h {
			out = append(out, e)
		}
	}
	return append(out, w.routed()[h]...)
}

// routed are the edges in scope that a route leads to another host than was dialled, by that host.
func (w *World) routed() map[*mesh.Host][]*handshake.Edge {
	if w.led != nil {
		return w.led
	}
	w.led = map[*mesh.Host][]*handshake.Edge{}
	for _, e := range w.edges {
		if host, _ := e.SentTo(); host != nil && host != e.Server.Host {
			w.led[host] = append(w.led[host], e)
		}
	}
	return w.led
}

// missing returns the first needed evidence that was not read, or "".
func (w *World) missing(needs []Evidence) Evidence {
	for _, n := range needs {
		if !w.has(n) {
			return n
		}
	}
	return ""
}

func (w *World) has(e Evidence) bool {
	switch e {
	case Proxies:
		return len(w.Proxies) > 0
	case Secrets:
		for _, p := range w.Proxies {
			if p.Read.Has(envoy.SectionSecrets) {
				return true
			}
		}
		return false
	case MeshConfig:
		return len(w.MeshConfigs) > 0
	}
	return w.Resources.HasRead(string(e))
}
