package mesh

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// Host is a destination that a client can name: a Service or one host of a ServiceEntry.
type Host struct {
	// Name is the fully qualified name, "server.shop.svc.cluster.local".
	Name      string
	Namespace string
	Ref       kube.Ref
	// Addresses are its virtual IPs; none for a headless service.
	Addresses []netip.Addr
	// Balanced are addresses of a Service beyond the cluster: of a load balancer, and its external IPs.
	Balanced []netip.Addr
	// Ranges are the CIDR blocks among a ServiceEntry's addresses.
	Ranges []netip.Prefix
	// Headless is a Service without a virtual IP, or a ServiceEntry with resolution NONE.
	Headless bool
	// External is a ServiceEntry with location MESH_EXTERNAL.
	External bool
	// ExternalName is the target of a Service of that type.
	ExternalName string
	// ExportTo are the namespaces that may see it, as it declares them; none for the mesh's default.
	ExportTo []string
	Ports    []*Port
}

// Port returns a port by number, or nil.
func (h *Host) Port(number uint32) *Port {
	i := slices.IndexFunc(h.Ports, func(p *Port) bool { return p.Number == number })
	if i < 0 {
		return nil
	}
	return h.Ports[i]
}

// Leads reports whether the pod behind one of its endpoints is wanted; it is nil for an address outside the cluster.
func (h *Host) Leads(wanted func(*Pod) bool) bool {
	return slices.ContainsFunc(h.Ports, func(p *Port) bool {
		return slices.ContainsFunc(p.Endpoints, func(ep Endpoint) bool { return wanted(ep.Pod) })
	})
}

// Port is one port of a host with its endpoints.
type Port struct {
	Number    uint32
	Name      string
	Protocol  Protocol
	Endpoints []Endpoint
}

// Endpoint is one address behind a port.
type Endpoint struct {
	Address  netip.AddrPort
	Hostname string            // DNS endpoints of a ServiceEntry: Address holds only the port
	Pod      *Pod              // nil outside the cluster
	Labels   map[string]string // as istiod has them: a ServiceEntry's endpoint has its own, not its pod's
	Ready    bool
	// ProxiesOnly says of a Service's endpoint that an entry adds it: kube-proxy, which does not read entries, leads
	// nobody there.
	ProxiesOnly bool
	// Declared is what an entry says of it; nil for a pod and for an endpoint of a slice.
	Declared *Declaration
}

// Declaration is an endpoint as a ServiceEntry or a WorkloadEntry declares it, at a field of its.
type Declaration struct {
	kube.WorkloadEntrySpec
	By    kube.Ref
	Field string
}

func (s *Snapshot) addHosts() {
	byService := s.slicesByService()
	for _, svc := range s.Resources.Services {
		s.Hosts = append(s.Hosts, s.serviceHost(svc, byService[svc.Key()]))
	}
	services := map[string]*Host{}
	for _, h := range s.Hosts {
		services[h.Name] = h
	}
	for _, se := range s.Resources.ServiceEntries {
		for _, name := range se.Spec.Hosts {
			if h := services[name]; h != nil && h.ExternalName == "" && len(h.ExportTo) == 0 {
				s.joinEntry(h, se)
			} else {
				s.Hosts = append(s.Hosts, s.entryHost(se, name))
			}
		}
	}
	s.sortHosts()
	s.indexHosts()
}

func (s *Snapshot) sortHosts() {
	slices.SortStableFunc(s.Hosts, func(a, b *Host) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Namespace, b.Namespace),
			cmp.Compare(b.Ref.Kind, a.Ref.Kind), cmp.Compare(a.Ref.Name, b.Ref.Name)) // a Service before a ServiceEntry
	})
}

// indexHosts runs over sorted hosts: where two share an address or a name, which one is found
// does not depend on the order in which they were read.
func (s *Snapshot) indexHosts() {
	for _, h := range s.Hosts {
		s.byHost[h.Name] = append(s.byHost[h.Name], h)
		for _, a := range h.Addresses {
			if s.byVIP[a] == nil {
				s.byVIP[a] = h
			}
		}
		for _, a := range h.Balanced {
			for _, p := range h.Ports {
				if at := netip.AddrPortFrom(a, uint16(p.Number)); s.balanced[at] == nil {
					s.balanced[at] = p
				}
			}
		}
	}
}

func (s *Snapshot) slicesByService() map[kube.Key][]*kube.EndpointSlice {
	out := map[kube.Key][]*kube.EndpointSlice{}
	for _, e := range s.Resources.EndpointSlices {
		k := kube.Key{Namespace: e.Namespace, Name: e.Service()}
		out[k] = append(out[k], e)
	}
	return out
}

func (s *Snapshot) serviceHost(svc *kube.Service, list []*kube.EndpointSlice) *Host {
	h := &Host{
		Name:      svc.Name + "." + svc.Namespace + ".svc." + s.Domain,
		Namespace: svc.Namespace,
		Ref:       kube.Ref{Kind: "Service", Namespace: svc.Namespace, Name: svc.Name},
		Headless:  svc.Headless(),
		ExportTo:  strings.FieldsFunc(svc.Annotations["networking.istio.io/exportTo"], func(r rune) bool { return r == ',' || r == ' ' }),
	}
	if svc.Spec.Type == "ExternalName" {
		h.ExternalName = svc.Spec.ExternalName
	}
	h.Addresses = distinct(append([]string{svc.Spec.ClusterIP}, svc.Spec.ClusterIPs...))
	outside := slices.Clone(svc.Spec.ExternalIPs)
	for _, in := range svc.Status.LoadBalancer.Ingress {
		outside = append(outside, in.IP)
	}
	h.Balanced = distinct(outside)
	s.addPorts(h, svc, list)
	return h
}

