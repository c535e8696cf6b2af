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
}

// upstreams lists the endpoints of a cluster for one destination.
func (e *Engine) upstreams(ix *proxyIndex, c *envoy.Cluster, d dial) []upstream {
	switch c.Type {
	case "ORIGINAL_DST":
		return e.originalDst(c, d)
	case "EDS":
		if list, ok := ix.proxy.Endpoints[c.ServiceName]; ok {
			return e.fromEndpoints(list, d)
		}
		if hosts := ix.proxy.Hosts[c.Name]; len(hosts) > 0 || !ix.proxy.Read.Has(envoy.SectionEndpoints) {
			return e.fromRegistry(c, hosts, d)
		}
		return nil
	}
	return e.fromEndpoints(c.Endpoints, d)
}

// originalDst goes where the application dialled: to the endpoint itself, or to a virtual IP
// that the kernel then translates.
func (e *Engine) originalDst(c *envoy.Cluster, d dial) []upstream {
	var out []upstream
	for _, ep := range d.direct {
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

func (e *Engine) fromEndpoints(list []envoy.Endpoint, d dial) []upstream {
	var out []upstream
	for _, ep := range list {
		if ep.Health == "DRAINING" {
			continue
		}
		u := upstream{labels: ep.SocketMatch, tunnel: ep.Internal != ""}
		u.Address, u.Hostname, u.Ready = ep.Address, ep.Hostname, true
		if u.Address.IsValid() {
			u.Pod = e.snap.PodAt(u.Address.Addr())
		} else {
			u.Address = netip.AddrPortFrom(netip.Addr{}, uint16(ep.Port))
		}
		out = append(out, u)
	}
	return out
}

// fromRegistry stands in where the proxy's endpoints were not read: the hosts of /clusters or
// the registry's endpoints, with the tlsMode label of their pods.
func (e *Engine) fromRegistry(c *envoy.Cluster, hosts []envoy.Host, d dial) []upstream {
	var out []upstream
	add := func(ep mesh.Endpoint) {
		u := upstream{Endpoint: ep, fromPods: true}
		if ep.Pod != nil {
			if mode := ep.Pod.Labels["security.istio.io/tlsMode"]; mode != "" {
				u.labels = map[string]string{"tlsMode": mode}
			}
		}
		out = append(out, u)
	}
	if len(hosts) > 0 {
		for _, h := range hosts {
			add(mesh.Endpoint{Address: h.Address, Hostname: h.Hostname, Pod: e.snap.PodAt(h.Address.Addr()), Ready: true})
		}
		return out
	}
	for _, ep := range d.direct {
		if ep.Ready {
			add(ep)
		}
	}
	return out
}

// upstream chooses the transport socket for one endpoint and sends.
func (r *replay) upstream(ix *proxyIndex, c *envoy.Cluster, u upstream, w way) *Edge {
	source := r.Client.Key().String() + " config_dump clusters/" + c.Name
	if u.fromPods {
		r.assume(TLSModeFromLabel)
	}
	socket, how := chooseSocket(c, u.labels)
	r.fact(Proxy, source, how+": "+describeSocket(socket)+r.ruleNote())
	switch {
	case u.tunnel:
		r.block(NotModelled, "the endpoint is reached through an HBONE tunnel, which is not modelled yet")
	case c.HasMatcher:
		r.block(NotModelled, "cluster %s chooses its transport socket by transport_socket_matcher", c.Name)
	case len(c.Unmodelled) > 0:
		r.block(NotModelled, "cluster %s sets %s", c.Name, c.Unmodelled[0])
	case socket != nil && socket.Kind != envoy.Raw && socket.Kind != envoy.TLS:
		r.block(NotModelled, "cluster %s uses transport socket %s", c.Name, socket.TypeURL)
	}
	if len(r.Blockers) > 0 {
		return r.finish()
	}
	return r.arrive(r.wireOf(ix, c, socket, w))
}

func (r *replay) ruleNote() string {
	if r.Outbound.Rule == (kube.Ref{}) {
		return ""
	}
	return "; applied: " + r.Outbound.Rule.String()
}

// chooseSocket takes the first match whose labels the endpoint carries, else the cluster's own
// socket (envoy/config/cluster/v3/cluster.proto, transport_socket_matches).
func chooseSocket(c *envoy.Cluster, labels map[string]string) (socket *envoy.TransportSocket, how string) {
	i := slices.IndexFunc(c.Matches, func(m envoy.SocketMatch) bool { return kube.HasLabels(m.Match, labels) })
	switch {
	case i >= 0:
		return c.Matches[i].Socket, "transport_socket_matches[" + c.Matches[i].Name + "]"
	case c.Socket == nil:
		return nil, "no transport_socket"
	}
	return c.Socket, "transport_socket"
}
