package mesh

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// entryHost is one host of a ServiceEntry.
func (s *Snapshot) entryHost(se *kube.ServiceEntry, name string) *Host {
	h := &Host{
		Name: name, Namespace: se.Namespace,
		Ref:      kube.Ref{Kind: "ServiceEntry", Namespace: se.Namespace, Name: se.Name},
		External: se.Spec.Location != "MESH_INTERNAL",
		Headless: se.Spec.Resolution == "NONE" || se.Spec.Resolution == "",
		ExportTo: se.Spec.ExportTo,
	}
	for _, text := range se.Spec.Addresses {
		h.addAddress(text)
	}
	for _, ep := range se.Spec.Ports {
		p := &Port{Number: uint32(ep.Number), Name: ep.Name, Protocol: parseInstance(ep.Protocol)}
		if p.Protocol == UDP {
			continue
		}
		if p.Endpoints = s.entryEndpoints(se, ep); len(p.Endpoints) == 0 {
			p.Endpoints = s.impliedEndpoints(se, h, ep)
		}
		h.Ports = append(h.Ports, p)
	}
	return h
}

// joinEntry adds to a Service what a ServiceEntry that repeats its host adds. The Service wins, whichever is older
// (pilot/pkg/model/sidecar.go, "domain squatting"), but istiod keeps endpoints by host and namespace: static ones of an
// entry in the Service's own namespace join the Service's ports of the same name. They come first, so that Envoy takes
// such an address by what the entry says of it.
func (s *Snapshot) joinEntry(h *Host, se *kube.ServiceEntry) {
	if se.Namespace != h.Namespace || se.Spec.Resolution != "STATIC" || h.Headless {
		return
	}
	for _, port := range se.Spec.Ports {
		for _, p := range h.Ports {
			if p.Name == port.Name {
				p.Endpoints = sortEndpoints(append(beyond(p.Endpoints, s.entryEndpoints(se, port)), p.Endpoints...))
			}
		}
	}
}

// beyond marks the endpoints that entries add to those that a Service has.
func beyond(own, added []Endpoint) []Endpoint {
	for i := range added {
		added[i].ProxiesOnly = !slices.ContainsFunc(own, func(ep Endpoint) bool { return ep.Address == added[i].Address && !ep.ProxiesOnly })
	}
	return added
}

// addAddress takes an IP address, or a CIDR block that is more than one.
func (h *Host) addAddress(text string) {
	if a, err := netip.ParseAddr(text); err == nil && !a.IsUnspecified() {
		h.Addresses = append(h.Addresses, a.Unmap())
		return
	}
	switch p, err := netip.ParsePrefix(text); {
	case err != nil:
	case p.IsSingleIP():
		h.Addresses = append(h.Addresses, p.Addr().Unmap())
	default:
		h.Ranges = append(h.Ranges, p.Masked())
	}
}

func (s *Snapshot) entryEndpoints(se *kube.ServiceEntry, port kube.EntryPort) []Endpoint {
	var out []Endpoint
	for _, m := range s.entryMembers(se) {
		e := s.declared(m, uint32(cmp.Or(m.Ports[port.Name], port.TargetPort, port.Number)))
		e.Ready = se.Spec.WorkloadSelector == nil || e.Pod == nil || e.Pod.Ready()
		out = append(out, e)
	}
	return sortEndpoints(out)
}

// selectedEntries are the WorkloadEntries that a Service selects besides pods, unless it is headless. A
// targetPort that is a name has to be one of the entry's
// (pilot/pkg/serviceregistry/kube/controller/controller.go, serviceInstanceFromWorkloadInstance).
func (s *Snapshot) selectedEntries(svc *kube.Service, sp kube.ServicePort) []Endpoint {
	if len(svc.Spec.Selector) == 0 || svc.Headless() {
		return nil
	}
	var out []Endpoint
	for _, m := range s.workloadEntries(svc.Namespace, svc.Spec.Selector) {
		port := cmp.Or(m.Ports[sp.Name], sp.TargetPort.Int, sp.Port)
		if sp.TargetPort.Str != "" {
			port = m.Ports[sp.TargetPort.Str]
		}
		if port != 0 {
			out = append(out, s.declared(m, uint32(port)))
		}
	}
	return out
}

