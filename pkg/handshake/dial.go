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
	// direct are the endpoints that packets reach without a proxy's choice.
	direct []mesh.Endpoint
	// missing says which evidence is lacking to know direct.
	missing string
	query   *Query // who asks; may be nil
}

// skips reports an endpoint that no edge leads to: the client itself, one that is not ready, or
// one that nobody asked for.
func (d *dial) skips(client *mesh.Pod, ep mesh.Endpoint) bool {
	return ep.Pod == client || !ep.Ready || !d.query.touches(client, ep.Pod)
}

func (d *dial) label() string { return d.name + ":" + strconv.Itoa(int(d.port)) }

// dials lists how a host's port is dialled: once at each virtual IP, or once per endpoint where
// the name resolves to the pods themselves (headless, or an ExternalName that stands for such).
func (e *Engine) dials(h *mesh.Host, p *mesh.Port) []dial {
	d := dial{host: h, name: h.Name, port: p.Number}
	d.protocol, d.guessed = spoken(p.Protocol)
	d.direct = e.resolve(p.Endpoints)
	alias := e.service(h.ExternalName)
	if h.Headless && h.Ref.Kind == "Service" || alias != nil && alias.Headless {
		return perEndpoint(d)
	}
	vips := e.virtualIPs(h)
	if len(vips) == 0 {
		return []dial{d}
	}
	out := make([]dial, 0, len(vips))
	for _, a := range vips {
		one := d
		one.addr, one.direct = a, ofFamily(d.direct, a)
		out = append(out, one)
	}
	return out
}

// virtualIPs are what a host's name resolves to: its own, those of the Service that an
// ExternalName stands for, or one out of each range.
func (e *Engine) virtualIPs(h *mesh.Host) []netip.Addr {
	switch target := e.service(h.ExternalName); {
	case len(h.Addresses) > 0:
		return h.Addresses
	case target != nil:
		return target.Addresses
	}
	var out []netip.Addr
	for _, r := range h.Ranges {
		out = append(out, r.Addr())
	}
	return out
}

// perEndpoint dials every endpoint by itself; nothing translates the port.
func perEndpoint(d dial) []dial {
	out := make([]dial, 0, len(d.direct))
	for _, ep := range d.direct {
		one := d
		one.addr = ep.Address.Addr()
		ep.Address = netip.AddrPortFrom(one.addr, uint16(d.port))
		one.direct = []mesh.Endpoint{ep}
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