// distinct are the addresses of a list, each once.
func distinct(list []string) []netip.Addr {
	var out []netip.Addr
	for _, ip := range list {
		if a, err := netip.ParseAddr(ip); err == nil && !slices.Contains(out, a.Unmap()) {
			out = append(out, a.Unmap())
		}
	}
	return out
}

func (s *Snapshot) addPorts(h *Host, svc *kube.Service, list []*kube.EndpointSlice) {
	for _, sp := range svc.Spec.Ports {
		protocol := ParseProtocol(uint32(sp.Port), sp.Name, sp.AppProtocol, sp.Protocol)
		if protocol == UDP {
			continue
		}
		p := &Port{Number: uint32(sp.Port), Name: sp.Name, Protocol: protocol}
		if h.ExternalName != "" {
			p.Endpoints = []Endpoint{named(h.ExternalName, p.Number)}
		} else {
			p.Endpoints = s.serviceEndpoints(svc, sp, list)
		}
		h.Ports = append(h.Ports, p)
	}
}

// serviceEndpoints reads the slices; where no slice was read at all (a bug report without
// them) it falls back to the selector, as the endpoint controller would.
func (s *Snapshot) serviceEndpoints(svc *kube.Service, sp kube.ServicePort, list []*kube.EndpointSlice) []Endpoint {
	if len(list) == 0 && !s.Resources.HasRead("endpointslices.discovery.k8s.io") {
		return s.withEntries(svc, sp, s.selectedEndpoints(svc, sp))
	}
	var out []Endpoint
	for _, es := range list {
		for _, port := range es.Ports {
			if port.Name == sp.Name {
				out = append(out, s.sliceEndpoints(es, uint32(port.Port))...)
			}
		}
	}
	return s.withEntries(svc, sp, out)
}

// withEntries are the endpoints of a Service and the WorkloadEntries that it selects besides.
func (s *Snapshot) withEntries(svc *kube.Service, sp kube.ServicePort, own []Endpoint) []Endpoint {
	return sortEndpoints(append(own, beyond(own, s.selectedEntries(svc, sp))...))
}

// named is an endpoint of which only a DNS name is known.
func named(host string, port uint32) Endpoint {
	return Endpoint{Hostname: host, Address: netip.AddrPortFrom(netip.Addr{}, uint16(port)), Ready: true}
}

// sliceEndpoints are the endpoints of a slice. One that names no pod is written by hand: istiod then
// takes a pod of that address, if the Service's namespace has one
// (pilot/pkg/serviceregistry/kube/controller/endpointslice.go, getPod).
func (s *Snapshot) sliceEndpoints(es *kube.EndpointSlice, port uint32) []Endpoint {
	var out []Endpoint
	for _, e := range es.Endpoints {
		for _, text := range e.Addresses {
			a, err := netip.ParseAddr(text)
			if err != nil {
				continue
			}
			ep := Endpoint{Address: netip.AddrPortFrom(a.Unmap(), uint16(port)), Ready: e.Conditions.Ready == nil || *e.Conditions.Ready, Pod: s.PodAt(a)}
			if e.TargetRef != nil && e.TargetRef.Kind == "Pod" {
				ep.Pod = cmp.Or(s.Pod(kube.Key{Namespace: e.TargetRef.Namespace, Name: e.TargetRef.Name}), ep.Pod)
			}
			if ep.Pod != nil && ep.Pod.Namespace == es.Namespace {
				ep.Labels = ep.Pod.Labels
			}
			out = append(out, ep)
		}
	}
	return out
}

func (s *Snapshot) selectedEndpoints(svc *kube.Service, sp kube.ServicePort) []Endpoint {
	if len(svc.Spec.Selector) == 0 {
		return nil
	}
	var out []Endpoint
	for _, p := range s.Pods {
		port := targetPort(p, sp)
		if p.Namespace != svc.Namespace || !kube.HasLabels(svc.Spec.Selector, p.Labels) || port == 0 || len(p.Addresses) == 0 {
			continue
		}
		out = append(out, Endpoint{Address: netip.AddrPortFrom(p.Addresses[0], uint16(port)), Pod: p, Labels: p.Labels, Ready: p.Ready()})
	}
	return out
}

func targetPort(p *Pod, sp kube.ServicePort) uint32 {
	switch {
	case sp.TargetPort.Str != "":
		for _, c := range p.Spec.Containers {
			for _, cp := range c.Ports {
				if cp.Name == sp.TargetPort.Str {
					return uint32(cp.ContainerPort)
				}
			}
		}
		return 0
	case sp.TargetPort.Int != 0:
		return uint32(sp.TargetPort.Int)
	}
	return uint32(sp.Port)
}

// sortEndpoints orders endpoints and drops those listed twice: one that any slice calls ready is.
func sortEndpoints(list []Endpoint) []Endpoint {
	slices.SortStableFunc(list, func(a, b Endpoint) int {
		return cmp.Or(a.Address.Compare(b.Address), cmp.Compare(a.Hostname, b.Hostname), falseLast(a.Ready, b.Ready))
	})
	return slices.CompactFunc(list, func(a, b Endpoint) bool { return a.Address == b.Address && a.Hostname == b.Hostname })
}

func falseLast(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}
