package oracle

import (
	"fmt"
	"slices"
	"strings"

	"istio.io/istio/pkg/config/kube"
	"istio.io/istio/pkg/config/protocol"
	corev1 "k8s.io/api/core/v1"

	product "github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// nowhere is what names resolve to that no registry gives an address: a documentation range.
const nowhere = "203.0.113.9"

// Dial is one way in which an application calls a host's port.
type Dial struct {
	Host     string // as the registry has it; the application puts a word for an asterisk
	By       product.Ref
	Port     int
	Protocol protocol.Instance
	// Address is what the name resolves to.
	Address string
	// Direct are the endpoints that packets to Address reach on their own.
	Direct []Address
	// Members are the addresses for which the registry has the host.
	Members []string
}

// Address is an IP address or a DNS name, and a port.
type Address struct {
	Host string
	Port int
}

// name is what the application calls.
func (d Dial) name() string { return strings.Replace(d.Host, "*", "any", 1) }

// Dials lists how every host of a case is called. Protocols are read with istiod's own code.
func (i *Istiod) Dials() []Dial {
	var out []Dial
	owned := map[string]bool{}
	for _, s := range i.Resources.Services {
		by := product.Ref{Kind: "Service", Namespace: s.Namespace, Name: s.Name}
		name := s.Name + "." + s.Namespace + ".svc.cluster.local"
		owned[name] = true
		for _, p := range s.Spec.Ports {
			d := Dial{Host: name, By: by, Port: int(p.Port), Protocol: declared(p)}
			if d.Protocol != protocol.UDP {
				out = append(out, i.serviceDials(s, p, d)...)
			}
		}
	}
	for _, e := range i.Resources.ServiceEntries {
		by := product.Ref{Kind: "ServiceEntry", Namespace: e.Namespace, Name: e.Name}
		for _, host := range e.Spec.Hosts {
			if owned[host] { // the name is the Service's
				continue
			}
			for _, p := range e.Spec.Ports {
				d := Dial{Host: host, By: by, Port: int(p.Number), Protocol: protocol.Parse(p.Protocol)}
				out = append(out, i.entryDials(e, d)...)
			}
		}
	}
	return out
}

// class is what a protocol is to the product.
func class(p protocol.Instance) mesh.Protocol {
	switch {
	case p == protocol.UDP:
		return mesh.UDP
	case p.IsTLS():
		return mesh.TLS
	case p.IsHTTP():
		return mesh.HTTP
	case p == protocol.Unsupported:
		return mesh.Auto
	}
	return mesh.TCP
}

// CompareProtocols compares how the product reads what every port declares.
func (i *Istiod) CompareProtocols(s *mesh.Snapshot) *Comparison {
	c := new(Comparison)
	for _, svc := range i.Resources.Services {
		for _, p := range svc.Spec.Ports {
			where := fmt.Sprintf("port %d name %q appProtocol %q", p.Port, p.Name, p.AppProtocol)
			for _, h := range s.HostsNamed(svc.Name + "." + svc.Namespace + ".svc.cluster.local") {
				if port := h.Port(uint32(p.Port)); port != nil {
					c.equal("protocol", where, port.Protocol, class(declared(p)))
				}
			}
		}
	}
	for _, e := range i.Resources.ServiceEntries {
		for _, p := range e.Spec.Ports {
			for _, h := range s.HostsNamed(e.Spec.Hosts[0]) {
				if port := h.Port(uint32(p.Number)); port != nil && h.Ref.Name == e.Name {
					c.equal("protocol", fmt.Sprintf("entry's port name %q protocol %q", p.Name, p.Protocol), port.Protocol, class(protocol.Parse(p.Protocol)))
				}
			}
		}
	}
	return c
}

func declared(p product.ServicePort) protocol.Instance {
	var app *string
	if p.AppProtocol != "" {
		app = &p.AppProtocol
	}
	return kube.ConvertProtocol(p.Port, p.Name, corev1.Protocol(p.Protocol), app)
}

func (i *Istiod) serviceDials(s *product.Service, p product.ServicePort, d Dial) []Dial {
	switch {
	case s.Spec.Type == "ExternalName":
		return i.aliasDials(s, d)
	case !s.Headless():
		d.Address, d.Direct = s.Spec.ClusterIP, i.ready(s, p)
		for _, a := range d.Direct {
			d.Members = append(d.Members, a.Host)
		}
		return []Dial{d}
	}
	var out []Dial
	for _, a := range i.ready(s, p) { // nothing translates the port
		d.Address, d.Direct = a.Host, []Address{{a.Host, d.Port}}
		out = append(out, d)
	}
	return out
}

// aliasDials resolve an ExternalName: to a Service of that name, or to something outside.
func (i *Istiod) aliasDials(s *product.Service, d Dial) []Dial {
	for _, to := range i.Resources.Services {
		if to.Name+"."+to.Namespace+".svc.cluster.local" != s.Spec.ExternalName || to.Spec.Type == "ExternalName" {
			continue
		}
		var out []Dial
		for _, p := range to.Spec.Ports {
			if int(p.Port) == d.Port {
				out = append(out, i.serviceDials(to, p, d)...)
			}
		}
		if out == nil && !to.Headless() {
			d.Address = to.Spec.ClusterIP
			out = []Dial{d}
		}
		return out
	}
	d.Address, d.Direct = nowhere, []Address{{s.Spec.ExternalName, d.Port}}
	return []Dial{d}
}

// ready are the ready endpoints of a service port.
func (i *Istiod) ready(s *product.Service, p product.ServicePort) []Address {
	var out []Address
	for _, es := range i.Resources.EndpointSlices {
		if es.Namespace != s.Namespace || es.Service() != s.Name {
			continue
		}
		at := slices.IndexFunc(es.Ports, func(o product.SlicePort) bool { return o.Name == p.Name })
		for _, e := range es.Endpoints {
			if ready := e.Conditions.Ready; at >= 0 && (ready == nil || *ready) && len(e.Addresses) > 0 {
				out = append(out, Address{e.Addresses[0], int(es.Ports[at].Port)})
			}
		}
	}
	return out
}

// entryDials resolve the host of a ServiceEntry: to its address, which nothing in the kernel
// translates, to one of its range, or to something outside.
func (i *Istiod) entryDials(e *product.ServiceEntry, d Dial) []Dial {
	d.Members = i.members(e)
	if len(e.Spec.Addresses) == 0 {
		d.Address = nowhere
		d.Direct = []Address{{d.Host, d.Port}}
		return []Dial{d}
	}
	var out []Dial
	for _, a := range e.Spec.Addresses {
		one, _, isRange := strings.Cut(a, "/")
		d.Address, d.Direct = one, []Address{{one, d.Port}}
		if isRange {
			d.Direct[0].Host = d.Host
		}
		out = append(out, d)
	}
	return out
}

// members are the addresses of an entry's endpoints and of the pods that it selects.
func (i *Istiod) members(e *product.ServiceEntry) []string {
	var out []string
	for _, x := range e.Spec.Endpoints {
		out = append(out, x.Address)
	}
	for _, p := range i.Resources.Pods {
		if by := e.Spec.WorkloadSelector; by != nil && p.Namespace == e.Namespace && product.HasLabels(by.Labels, p.Labels) && p.Ready() {
			out = append(out, p.Status.PodIP)
		}
	}
	return out
}
