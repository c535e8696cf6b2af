package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// NotMTLS says that no handshake of the asked connections fails: whatever does not work between these ends has another
// cause than mutual TLS.
type NotMTLS struct {
	// Basis is what it rests on.
	Basis string `json:"basis"`
	// Next are where to look instead, the likeliest first.
	Next []string `json:"next"`
}

// acquit clears mutual TLS of what was asked about: a destination, targets, namespaces, or anything where calls are known to
// lead nowhere. What is unknown, denied, or has a finding that needs action, is not cleared.
func (r *Report) acquit(s *mesh.Snapshot, edges []*handshake.Edge) *NotMTLS {
	t := r.EdgeSummary.Calls
	if r.Scope.To != "" {
		t = t.and(r.EdgeSummary.Outside).and(r.EdgeSummary.ControlPlane)
	}
	asked := r.Scope.To != "" || len(r.Scope.Targets)+len(r.Scope.Namespaces) > 0 || t.Unreachable > 0
	if !asked || t.Total == 0 || t.Fails+t.Unknown > 0 || r.Summary.Errors+r.Summary.Warnings > 0 || len(r.Unexplained) > 0 || r.Incomplete() ||
		r.refusesOwn(edges) {
		return nil
	}
	callers, next := "", suspects(s, edges)
	if out := r.EdgeSummary.Outside; r.Scope.To == "" && out.Fails > 0 {
		callers = " of callers with a proxy"
		next = slices.Insert(next, 0, "whether the caller has a proxy: without one "+out.sentence())
	}
	basis := fmt.Sprintf("no handshake of %s%s fails, by what the proxies of both ends run and hold", plural(t.Total, "possible call"), callers)
	if n := r.EdgeSummary.Observed; n.Agree > 0 && n.Contradict == 0 {
		basis += fmt.Sprintf("; counters of %s agree", plural(n.Agree, "connection"))
	}
	return &NotMTLS{Basis: basis, Next: next}
}

// refusesOwn reports whether a workload of the report, which has no proxy, is refused or may be.
func (r *Report) refusesOwn(edges []*handshake.Edge) bool {
	own := make(map[kube.Ref]bool, len(r.Workloads))
	for i := range r.Workloads {
		own[r.Workloads[i].Ref] = true
	}
	return slices.ContainsFunc(edges, func(e *handshake.Edge) bool {
		return !e.Verdict.Works() && !e.Reason.NotTLS() && e.Client != nil && !e.Client.HasProxy() && own[e.Client.Workload.Ref]
	})
}

// suspects are where to look when mutual TLS is not the cause: what the replay met, what the proxies counted, and
// what neither can show.
func suspects(s *mesh.Snapshot, edges []*handshake.Edge) []string {
	var next []string
	for _, x := range suspicions {
		if i := slices.IndexFunc(edges, x.holds); i >= 0 {
			next = append(next, x.look(s, edges[i]))
		}
	}
	return append(next,
		"the log of the server's application, and that of its proxy: via_upstream, or no response flag (-), means that the application itself answered, UC that it closed the connection",
		"NetworkPolicies and firewalls, if it is a time-out")
}

// suspicion is a cause other than mutual TLS, of which an edge shows signs.
type suspicion struct {
	holds func(*handshake.Edge) bool
	look  func(*mesh.Snapshot, *handshake.Edge) string
}

var suspicions = []suspicion{
	{passesOn, func(_ *mesh.Snapshot, e *handshake.Edge) string {
		w := e.Server.Pod.Workload
		return fmt.Sprintf("the calls that the gateway makes in turn: the report of %s -n %s judges them", w.Short(), w.Ref.Namespace)
	}},
	{deserted, about("the endpoints of %s: whether its pods are ready, and its subset selects any")},
	{ledAstray, func(_ *mesh.Snapshot, e *handshake.Edge) string {
		return e.Outbound.Routed.Value + ", where nothing takes calls"
	}},
	{unsent, lookForCluster},
	{unserved, func(_ *mesh.Snapshot, e *handshake.Edge) string {
		return fmt.Sprintf("the config of the proxy of %s: %s", e.Client.Key(), e.Why)
	}},
	{unrouted, about("the VirtualServices of %s: no route takes the request")},
	{failsFor(handshake.NoListener), about("the ports of the pods behind %s: the server's proxy does not listen there")},
	{untranslated, about("the ports of %s: the name of a headless Service stands for its pods, which listen on the targetPort, and nothing leads its port on to that")},
	{failsFor(handshake.BlackHoled), about("how the client's proxy can know %s: it drops what it does not know (REGISTRY_ONLY)")},
	{failsFor(handshake.NotHTTP), about("the protocol of %s: the server's proxy expects HTTP")},
	{
		func(e *handshake.Edge) bool { return e.Observed != nil && e.Observed.ConnectFailures > 0 },
		counted("connections to %s that did not come up, so NetworkPolicies, and whether the application listens: the caller's proxy has counted %s"),
	},
	{
		func(e *handshake.Edge) bool { return e.Observed != nil && e.Observed.Errors > 0 },
		counted("the answers of %s: the caller's proxy has counted %s"),
	},
	{
		func(e *handshake.Edge) bool { return slices.Contains(e.Assumptions, handshake.RouteConditional) },
		about("the VirtualServices of %s: some requests take another route"),
	},
}

