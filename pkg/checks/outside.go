package checks

import (
	"slices"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// fqdn is the name of a Service within the cluster.
func fqdn(p *diagnose.Pass, name, namespace string) string {
	return name + "." + namespace + ".svc." + p.Domain
}

// endpointsAt are the endpoints of a host's first port that fits.
func endpointsAt(p *diagnose.Pass, host string, fits func(*mesh.Port) bool) []mesh.Endpoint {
	for _, h := range p.HostsNamed(host) {
		if i := slices.IndexFunc(h.Ports, fits); i >= 0 {
			return h.Ports[i].Endpoints
		}
	}
	return nil
}

// numbered fits ports of a number.
func numbered(number uint32) func(*mesh.Port) bool {
	return func(port *mesh.Port) bool { return port.Number == number }
}

// hostOfService is the host that a Service declares.
func hostOfService(p *diagnose.Pass, svc *kube.Service) *mesh.Host {
	for _, h := range p.HostsNamed(fqdn(p, svc.Name, svc.Namespace)) {
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
