package handshake

import (
	"net/netip"
	"slices"
	"strconv"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// dial is one destination as an application dials it.
type dial struct {
	host     *mesh.Host // nil for an address outside the registry
	name     string     // what the application calls it: the Host header and the SNI
	port     uint32
	protocol mesh.Protocol // HTTP, TCP or TLS
	guessed  bool          // protocol was not declared
	addr     netip.Addr    // what the name resolves to; invalid when not known
	// registered are the endpoints that the registry has for the destination; direct those that
	// packets reach without a proxy's choice. They differ for a ServiceEntry, which only proxies know.
	registered, direct []mesh.Endpoint
	// missing says which evidence is lacking to know direct.
	missing string
	// unresolved is a name without an address: that of a headless Service without ready pods.
	unresolved bool
	query      *Query // who asks; may be nil
	meant      bool   // Query.Either accepts a pod behind the host
}

// skips reports an endpoint that no edge leads to: the client itself, unless a route leads there
// from the name of another; one that is not ready; or one that nobody asked for.
func (d *dial) skips(client *mesh.Pod, ep mesh.Endpoint) bool {
	return ep.Pod == client && d.isOf(client) || !ep.Ready || !d.touches(client, ep.Pod) && !isGateway(ep.Pod)
}

// isGateway reports a pod behind which others may be, for which the query has to be asked.
func isGateway(p *mesh.Pod) bool { return p != nil && p.Plane == mesh.Gateway }

// isOf reports whether the destination is the client's own: a name that stands for its pod.
func (d *dial) isOf(client *mesh.Pod) bool {
	own := func(ep mesh.Endpoint) bool { return ep.Pod == client && ep.Ready }
	return slices.ContainsFunc(d.registered, own) || slices.ContainsFunc(d.direct, own)
}

// loopback reports a dial of one of the client's own addresses: the kernel delivers it in the pod,
// past every proxy ("Do not redirect app calls to back itself via Envoy when using the endpoint
// address", tools/istio-iptables/pkg/capture/run.go in istio/istio).
func (d *dial) loopback(client *mesh.Pod) bool {
	return d.addr.IsValid() && !client.Spec.HostNetwork && slices.Contains(client.Addresses, d.addr)
}

func (d *dial) label() string { return d.name + ":" + strconv.Itoa(int(d.port)) }

// dials lists how a host's port is dialled: once at each virtual IP, or once per endpoint where
// the name resolves to the pods themselves (headless, or an ExternalName that stands for such).
func (e *Engine) dials(h *mesh.Host, p *mesh.Port) []dial {
	d := dial{host: h, name: h.Name, port: p.Number}
	d.protocol, d.guessed = spoken(p.Protocol)
	d.registered = e.resolve(p.Endpoints)
	d.direct = withoutEntries(d.registered)
	alias := e.service(h.ExternalName)
	switch {
	case h.Ref.Kind == "ServiceEntry":
		return e.entryDials(d)
	case h.Headless, alias != nil && alias.Headless:
		return perEndpoint(d)
	}
	vips := h.Addresses
	if alias != nil {
		vips = alias.Addresses
	}
	if len(vips) == 0 {
		return []dial{d}
	}
	out := make([]dial, 0, len(vips))
	for _, a := range vips {
		one := d
		one.addr, one.registered, one.direct = a, ofFamily(d.registered, a), ofFamily(d.direct, a)
		out = append(out, one)
	}
	return out
}

// withoutEntries leaves out the endpoints of a Service that only proxies know of.
func withoutEntries(list []mesh.Endpoint) []mesh.Endpoint {
	added := func(ep mesh.Endpoint) bool { return ep.ProxiesOnly }
	if !slices.ContainsFunc(list, added) {
		return list
	}
	return slices.DeleteFunc(slices.Clone(list), added)
}

// entryDials dials a host of a ServiceEntry at each of its addresses, which nothing in the kernel
// translates. Without one its name resolves to what DNS says; a range stands for an address in it.
func (e *Engine) entryDials(d dial) []dial {
	resolved := e.resolve([]mesh.Endpoint{byName(d.name, d.port)})
	var out []dial
	for _, a := range d.host.Addresses {
		at := netip.AddrPortFrom(a, uint16(d.port))
		one := d
		one.addr, one.direct = a, []mesh.Endpoint{{Address: at, Pod: e.podBehind(at), Ready: true}}
		out = append(out, one)
	}
	for _, r := range d.host.Ranges {
		one := d
		one.addr, one.direct = r.Addr(), resolved
		out = append(out, one)
	}
	if len(out) == 0 {
		d.direct = resolved
		out = []dial{d}
	}
	return out
}

// byName is an endpoint of which only the name is known.
func byName(name string, port uint32) mesh.Endpoint {
	return mesh.Endpoint{Hostname: name, Address: netip.AddrPortFrom(netip.Addr{}, uint16(port)), Ready: true}
}

// perEndpoint dials every endpoint that DNS gives, which are those that are ready, by itself;
// nothing translates the port.
func perEndpoint(d dial) []dial {
	var out []dial
	for _, ep := range d.registered {
		if !ep.Ready {
			continue
		}
		one := d
		one.addr = ep.Address.Addr()
		ep.Address = netip.AddrPortFrom(one.addr, uint16(d.port))
		one.registered = []mesh.Endpoint{ep}
		one.direct = one.registered
		out = append(out, one)
	}
	return out
}

// ofFamily keeps the endpoints that packets to a virtual IP can reach: kube-proxy does not
// translate between IPv4 and IPv6.
func ofFamily(list []mesh.Endpoint, vip netip.Addr) []mesh.Endpoint {
	other := func(ep mesh.Endpoint) bool {
		return ep.Address.Addr().IsValid() && ep.Address.Addr().Is4() != vip.Is4()
	}
	if !slices.ContainsFunc(list, other) {
		return list
	}
	return slices.DeleteFunc(slices.Clone(list), other)
}

// resolve replaces endpoints that are the name of a Service by the Service's own.
func (e *Engine) resolve(list []mesh.Endpoint) []mesh.Endpoint {
	if !slices.ContainsFunc(list, func(ep mesh.Endpoint) bool { return e.service(ep.Hostname) != nil }) {
		return list
	}
	var out []mesh.Endpoint
	for _, ep := range list {
		h := e.service(ep.Hostname)
		if h == nil {
			out = append(out, ep)
			continue
		}
		if p := h.Port(uint32(ep.Address.Port())); p != nil {
			out = append(out, p.Endpoints...)
		}
	}
	return out
}

// service is the Kubernetes Service of that DNS name, or nil. An ExternalName is none: it leads
// elsewhere.
func (e *Engine) service(name string) *mesh.Host {
	if name == "" {
		return nil
	}
	for _, h := range e.snap.HostsNamed(name) {
		if h.Ref.Kind == "Service" && h.ExternalName == "" {
			return h
		}
	}
	return nil
}

// spoken is what the application is taken to speak.
func spoken(p mesh.Protocol) (protocol mesh.Protocol, guessed bool) {
	if p == mesh.Auto {
		return mesh.HTTP, true
	}
	return p, false
}