func failsFor(reason handshake.Reason) func(*handshake.Edge) bool {
	return func(e *handshake.Edge) bool { return e.Verdict == handshake.Fails && e.Reason == reason }
}

// passesOn reports a call to a gateway, behind which others answer.
func passesOn(e *handshake.Edge) bool {
	return e.Verdict.Works() && e.Server.Pod != nil && e.Server.Pod.Plane == mesh.Gateway
}

// deserted reports a call that no endpoint takes, where it was dialled.
func deserted(e *handshake.Edge) bool {
	return failsFor(handshake.NoEndpoint)(e) && e.Outbound.Routed == nil
}

// unsent reports a call whose route leads to a cluster that the proxy does not have, though no VirtualService asks for it.
// istiod 1.31 takes such a cluster from a proxy whose Sidecar hides its port when the Service changes, and does not give
// it back when the Sidecar goes.
func unsent(e *handshake.Edge) bool {
	return failsFor(handshake.NoRoute)(e) && e.Outbound.Cluster != "" && e.Outbound.Routed == nil && !holdsCluster(e)
}

// lookForCluster is where to look for a cluster that a proxy lacks: at the EnvoyFilters that remove it, or else at the proxy.
func lookForCluster(s *mesh.Snapshot, e *handshake.Edge) string {
	proxy := fmt.Sprintf("the proxy of %s, which has no cluster %s although it leads there", e.Client.Key(), e.Outbound.Cluster)
	var removers []string
	for _, f := range s.FiltersOf(e.Client) {
		if slices.ContainsFunc(f.Spec.ConfigPatches, func(c kube.ConfigPatch) bool { return removes(c, e) }) {
			removers = append(removers, "EnvoyFilter "+f.Key().String())
		}
	}
	if len(removers) > 0 {
		return fmt.Sprintf("%s, which removes clusters from %s", strings.Join(removers, ", "), proxy)
	}
	return "the config of " + proxy + ": a restart of the pod makes istiod send all of it"
}

// removes reports whether a patch takes from the client's proxy the cluster by which an edge would leave.
func removes(c kube.ConfigPatch, e *handshake.Edge) bool {
	return c.ApplyTo == "CLUSTER" && c.Patch.Operation == "REMOVE" && e.LeavesBy(c.Match)
}

// unserved reports a call whose cluster is there and takes none: it is warming, or was refused.
func unserved(e *handshake.Edge) bool {
	return failsFor(handshake.NoRoute)(e) && e.Outbound.Routed == nil && holdsCluster(e)
}

// holdsCluster reports whether the client's proxy has the cluster of a call, in whatever state.
func holdsCluster(e *handshake.Edge) bool {
	named := func(c *envoy.Cluster) bool { return c.Name == e.Outbound.Cluster }
	return e.Client != nil && e.Client.Proxy != nil && slices.ContainsFunc(e.Client.Proxy.Clusters, named)
}

// untranslated reports a call by the name of a headless Service to a port that is another of its pods. A Service with an
// address of its own has the node lead one on to the other.
func untranslated(e *handshake.Edge) bool {
	host, number := e.SentTo()
	if host == nil || !host.Headless || host.Port(number) == nil {
		return false
	}
	endpoints := host.Port(number).Endpoints
	return len(endpoints) > 0 && !slices.ContainsFunc(endpoints, func(ep mesh.Endpoint) bool { return ep.Address == e.Server.Address })
}

// unrouted reports a call that no route takes.
func unrouted(e *handshake.Edge) bool {
	return failsFor(handshake.NoRoute)(e) && e.Outbound.Cluster == ""
}

// ledAstray reports a call that fails because a VirtualService leads it where nothing is.
func ledAstray(e *handshake.Edge) bool {
	return e.Outbound.Routed != nil && (failsFor(handshake.NoRoute)(e) || failsFor(handshake.NoEndpoint)(e))
}

func about(format string) func(*mesh.Snapshot, *handshake.Edge) string {
	return func(_ *mesh.Snapshot, e *handshake.Edge) string { return fmt.Sprintf(format, dialled(e)) }
}

func counted(format string) func(*mesh.Snapshot, *handshake.Edge) string {
	return func(_ *mesh.Snapshot, e *handshake.Edge) string { return fmt.Sprintf(format, dialled(e), e.Observed) }
}

// dialled is a destination as it was dialled.
func dialled(e *handshake.Edge) string { return fmt.Sprintf("%s:%d", e.Server.Name, e.Server.Port) }

// notMTLS says so in the report for people.
func (p *page) notMTLS() error {
	n := p.NotMTLS
	if n == nil {
		return nil
	}
	p.b.WriteString(p.hang("mTLS is not the cause: ", Clean(n.Basis)))
	for _, look := range n.Next {
		p.line("look at", Clean(look))
	}
	return nil
}
