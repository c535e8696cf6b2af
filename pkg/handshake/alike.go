package handshake

import (
	"reflect"
	"slices"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// endpointKey is what endpoints of one destination must have in common to be alike.
type endpointKey struct {
	pod      int // a number of pods that are alike
	port     uint16
	is4      bool
	app      mesh.Protocol
	by       chosen
	tlsMode  string
	tunnel   bool
	fromPods bool
	unsure   bool
	out      bool
}

// grouping finds endpoints that are alike while a connection is followed to each of a list.
type grouping struct {
	engine *Engine
	client *mesh.Pod
	dial   dial
	known  map[endpointKey][]grouped
	next   *endpointKey // of the endpoint that add tells of; nil when it is like no other
}

type grouped struct {
	*replay
	profile string
}

// grouping is nil where each endpoint is to have an edge of its own.
func (e *Engine) grouping(client *mesh.Pod, d dial) *grouping {
	if d.query == nil || !d.query.alike {
		return nil
	}
	return &grouping{engine: e, client: client, dial: d, known: map[endpointKey][]grouped{}}
}

// join adds an endpoint to a replay that stands for it, if there is one. Where no socket was
// chosen the client's proxy sends nothing but what the application does.
func (g *grouping) join(u upstream, by chosen) bool {
	if g == nil {
		return false
	}
	g.next = nil
	n := g.engine.serverKind(u.Pod)
	if n < 0 || u.Pod == g.client || u.Hostname != "" {
		return false
	}
	at := Server{Pod: u.Pod, Address: u.Address}
	g.next = &endpointKey{
		n, u.Address.Port(), u.Address.Addr().Is4(), g.engine.appAt(at, g.dial), by, u.labels["tlsMode"], u.tunnel, u.fromPods, u.unsure, u.out,
	}
	for _, x := range g.known[*g.next] {
		if x.serverProfile(u.Endpoint) == x.profile {
			x.alike = append(x.alike, u.Endpoint)
			return true
		}
	}
	return false
}

// add tells of the replay of the endpoint that was asked for last.
func (g *grouping) add(r *replay) {
	if g == nil || g.next == nil || r.forks != nil {
		return
	}
	own := mesh.Endpoint{Pod: r.Server.Pod, Address: r.Server.Address, Hostname: r.Server.Hostname}
	g.known[*g.next] = append(g.known[*g.next], grouped{r, r.serverProfile(own)})
}

// serverKind numbers pods that take connections alike, but for their certificates. It is negative for
// those that are not compared.
func (e *Engine) serverKind(pod *mesh.Pod) int {
	if pod == nil || pod.Workload == nil || pod.HasProxy() && (pod.Plane != mesh.Sidecar || pod.Capture.Mode == "NONE") {
		return -1
	}
	if n, ok := e.serverKinds[pod]; ok {
		return n
	}
	n := -1
	if pod.Proxy == nil || blindToAddress(e.index(pod.Proxy).inbound()) && !guardsByAddress(e.index(pod.Proxy).inbound()) {
		n = e.newServerKind(pod)
	}
	e.serverKinds[pod] = n
	return n
}

func (e *Engine) newServerKind(pod *mesh.Pod) int {
	for _, other := range pod.Workload.Pods {
		if n, ok := e.serverKinds[other]; ok && n >= 0 && e.takesAlike(pod, other) {
			return n
		}
	}
	return len(e.serverKinds)
}

// blindToAddress reports a listener that does not look at the address that was dialled.
func blindToAddress(l *envoy.Listener) bool {
	if l == nil || l.UseOrigDst {
		return false
	}
	return !slices.ContainsFunc(l.FilterChains, func(fc *envoy.FilterChain) bool {
		return longestOf(fc.Match.DestinationPrefixes) > 0
	})
}

// guardsByAddress reports a listener with RBAC rules about the address that was dialled. Which callers they
// refuse there, the one that is replayed does not show.
func guardsByAddress(l *envoy.Listener) bool {
	byAddress := func(r *envoy.RBACRule) bool { return len(r.DestinationIPs) > 0 }
	return slices.ContainsFunc(l.Chains(), func(fc *envoy.FilterChain) bool { return guardLooks(fc, byAddress) })
}

func (e *Engine) takesAlike(a, b *mesh.Pod) bool {
	if a.Plane != b.Plane || (a.Proxy == nil) != (b.Proxy == nil) || a.Unread != b.Unread || !sameCapture(a.Capture, b.Capture) {
		return false
	}
	if a.Proxy == nil {
		return true
	}
	x, y := e.index(a.Proxy), e.index(b.Proxy)
	inbound := x.inbound()
	return x.proxy.Read == y.proxy.Read && rejectedListener(x.proxy) == rejectedListener(y.proxy) &&
		x.strangeFilters() == y.strangeFilters() && sameSecrets(x.proxy.Secrets, y.proxy.Secrets) &&
		sameListener(inbound, y.inbound()) && sameRoutes(inbound, x.proxy, y.proxy)
}

func sameCapture(a, b mesh.Capture) bool {
	a.Source, b.Source = "", ""
	return reflect.DeepEqual(a, b)
}

// sameRoutes compares the route configurations to which a listener's filters refer.
func sameRoutes(l *envoy.Listener, a, b *envoy.Proxy) bool {
	for _, fc := range l.Chains() {
		for _, f := range fc.Filters {
			if !sameRouteConfig(a.Routes[f.RouteName], b.Routes[f.RouteName]) {
				return false
			}
		}
	}
	return true
}

// stateOnly is when and in which version a resource came, left out: it decides nothing.
func stateOnly(f envoy.Freshness) envoy.Freshness { return envoy.Freshness{State: f.State} }

func sameListener(a, b *envoy.Listener) bool {
	return sameButTime(a, b, func(l *envoy.Listener) *envoy.Freshness { return &l.Freshness })
}

func sameCluster(a, b *envoy.Cluster) bool {
	return sameButTime(a, b, func(c *envoy.Cluster) *envoy.Freshness { return &c.Freshness })
}

func sameRouteConfig(a, b *envoy.RouteConfig) bool {
	return sameButTime(a, b, func(rc *envoy.RouteConfig) *envoy.Freshness { return &rc.Freshness })
}

// sameButTime compares resources whatever their versions and times.
func sameButTime[T any](a, b *T, freshness func(*T) *envoy.Freshness) bool {
	if a == b || a == nil || b == nil {
		return a == b
	}
	x, y := *a, *b
	for _, f := range []*envoy.Freshness{freshness(&x), freshness(&y)} {
		*f = stateOnly(*f)
	}
	return reflect.DeepEqual(x, y)
}

// sameSecrets compares secrets but for the certificates in them, which are judged one by one.
func sameSecrets(a, b []*envoy.Secret) bool {
	return slices.EqualFunc(a, b, func(s, t *envoy.Secret) bool {
		if s == t {
			return true
		}
		x, y := *s, *t
		x.Freshness, y.Freshness = stateOnly(x.Freshness), stateOnly(y.Freshness)
		if len(x.Chain) > 0 && len(y.Chain) > 0 {
			x.Chain, y.Chain = nil, nil
		}
		return reflect.DeepEqual(x, y)
	})
}
