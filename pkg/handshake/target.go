package handshake

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

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
		if err != nil || port == 0 || i == 0 || strings.Contains(s[:i], ":") {
			return Target{}, fmt.Errorf("%q is not HOST, HOST:PORT, IP or IP:PORT", s)
		}
		return Target{s[:i], uint32(port)}, nil
	}
	if s == "" {
		return Target{}, fmt.Errorf("an empty destination; name HOST, HOST:PORT, IP or IP:PORT")
	}
	return Target{Name: s}, nil
}

// targetDials finds what a target means for a client.
func (e *Engine) targetDials(client *mesh.Pod, t Target) []dial {
	if a, err := netip.ParseAddr(t.Name); err == nil {
		return e.addressDials(a.Unmap(), t)
	}
	for _, name := range e.names(client, t.Name) {
		if hosts := e.snap.HostsNamed(name); len(hosts) > 0 {
			return e.hostDials(hosts, t)
		}
	}
	if t.Port == 0 {
		return nil
	}
	return []dial{e.outside(t)}
}

// names are the registry names that one may stand for, by the search path of a pod's
// resolv.conf.
func (e *Engine) names(client *mesh.Pod, name string) []string {
	suffix := ".svc." + e.snap.Domain
	return []string{strings.TrimSuffix(name, "."), name + "." + client.Namespace + suffix, name + suffix, name + "." + e.snap.Domain}
}

// hostDials dials hosts of the registry at one port or at all. A port that none declares leads
// to the pods of a headless Service and nowhere else.
func (e *Engine) hostDials(hosts []*mesh.Host, t Target) []dial {
	var out []dial
	for _, h := range hosts {
		for _, p := range h.Ports {
			if t.Port == 0 || t.Port == p.Number {
				out = append(out, e.dialsOrNone(h, p)...)
			}
		}
	}
	if len(out) > 0 || t.Port == 0 {
		return out
	}
	h := hosts[0]
	if h.Ref.Kind != "Service" {
		return []dial{e.outside(t)}
	}
	undeclared := &mesh.Port{Number: t.Port, Protocol: mesh.Auto}
	if h.Headless && len(h.Ports) > 0 {
		undeclared.Endpoints = h.Ports[0].Endpoints
	}
	return e.dialsOrNone(h, undeclared)
}

// dialsOrNone is dials, with one that fails for a name that resolves to nothing.
func (e *Engine) dialsOrNone(h *mesh.Host, p *mesh.Port) []dial {
	if list := e.dials(h, p); len(list) > 0 {
		return list
	}
	return []dial{{host: h, name: h.Name, port: p.Number, unresolved: true}}
}

// outside is a destination of no registry: it resolves to an address that nobody knows here.
// A name of the cluster's own domain resolves to nothing unless a Service has it, and neither
// does NAME.NAMESPACE, unless a final dot makes it absolute.
func (e *Engine) outside(t Target) dial {
	d := dial{name: t.Name, port: t.Port, protocol: byPortNumber(t.Port), guessed: true}
	if !e.inCluster(t.Name) {
		d.registered = []mesh.Endpoint{byName(t.Name, t.Port)}
		d.direct = d.registered
	} else if !e.snap.Resources.HasRead("services.core") {
		d.missing = "the Services were not read: whether " + t.Name + " is one is not known"
	}
	return d
}

// inCluster reports whether a name means a Service, existing or not.
func (e *Engine) inCluster(name string) bool {
	_, rest, dotted := strings.Cut(name, ".")
	if !dotted || strings.HasSuffix(name, ".svc") || strings.HasSuffix(name, ".svc."+e.snap.Domain) {
		return true
	}
	named := func(n *kube.Namespace) bool { return n.Name == rest }
	holds := func(p *mesh.Pod) bool { return p.Namespace == rest }
	return slices.ContainsFunc(e.snap.Resources.Namespaces, named) || slices.ContainsFunc(e.snap.Pods, holds)
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
		out := slices.DeleteFunc(e.hostDials([]*mesh.Host{h}, t), func(d dial) bool { return d.addr.IsValid() && d.addr != a })
		for i := range out {
			out[i].name, out[i].addr = a.String(), a
		}
		return out
	}
	ports := []uint32{t.Port}
	if t.Port == 0 {
		ports = e.declaredPorts(a)
	}
	var out []dial
	for _, port := range ports {
		out = append(out, e.addressDial(a, port))
	}
	return out
}

// addressDial is an address that is nobody's virtual IP. On a node's address a port may be that
// of a NodePort Service, which leads on to pods that nobody chose yet.
func (e *Engine) addressDial(a netip.Addr, port uint32) dial {
	ap := netip.AddrPortFrom(a, uint16(port))
	declared, ok := e.apps[ap]
	d := dial{name: a.String(), port: port, addr: a}
	if d.protocol, d.guessed = spoken(declared); !ok {
		d.protocol, d.guessed = byPortNumber(port), true
	}
	d.registered = e.behind(mesh.Endpoint{Address: ap, Ready: true})
	d.direct = d.registered
	if e.nodePort(ap) {
		d.missing = a.String() + " is a node: where its ports lead is not modelled"
	}
	return d
}

// declaredPorts are the ports of an address that some service leads to, sorted.
func (e *Engine) declaredPorts(a netip.Addr) []uint32 {
	var out []uint32
	for ap := range e.apps {
		if ap.Addr() == a {
			out = append(out, uint32(ap.Port()))
		}
	}
	slices.Sort(out)
	return out
}
