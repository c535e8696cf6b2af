package handshake

import (
	"fmt"
	"net/netip"
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
}

func (d *dial) label() string { return fmt.Sprintf("%s:%d", d.name, d.port) }

// dials lists how a host's port is dialled: once at its virtual IP, or once per endpoint where
// the name resolves to the pods themselves (headless).
func dials(h *mesh.Host, p *mesh.Port) []dial {
	d := dial{host: h, name: h.Name, port: p.Number, direct: p.Endpoints}
	d.protocol, d.guessed = spoken(p.Protocol)
	if len(h.Addresses) > 0 {
		d.addr = h.Addresses[0]
		return []dial{d}
	}
	if !h.Headless || h.Ref.Kind != "Service" {
		return []dial{d}
	}
	out := make([]dial, 0, len(p.Endpoints))
	for _, ep := range p.Endpoints {
		one := d
		one.addr = ep.Address.Addr()
		ep.Address = netip.AddrPortFrom(one.addr, uint16(p.Number)) // nothing translates the port
		one.direct = []mesh.Endpoint{ep}
		out = append(out, one)
	}
	return out
}

// spoken is what the application is taken to speak.
func spoken(p mesh.Protocol) (protocol mesh.Protocol, guessed bool) {
	if p == mesh.Auto {
		return mesh.HTTP, true
	}
	return p, false
}

// Target is a destination that a user names.
type Target struct {
	Name string // a host name or an IP address
	Port uint32 // 0: every port that is declared there
}

// ParseTarget reads HOST, HOST:PORT, IP or IP:PORT.
func ParseTarget(s string) (Target, error) {
	if a, err := netip.ParseAddr(s); err == nil {
		return Target{Name: a.String()}, nil
	}
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return Target{ap.Addr().String(), uint32(ap.Port())}, nil
	}
	for i := len(s) - 1; i >= 0; i-- {
		if s[i] != ':' {
			continue
		}
		port, err := strconv.ParseUint(s[i+1:], 10, 16)
		if err != nil || port == 0 || i == 0 {
			return Target{}, fmt.Errorf("%q is not HOST, HOST:PORT, IP or IP:PORT", s)
		}
		return Target{s[:i], uint32(port)}, nil
	}
	if s == "" {
		return Target{}, fmt.Errorf("an empty destination; name HOST, HOST:PORT, IP or IP:PORT")
	}
	return Target{Name: s}, nil
}

// targetDials finds what a target means in the registry.
func (e *Engine) targetDials(t Target) []dial {
	if a, err := netip.ParseAddr(t.Name); err == nil {
		return e.addressDials(a.Unmap(), t)
	}
	var out []dial
	for _, name := range e.names(t.Name) {
		for _, h := range e.snap.HostsNamed(name) {
			for _, p := range h.Ports {
				if t.Port == 0 || t.Port == p.Number {
					out = append(out, dials(h, p)...)
				}
			}
		}
	}
	if len(out) == 0 && t.Port != 0 {
		out = append(out, outside(t))
	}
	return out
}

// names are the registry names that a short one may stand for: "server.shop".
func (e *Engine) names(name string) []string {
	return []string{name, name + ".svc." + e.snap.Domain, name + "." + e.snap.Domain}
}

// outside is a destination of no registry: it resolves to an address that nobody knows here.
func outside(t Target) dial {
	d := dial{name: t.Name, port: t.Port, protocol: byPortNumber(t.Port)}
	d.guessed = true
	d.direct = []mesh.Endpoint{{Hostname: t.Name, Address: netip.AddrPortFrom(netip.Addr{}, uint16(t.Port)), Ready: true}}
	return d
}

// byPortNumber guesses what is spoken where nothing is declared.
func byPortNumber(port uint32) mesh.Protocol {
	switch port {
	case 443, 6443, 8443:
		return mesh.TLS
	}
	return mesh.HTTP
}

// addressDials is a virtual IP, a pod's IP, or another address.
func (e *Engine) addressDials(a netip.Addr, t Target) []dial {
	if h := e.snap.HostAt(a); h != nil {
		var out []dial
		for _, p := range h.Ports {
			if t.Port == 0 || t.Port == p.Number {
				d := dials(h, p)[0]
				d.name = a.String()
				out = append(out, d)
			}
		}
		return out
	}
	ports := []uint32{t.Port}
	if t.Port == 0 {
		ports = e.declaredPorts(a)
	}
	var out []dial
	for _, port := range ports {
		ap := netip.AddrPortFrom(a, uint16(port))
		declared, ok := e.apps[ap]
		d := dial{name: a.String(), port: port, addr: a}
		if d.protocol, d.guessed = spoken(declared); !ok {
			d.protocol, d.guessed = byPortNumber(port), true
		}
		d.direct = []mesh.Endpoint{{Address: ap, Pod: e.snap.PodAt(a), Ready: true}}
		out = append(out, d)
	}
	return out
}

// declaredPorts are the ports of an address that some service leads to.
func (e *Engine) declaredPorts(a netip.Addr) []uint32 {
	var out []uint32
	for ap := range e.apps {
		if ap.Addr() == a {
			out = append(out, uint32(ap.Port()))
		}
	}
	return out
}
