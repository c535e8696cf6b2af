package handshake

import (
	"hash/maphash"
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// cohort is a set of clients whose proxies send alike: the same listeners, routes, clusters,
// endpoints and trust. Their certificates may differ.
type cohort struct {
	pods   []*mesh.Pod
	at     map[*mesh.Pod]int // where a pod stands in pods
	shown  map[shownKey]*showing
	splits map[splitKey]*split
}

// cohorts are the clients of a query.
type cohorts struct {
	list    []*cohort
	of      map[*mesh.Pod]*cohort
	holders map[netip.Addr][]*mesh.Pod
}

// cohortKey is what clients must have in common before their configs are compared.
type cohortKey struct {
	plane   mesh.Plane
	unread  string
	proxied bool
	touched bool // Query.Either takes the client
	config  uint64
}

func (e *Engine) newCohorts(q *Query) *cohorts {
	out := &cohorts{of: map[*mesh.Pod]*cohort{}, holders: map[netip.Addr][]*mesh.Pod{}}
	byKey := map[cohortKey][]*cohort{}
	seed := maphash.MakeSeed()
	for _, pod := range e.snap.Pods {
		if q.Client != nil && !q.Client(pod) {
			continue
		}
		for _, a := range pod.Addresses {
			out.holders[a] = append(out.holders[a], pod)
		}
		k := cohortKey{pod.Plane, pod.Unread, pod.Proxy != nil, q.takes(pod, nil), outline(seed, pod.Proxy)}
		i := slices.IndexFunc(byKey[k], func(x *cohort) bool { return e.sendsAlike(x.pods[0], pod) })
		if i < 0 {
			i = len(byKey[k])
			x := &cohort{at: map[*mesh.Pod]int{}, shown: map[shownKey]*showing{}, splits: map[splitKey]*split{}}
			byKey[k] = append(byKey[k], x)
			out.list = append(out.list, x)
		}
		x := byKey[k][i]
		x.at[pod] = len(x.pods)
		x.pods = append(x.pods, pod)
		e.shareIndex(x.pods[0], pod)
		out.of[pod] = x
	}
	return out
}

// shareIndex lets a proxy use what was found out about one that sends alike.
func (e *Engine) shareIndex(first, pod *mesh.Pod) {
	if pod.Proxy == nil || pod.Plane != mesh.Sidecar || pod.Capture.Mode == "NONE" || !blindToAddress(e.index(pod.Proxy).inbound()) {
		return
	}
	from, to := e.index(first.Proxy), e.index(pod.Proxy)
	to.clusters, to.listeners, to.domains = from.clusterIndex(), from.listenerIndex(), from.domains
}

// ownersAmong are the clients of a cohort whose own the destination is, or may be.
func (c *cohorts) ownersAmong(x *cohort, dials []dial) []*mesh.Pod {
	var out []*mesh.Pod
	add := func(pod *mesh.Pod) {
		if pod != nil && c.of[pod] == x && !slices.Contains(out, pod) {
			out = append(out, pod)
		}
	}
	for i := range dials {
		d := &dials[i]
		for _, list := range [][]mesh.Endpoint{d.registered, d.direct} {
			for _, ep := range list {
				add(ep.Pod)
			}
		}
		for _, pod := range c.holders[d.addr] {
			add(pod)
		}
	}
	return out
}

// outline hashes the names of what a proxy sends through: configs that differ in it are not alike.
func outline(seed maphash.Seed, p *envoy.Proxy) uint64 {
	if p == nil {
		return 0
	}
	var h maphash.Hash
	h.SetSeed(seed)
	for _, c := range p.Clusters {
		if !inboundCluster(c) {
			_, _ = h.WriteString(c.Name + c.Config)
		}
	}
	for _, l := range p.Listeners {
		if !takesInbound(l) {
			_, _ = h.WriteString(l.Name)
		}
	}
	return h.Sum64()
}

func inboundCluster(c *envoy.Cluster) bool { return strings.HasPrefix(c.Name, "inbound|") }

// sendsAlike compares all that a replay looks at on the client's side, but for certificates.
func (e *Engine) sendsAlike(a, b *mesh.Pod) bool {
	if a.Spec.HostNetwork != b.Spec.HostNetwork || !sameFamilies(a.Addresses, b.Addresses) || !sameCapture(a.Capture, b.Capture) {
		return false
	}
	x, y := a.Proxy, b.Proxy
	if x == nil || x == y {
		return true
	}
	return x.Read == y.Read && groupsOf(x) == groupsOf(y) && e.index(x).strangeFilters() == e.index(y).strangeFilters() && sameSecrets(x.Secrets, y.Secrets) &&
		equalBut(x.Clusters, y.Clusters, inboundCluster, sameCluster) && equalBut(x.Listeners, y.Listeners, takesInbound, sameListener) &&
		reflect.DeepEqual(x.Endpoints, y.Endpoints) && maps.EqualFunc(x.Routes, y.Routes, sameRouteConfig) && sameHosts(x.Hosts, y.Hosts)
}

// equalBut compares lists in order, without the elements that skip takes.
func equalBut[T any](a, b []*T, skip func(*T) bool, same func(a, b *T) bool) bool {
	for {
		for len(a) > 0 && skip(a[0]) {
			a = a[1:]
		}
		for len(b) > 0 && skip(b[0]) {
			b = b[1:]
		}
		if len(a) == 0 || len(b) == 0 {
			return len(a) == len(b)
		}
		if !same(a[0], b[0]) {
			return false
		}
		a, b = a[1:], b[1:]
	}
}

func sameFamilies(a, b []netip.Addr) bool {
	return slices.EqualFunc(a, b, func(x, y netip.Addr) bool { return x.Is4() == y.Is4() })
}

// sameHosts compares which hosts a proxy has, and which of them it holds for unhealthy: not what it
// counted of them.
func sameHosts(a, b map[string][]envoy.Host) bool {
	if len(a) != len(b) {
		return false
	}
	for name, list := range a {
		if !slices.EqualFunc(list, b[name], func(x, y envoy.Host) bool {
			return x.Address == y.Address && x.Hostname == y.Hostname && x.Unhealthy() == y.Unhealthy()
		}) {
			return false
		}
	}
	return true
}
