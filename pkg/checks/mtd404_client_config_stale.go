package checks

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

var mtd404 = &diagnose.Check{
	Code: "MTD404", Name: "client-config-stale", Severity: diagnose.Error,
	Title: "a client's proxy sends something else than the resources ask for",
	Doc: diagnose.Doc{
		Meaning: "The DestinationRules, PeerAuthentications and endpoints say whether a client's proxy is to start mutual TLS, and its config does the opposite. Either istiod's pushes do not arrive, or an EnvoyFilter changes the cluster, " +
			"or istiod goes by what it remembers of the endpoints (those of a headless or PASSTHROUGH Service it looks at only when the Service changes). The client fails, or sends in clear what was to be protected.",
		Symptoms: []string{
			"one client fails where its replicas succeed",
			"istioctl proxy-status: STALE, or the proxy is missing from the list",
			"it began after an EnvoyFilter with applyTo: CLUSTER was added",
			"it is over after the Service was touched or the client restarted",
		},
		Detection: "What istiod builds from the resources for the client and host, against the transport socket that the client's cluster chooses for the endpoint. An error where the connection fails of it, a warning where plaintext passes that was to be mutual TLS.",
		ByHand: []diagnose.Look{
			seeCluster("another transportSocket than that of its replicas, or than the resources ask for"),
			look("istioctl proxy-status", "the proxy is not SYNCED, or not in the list"),
			seeAll("envoyfilters.networking.istio.io", "one with applyTo: CLUSTER that selects the client"),
		},
		NotThis:    "A config that waits for a certificate is MTD318, one that is rejected MTD402. A rule that was changed seconds before the capture may be on its way: that is unknown.",
		Fix:        "Take back the EnvoyFilter, or see why istiod's pushes do not arrive. Where no client has what was asked for, istiod itself is behind: say ISTIO_MUTUAL in a DestinationRule, or restart istiod.",
		References: []string{"istio/istio#42257", "istio/istio#25528", "pilot/pkg/networking/core/cluster_tls.go"},
	},
	Needs:    []diagnose.Evidence{diagnose.Proxies, diagnose.Pods, diagnose.Services, diagnose.DestinationRules, diagnose.PeerAuthentications, diagnose.MeshConfig},
	After:    []diagnose.Code{"MTD402", "MTD318"},
	Run:      clientStale,
	Describe: describeClientStale,
}

func clientStale(p *diagnose.Pass) {
	var stale []*handshake.Edge
	for e := range p.Known() {
		if !ownCluster(e) {
			p.NotApplicable()
			continue
		}
		switch want, known := sends(p, e); {
		case !known:
			p.NotApplicable()
		case want == mutual(e):
			p.Passed()
		case !mutual(e) && !plain(e), !brokenFor(e) && !(want && e.Verdict == handshake.Plaintext):
			p.Passed()
		default:
			stale = append(stale, e)
		}
	}
	unsent := map[*mesh.Host]bool{}
	for _, e := range stale {
		h := e.Server.Host
		if _, ok := unsent[h]; !ok {
			unsent[h] = sentToNobody(p, h)
		}
		if why := onItsWay(p, e); why != "" {
			p.Unknown(kube.PodRef(e.Client.Key()), why)
		} else {
			p.Failed(staleFinding(p, e, unsent[h]))
		}
	}
}

// sentToNobody reports whether several clients of a host are known, in scope or not, and none of them has
// what was asked for.
func sentToNobody(p *diagnose.Pass, h *mesh.Host) bool {
	var without []*handshake.Edge
	for _, e := range p.EdgesTo(h) {
		if e.Verdict == handshake.Unknown || !ownCluster(e) {
			continue
		}
		want, known := sends(p, e)
		switch {
		case !known:
		case want == mutual(e):
			return false
		default:
			without = append(without, e)
		}
	}
	return len(distinct(without, func(e *handshake.Edge) *mesh.Workload { return e.Client.Workload })) > 1
}

// brokenFor reports whether an edge fails for want of mutual TLS, or for having it.
func brokenFor(e *handshake.Edge) bool {
	return e.Verdict == handshake.Fails && (refusedPlain(e) || unwrapped(e))
}

