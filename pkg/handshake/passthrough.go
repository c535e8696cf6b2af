package handshake

import (
	"slices"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// passesOn reports a chain of a gateway that hands the TLS of the client's proxy on as it comes: of
// AUTO_PASSTHROUGH (east-west gateways) or PASSTHROUGH. The application's own TLS ends such an edge at
// the gateway: what follows is the gateway's own connection.
func (r *replay) passesOn(fc *envoy.FilterChain, w wire) bool {
	raw := fc.Socket == nil || fc.Socket.Kind == envoy.Raw
	return raw && w.encrypted() && (hasFilter(fc, envoy.SNICluster) ||
		r.Server.Pod.Plane == mesh.Gateway && !hasFilter(fc, envoy.HTTPManager) && w.TLS != nil)
}

// passOn follows the TLS to the endpoints behind the gateway: the handshake is between the client's
// proxy and theirs. Each endpoint has an edge of its own.
//
// For AUTO_PASSTHROUGH istiod makes one chain and one cluster "outbound_.80_._.HOST" for each service
// port and subset, by the SNI that proxies send, without authorization and without a transport
// socket, and with endpoints only that speak mutual TLS (builtAutoPassthroughFilterChains in
// pilot/pkg/networking/core/gateway.go, buildOutboundSniDnatClusters in cluster.go). Before Istio 1.11
// one chain took all, and the filter sni_cluster read the cluster's name from the SNI.
func (r *replay) passOn(fc *envoy.FilterChain, w wire) *Edge {
	if r.Via != nil {
		r.block(NotModelled, "the TLS passes through two gateways, %s and %s", r.Via.Key(), r.Server.Pod.Key())
		return r.finish()
	}
	r.forks = []*replay{} // and none where nobody asked for any
	for _, to := range passClusters(fc, w) {
		r.forks = append(r.forks, r.passTo(to, w)...)
	}
	return r.Edge
}

// passClusters are the clusters to which a chain passes connections.
func passClusters(fc *envoy.FilterChain, w wire) []way {
	if hasFilter(fc, envoy.SNICluster) {
		return []way{{cluster: w.SNI}}
	}
	i := slices.IndexFunc(fc.Filters, func(f *envoy.Filter) bool { return f.Kind == envoy.TCPProxy })
	if i < 0 {
		return []way{{problem: NotModelled, why: "filter chain " + fc.Name + " ends in no filter that is modelled"}}
	}
	return tcpWays(fc.Filters[i], place{})
}

// passTo follows the TLS to every endpoint of one of the gateway's clusters.
func (r *replay) passTo(to way, w wire) []*replay {
	gateway := r.Server.Pod
	ix := r.engine.index(gateway.Proxy)
	c := ix.clusterIndex().serving[to.cluster]
	stop := func(reason Reason, format string, args ...any) []*replay {
		f := r.fork(to)
		f.block(reason, format, args...)
		f.finish()
		return []*replay{f}
	}
	switch {
	case to.problem != "":
		return stop(to.problem, "the gateway %s: %s", gateway.Key(), to.why)
	case !gateway.Proxy.Read.Has(envoy.SectionClusters):
		return stop(EvidenceMissing, "the clusters of the gateway %s were not read", gateway.Key())
	case c == nil || c.Name == "BlackHoleCluster":
		return stop(NoRoute, "the gateway %s passes this TLS to no cluster (SNI %q)", gateway.Key(), w.SNI)
	case leadsOn(c), !modelledType(c):
		return stop(NotModelled, "cluster %s of the gateway %s is of type %s: it has no endpoints of its own", c.Name, gateway.Key(), c.Type)
	}
	list := r.engine.upstreams(ix, c, dial{})
	switch {
	case len(list) > 0:
	case c.Type == "EDS" && !gateway.Proxy.Read.Has(envoy.SectionEndpoints):
		return stop(EvidenceMissing, "the endpoints of the gateway %s were not read", gateway.Key())
	default:
		return stop(NoEndpoint, "cluster %s of the gateway %s has no endpoint: it has only those that speak mutual TLS", c.Name, gateway.Key())
	}
	var out []*replay
	for _, u := range list {
		if r.dial.skips(r.Client, u.Endpoint) {
			continue
		}
		f := r.fork(to)
		f.Via = gateway
		f.passed(c, u, w)
		out = append(out, f)
	}
	return out
}

// passed lets the TLS arrive at an endpoint behind the gateway.
func (r *replay) passed(c *envoy.Cluster, u upstream, w wire) *Edge {
	r.to(u.Endpoint)
	r.tlsMode, r.fromLabel = u.labels["tlsMode"], false
	at := placeOf(r.Via, "clusters", c.Name)
	r.read(at, "passes the TLS on to "+r.endpoint())
	r.tellPassed(at.source)
	if u.out {
		r.assume(EndpointInRotation)
	}
	if u.fromPods {
		r.assume(TLSModeFromLabel)
	}
	socket := chooseSocket(c, u.labels).socket
	if r.opaqueUpstream(c, u, socket) {
		return r.finish()
	}
	if socket != nil && socket.Kind == envoy.TLS {
		r.block(NotModelled, "cluster %s of the gateway %s wraps the TLS that it passes on once more", c.Name, r.Via.Key())
		return r.finish()
	}
	return r.arrive(w)
}

// fork is a copy that goes on by itself.
func (r *replay) fork(to way) *replay {
	e, f := *r.Edge, *r
	e.Blockers, e.Evidence, e.Steps = slices.Clone(e.Blockers), slices.Clone(e.Evidence), slices.Clone(e.Steps)
	e.Assumptions = slices.Clone(e.Assumptions)
	f.Edge, f.forks, f.unverified = &e, nil, slices.Clone(r.unverified)
	f.handshakes, f.alike = slices.Clone(r.handshakes), nil
	if e.made != nil {
		e.made = &f
	}
	if to.conditional {
		f.assume(RouteConditional)
	}
	return &f
}

// ends are the replays that one came to: itself, or its forks.
func (r *replay) ends() []*replay {
	if r.forks != nil {
		return r.forks
	}
	return []*replay{r}
}

// source is the pod whose address the server sees.
func (e *Edge) source() *mesh.Pod {
	if e.Via != nil {
		return e.Via
	}
	return e.Client
}