// declared is an endpoint as an entry declares it, or a pod that one selects.
func (s *Snapshot) declared(m Declaration, port uint32) Endpoint {
	e := named(m.Address, port)
	if a, err := netip.ParseAddr(m.Address); err == nil {
		e = Endpoint{Address: netip.AddrPortFrom(a.Unmap(), uint16(port)), Pod: s.PodAt(a), Ready: true}
	}
	if e.Labels = entryLabels(m.WorkloadEntrySpec); m.By.Name != "" {
		e.Declared = &m
	}
	return e
}

const tlsMode = "security.istio.io/tlsMode"

// entryLabels are the labels of an endpoint as istiod has them: those that are declared, whatever
// pod has the address. With a service account it is taken to do mutual TLS unless a label says
// otherwise (pilot/pkg/serviceregistry/serviceentry/conversion.go, getTLSModeFromWorkloadEntry).
func entryLabels(we kube.WorkloadEntrySpec) map[string]string {
	if _, said := we.Labels[tlsMode]; said || we.ServiceAccount == "" {
		return we.Labels
	}
	out := map[string]string{tlsMode: "istio"}
	maps.Copy(out, we.Labels)
	return out
}

// impliedEndpoints stand for the endpoints that an entry does not list: with DNS its host is
// resolved, with NONE the connection goes where the client dialled
// (istio.io/docs/reference/config/networking/service-entry, Resolution).
func (s *Snapshot) impliedEndpoints(se *kube.ServiceEntry, h *Host, port kube.EntryPort) []Endpoint {
	if se.Spec.Resolution == "STATIC" || se.Spec.WorkloadSelector != nil {
		return nil
	}
	if !h.Headless || len(h.Addresses) == 0 {
		return []Endpoint{named(h.Name, uint32(cmp.Or(port.TargetPort, port.Number)))}
	}
	var out []Endpoint
	for _, a := range h.Addresses {
		out = append(out, Endpoint{Address: netip.AddrPortFrom(a, uint16(port.Number)), Pod: s.PodAt(a), Ready: true})
	}
	return sortEndpoints(out)
}

// entryMembers are a ServiceEntry's own endpoints, or the WorkloadEntries and pods that its
// selector selects.
func (s *Snapshot) entryMembers(se *kube.ServiceEntry) []Declaration {
	var out []Declaration
	if se.Spec.WorkloadSelector == nil {
		by := kube.Ref{Kind: "ServiceEntry", Namespace: se.Namespace, Name: se.Name}
		for i, we := range se.Spec.Endpoints {
			out = append(out, Declaration{we, by, fmt.Sprintf("spec.endpoints[%d]", i)})
		}
		return out
	}
	want := se.Spec.WorkloadSelector.Labels
	out = s.workloadEntries(se.Namespace, want)
	for _, p := range s.Pods {
		if p.Namespace == se.Namespace && kube.HasLabels(want, p.Labels) && len(p.Addresses) > 0 {
			out = append(out, Declaration{WorkloadEntrySpec: kube.WorkloadEntrySpec{Address: p.Addresses[0].String(), Labels: p.Labels}})
		}
	}
	return out
}

// workloadEntries are those of a namespace with the given labels.
func (s *Snapshot) workloadEntries(namespace string, labels map[string]string) []Declaration {
	var out []Declaration
	for _, we := range s.entries[namespace] {
		if kube.HasLabels(labels, we.Spec.Labels) {
			out = append(out, Declaration{we.Spec, kube.Ref{Kind: "WorkloadEntry", Namespace: we.Namespace, Name: we.Name}, "spec"})
		}
	}
	return out
}