// staleFinding blames the EnvoyFilter that changes the client's clusters; or the destination, where no
// client has what was asked for: then istiod does not send it; or else the client.
func staleFinding(p *diagnose.Pass, e *handshake.Edge, unsent bool) diagnose.Finding {
	f := diagnose.Finding{Subject: patcher(p, e), Edges: edge(e), Group: e.Outbound.Socket}
	switch {
	case f.Subject.Name != "":
	case unsent:
		f.Subject = e.Server.Host.Ref
	default:
		f.Subject = e.Client.Workload.Ref
	}
	if !brokenFor(e) {
		f.Severity = diagnose.Warning
	}
	return f
}

// ownCluster reports whether the client's proxy sends an edge through the cluster of the very host and
// port that was dialled; a route may lead elsewhere.
func ownCluster(e *handshake.Edge) bool {
	return e.Client.HasProxy() && e.Server.Host != nil && e.Server.Subset == "" && e.Server.Host.ExternalName == "" &&
		e.Outbound.Cluster == fmt.Sprintf("outbound|%d||%s", e.Server.Port, e.Server.Host.Name)
}

// onItsWay says why a difference may be none: what decides on the client's side changed so shortly
// before the capture that it may not have arrived.
func onItsWay(p *diagnose.Pass, e *handshake.Edge) string {
	if rule := p.Rule(e).Rule; rule != nil && fresh(p, &rule.Meta) {
		return fmt.Sprintf("%s changed so shortly before the capture that it may not have arrived", ruleRef(rule))
	}
	if ns := namespaceMode(p, e); ns.From != nil && fresh(p, &ns.From.Meta) {
		return fmt.Sprintf("%s changed so shortly before the capture that it may not have arrived", policyRef(ns.From))
	}
	return ""
}

func describeClientStale(p *diagnose.Pass, f *diagnose.Finding) {
	e := f.Edges[0]
	does, asked := "plaintext", "mutual TLS"
	if mutual(e) {
		does, asked = asked, does
	}
	f.Title = fmt.Sprintf("the config of %s says %s towards %s, although the resources ask for %s", callers(f.Edges), does, destinations(p, f.Edges), asked)
	f.Evidence = append(bothSides(p, e), clusterFact(e))
	if fact, ok := connection(e.Client.Proxy, e.Client.Key().String()); ok {
		f.Evidence = append(f.Evidence, fact)
	}
	switch f.Subject {
	case e.Client.Workload.Ref:
		f.Fixes = []diagnose.Fix{pushFix(e.Client)}
	case e.Server.Host.Ref:
		f.Title += ": istiod does not send it to anybody"
		f.Fixes = sayMutual(p, f)
	default:
		f.Title = f.Subject.String() + " patches clusters: " + f.Title
		f.Fixes = []diagnose.Fix{envoyFilterFix(f.Subject)}
	}
}

// sayMutual are the rules by which istiod sends mutual TLS whatever it remembers of the endpoints.
func sayMutual(p *diagnose.Pass, f *diagnose.Finding) []diagnose.Fix {
	e := f.Edges[0]
	if rule := p.Rule(e).Rule; rule != nil {
		return mutualFixes(p, rule, "spec.trafficPolicy.tls", f.Edges)
	}
	return ruleFix(p, "say ISTIO_MUTUAL for the host, so that it does not depend on what istiod remembers of the endpoints", e.Server.Host, "ISTIO_MUTUAL", nil, f.Edges)
}

// clusterFact is the cluster that an edge takes, with its age.
func clusterFact(e *handshake.Edge) handshake.Fact {
	out := handshake.DumpFact(e.Client, "clusters", e.Outbound.Cluster, e.Outbound.Socket)
	for _, c := range clustersOf(e) {
		if c.State == envoy.Active {
			out.Value = strings.Join([]string{e.Outbound.Socket, "version " + cmp.Or(c.Version, "unknown"), "last updated " + stamp(c.LastUpdated)}, ", ")
		}
	}
	return out
}

// connection is what a proxy counts of its connection to istiod; false when it does not.
func connection(proxy *envoy.Proxy, pod string) (handshake.Fact, bool) {
	const counter = "control_plane.connected_state"
	n, ok := proxy.Stats[counter]
	return handshake.Fact{Layer: handshake.Observed, Source: pod + " stats " + counter, Value: fmt.Sprint(n)}, ok
}
