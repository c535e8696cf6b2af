package handshake

import (
	"net/netip"
	"slices"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// upstream is an endpoint as the client's proxy sees it.
type upstream struct {
	mesh.Endpoint
	labels   map[string]string // envoy.transport_socket_match
	tunnel   bool
	fromPods bool // the proxy's endpoints were not read
	unsure   bool // nor is it known whether the cluster has this one

	priority            uint32
	unhealthy, draining bool
	out                 bool // of rotation: unhealthy, and the cluster does not panic
}

// upstreams lists the endpoints of a cluster for one destination.
func (e *Engine) upstreams(ix *proxyIndex, c *envoy.Cluster, d dial) []upstream {
	switch c.Type {
	case originalDst:
		return asDialled(c, d.direct)
	case dynamicForwardProxy:
		return asDialled(c, e.named(d))
	}
	list := e.members(ix, c)
	for i, u := range list {
		h := ix.host(c.Name, u.Address)
		list[i].unhealthy = u.unhealthy || h != nil && h.Unhealthy()
	}
	return rotate(c, list)
}

// members are the endpoints that a cluster balances over.
func (e *Engine) members(ix *proxyIndex, c *envoy.Cluster) []upstream {
	if c.Type != "EDS" {
		return e.fromEndpoints(c.Endpoints)
	}
	if list, ok := ix.proxy.Endpoints[c.ServiceName]; ok {
		return e.fromEndpoints(list)
	}
	if hosts := ix.proxy.Hosts[c.Name]; len(hosts) > 0 || !ix.proxy.Read.Has(envoy.SectionEndpoints) {
		return e.fromRegistry(c, hosts)
	}
	return nil
}

// The types of clusters that keep no endpoints.
const (
	originalDst         = "ORIGINAL_DST"
	dynamicForwardProxy = "envoy.clusters.dynamic_forward_proxy"
)

// leadsOn reports a cluster that leads to whatever is called.
func leadsOn(c *envoy.Cluster) bool { return c.Type == originalDst || c.Type == dynamicForwardProxy }

// modelledType reports a cluster of a type that is modelled.
func modelledType(c *envoy.Cluster) bool {
	return leadsOn(c) || slices.Contains([]string{"", "STATIC", "STRICT_DNS", "LOGICAL_DNS", "EDS"}, c.Type)
}

// asDialled goes to what was dialled, or what its name resolves to: an endpoint itself, or a virtual IP that the
// kernel then translates.
func asDialled(c *envoy.Cluster, list []mesh.Endpoint) []upstream {
	var out []upstream
	for _, ep := range list {
		if !ep.Ready {
			continue
		}
		if c.PortOverride != 0 {
			ep.Address = netip.AddrPortFrom(ep.Address.Addr(), uint16(c.PortOverride))
		}
		out = append(out, upstream{Endpoint: ep})
	}
	return out
}

// named is where the name in a request leads, which a dynamic forward proxy resolves by itself. Only the addresses of a
// ServiceEntry are not what DNS gives (envoyproxy.io/docs/envoy/latest/intro/arch_overview/http/http_proxy).
func (e *Engine) named(d dial) []mesh.Endpoint {
	if d.host != nil && d.host.Ref.Kind == "ServiceEntry" && !isIP(d.name) {
		return e.resolve([]mesh.Endpoint{byName(d.name, d.port)})
	}
	return d.direct
}

func (e *Engine) fromEndpoints(list []envoy.Endpoint) []upstream {
	var out []upstream
	for _, ep := range list {
		u := upstream{labels: ep.SocketMatch, tunnel: ep.Internal != "", priority: ep.Priority}
		u.unhealthy, u.draining = ep.Unhealthy(), ep.Health == "DRAINING"
		u.Address, u.Hostname, u.Ready = ep.Address, ep.Hostname, true
		if !u.Address.IsValid() {
			u.Address = netip.AddrPortFrom(netip.Addr{}, uint16(ep.Port))
		}
		for _, real := range e.behind(u.Endpoint) {
			u.Endpoint = real
			out = append(out, u)
		}
	}
	return out
}

// behind are the pods to which an address, a load balancer's or a DNS name of the cluster leads on; the
// endpoint itself where it leads to none.
func (e *Engine) behind(ep mesh.Endpoint) []mesh.Endpoint {
	if !ep.Address.Addr().IsValid() {
		return e.resolve([]mesh.Endpoint{ep})
	}
	ep.Pod = e.podBehind(ep.Address)
	if p := e.snap.BalancedAt(ep.Address); ep.Pod == nil && p != nil {
		return p.Endpoints
	}
	return []mesh.Endpoint{ep}
}

// fromRegistry stands in where the proxy's endpoints were not read: the hosts of /clusters or
// the registry's endpoints, with the tlsMode label of their pods.
func (e *Engine) fromRegistry(c *envoy.Cluster, hosts []envoy.Host) []upstream {
	var out []upstream
	add := func(ep mesh.Endpoint) {
		u := upstream{Endpoint: ep, fromPods: true}
		if mode := ep.Labels["security.istio.io/tlsMode"]; mode != "" {
			u.labels = map[string]string{"tlsMode": mode}
		}
		out = append(out, u)
	}
	for _, h := range hosts {
		ep := mesh.Endpoint{Address: h.Address, Hostname: h.Hostname, Pod: e.podBehind(h.Address), Ready: true}
		if ep.Pod != nil {
			ep.Labels = ep.Pod.Labels
		}
		add(ep)
	}
	if len(hosts) > 0 {
		return out
	}
	list, known := e.registered(c)
	for _, ep := range list {
		add(ep)
		out[len(out)-1].unsure = !known
	}
	return out
}

// registered are the ready endpoints that the registry knows for a cluster, by its name; known is
// false when its subset may have some of them only.
func (e *Engine) registered(c *envoy.Cluster) (out []mesh.Endpoint, known bool) {
	n, _ := parseClusterName(c.Name)
	labels, known := e.subsetLabels(c, n.subset)
	for _, h := range e.snap.HostsNamed(n.host) {
		p := h.Port(n.port)
		if p == nil {
			continue
		}
		for _, ep := range p.Endpoints {
			if ep.Ready && kube.HasLabels(labels, ep.Labels) {
				out = append(out, ep)
			}
		}
		break // a second declaration of the name repeats the first
	}
	return out, known
}

// subsetLabels are the labels that a subset of the cluster's DestinationRule selects by.
func (e *Engine) subsetLabels(c *envoy.Cluster, subset string) (labels map[string]string, known bool) {
	if subset == "" {
		return nil, true
	}
	rule := configRef(c.Config, "DestinationRule")
	for _, dr := range e.snap.Resources.DestinationRules {
		if dr.Namespace != rule.Namespace || dr.Name != rule.Name {
			continue
		}
		for _, s := range dr.Spec.Subsets {
			if s.Name == subset {
				return s.Labels, true
			}
		}
	}
	return nil, false
}

// upstream sends to one endpoint by the transport socket that was chosen for it.
func (r *replay) upstream(ix *proxyIndex, c *envoy.Cluster, u upstream, by chosen, w way) *Edge {
	if u.fromPods {
		r.assume(TLSModeFromLabel)
	}
	r.tlsMode = u.labels["tlsMode"]
	r.fromLabel = u.fromPods && len(c.Matches) > 0
	r.read(placeOf(r.Client, "clusters", c.Name), by.how+": "+r.engine.socket(by.socket)+applied(r.Outbound.Rule))
	r.observed(ix, c)
	r.tellSocket(c, u, by)
	if r.opaqueUpstream(c, u, by.socket) {
		return r.finish()
	}
	return r.arrive(r.wireOf(ix, c, by.socket, w))
}

// opaqueUpstream blocks what keeps the way to an endpoint from being known.
func (r *replay) opaqueUpstream(c *envoy.Cluster, u upstream, socket *envoy.TransportSocket) bool {
	socket, _ = socket.Behind()
	switch {
	case u.unsure:
		r.block(EvidenceMissing, "the endpoints of %s were not read, and which of them subset %s has is not known", r.source().Key(), r.Server.Subset)
	case u.tunnel:
		r.block(NotModelled, "the endpoint is reached through an HBONE tunnel, which is not modelled yet")
	case c.HasMatcher:
		r.block(NotModelled, "cluster %s chooses its transport socket by transport_socket_matcher", c.Name)
	case len(c.Unmodelled) > 0:
		r.block(NotModelled, "cluster %s sets %s", c.Name, c.Unmodelled[0])
	case c.UseHTTPHeader:
		r.block(NotModelled, "cluster %s takes its address from a request header", c.Name)
	case leadsOn(c) && r.dial.missing != "":
		r.block(EvidenceMissing, "%s", r.dial.missing)
	case socket != nil && socket.Kind != envoy.Raw && socket.Kind != envoy.TLS:
		r.block(NotModelled, "cluster %s uses transport socket %s", c.Name, socket.TypeURL)
	}
	return len(r.Blockers) > 0
}

// chosen is a transport socket, nil for none, and what chose it.
type chosen struct {
	socket *envoy.TransportSocket
	how    string
}

// chooseSocket takes the first match whose labels the endpoint carries, else the cluster's own
// socket (envoy/config/cluster/v3/cluster.proto, transport_socket_matches).
func chooseSocket(c *envoy.Cluster, labels map[string]string) chosen {
	i := slices.IndexFunc(c.Matches, func(m envoy.SocketMatch) bool { return kube.HasLabels(m.Match, labels) })
	switch {
	case i >= 0:
		return chosen{c.Matches[i].Socket, "transport_socket_matches[" + c.Matches[i].Name + "]"}
	case c.Socket == nil:
		return chosen{nil, "no transport_socket"}
	}
	return chosen{c.Socket, "transport_socket"}
}
