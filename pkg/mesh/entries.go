package mesh

import (
	"cmp"
	"maps"
	"net/netip"

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
	for _, we := range s.entryMembers(se) {
		number := uint32(cmp.Or(we.Ports[port.Name], port.TargetPort, port.Number))
		a, err := netip.ParseAddr(we.Address)
		if err != nil {
			e := named(we.Address, number)
			e.Labels = entryLabels(we)
			out = append(out, e)
			continue
		}
		e := Endpoint{Labels: entryLabels(we), Address: netip.AddrPortFrom(a.Unmap(), uint16(number)), Pod: s.PodAt(a)}
		e.Ready = se.Spec.WorkloadSelector == nil || e.Pod == nil || e.Pod.Ready()
		out = append(out, e)
	}
	return sortEndpoints(out)
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
func (s *Snapshot) entryMembers(se *kube.ServiceEntry) []kube.WorkloadEntrySpec {
	if se.Spec.WorkloadSelector == nil {
		return se.Spec.Endpoints
	}
	var out []kube.WorkloadEntrySpec
	want := se.Spec.WorkloadSelector.Labels
	for _, we := range s.Resources.WorkloadEntries {
		if we.Namespace == se.Namespace && kube.HasLabels(want, we.Spec.Labels) {
			out = append(out, we.Spec)
		}
	}
	for _, p := range s.Pods {
		if p.Namespace == se.Namespace && kube.HasLabels(want, p.Labels) && len(p.Addresses) > 0 {
			out = append(out, kube.WorkloadEntrySpec{Address: p.Addresses[0].String(), Labels: p.Labels})
		}
	}
	return out
}
