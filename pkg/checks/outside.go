package checks

import (
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// endpointsAt are the endpoints of a host's port.
func endpointsAt(p *diagnose.Pass, host string, number uint32) []mesh.Endpoint {
	for _, h := range p.HostsNamed(host) {
		if port := h.Port(number); port != nil {
			return port.Endpoints
		}
	}
	return nil
}

// hostOfService is the host that a Service declares.
func hostOfService(p *diagnose.Pass, svc *kube.Service) *mesh.Host {
	for _, h := range p.HostsNamed(svc.Name + "." + svc.Namespace + ".svc." + p.Domain) {
		if h.Ref.Kind == "Service" {
			return h
		}
	}
	return nil
}

// shutsOutside reports whether a caller outside the mesh, which has no certificate of it, is refused
// at an endpoint, and at which port of the pod. Where it is not, the pass is told why.
func shutsOutside(p *diagnose.Pass, ep mesh.Endpoint) (port uint32, shut bool) {
	port = uint32(ep.Address.Port())
	switch {
	case ep.Pod == nil || ep.Pod.Plane != mesh.Sidecar:
		p.NotApplicable()
	case ep.Pod.Proxy == nil:
		p.Unknown(kube.PodRef(ep.Pod.Key()), ep.Pod.Unread)
	case !strict(p, ep.Pod, port):
		p.Passed()
	default:
		return port, true
	}
	return port, false
}
