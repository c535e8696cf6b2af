package checks

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
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
	return port, shutsOutsideAt(p, ep.Pod, port)
}

// shutsOutsideAt is shutsOutside of a port of a pod, which is nil where an endpoint has none.
func shutsOutsideAt(p *diagnose.Pass, pod *mesh.Pod, port uint32) bool {
	switch {
	case pod == nil || pod.Plane != mesh.Sidecar:
		p.NotApplicable()
	case pod.Proxy == nil:
		p.Unknown(kube.PodRef(pod.Key()), pod.Unread)
	case !strict(p, pod, port):
		p.Passed()
	default:
		return true
	}
	return false
}

// isIstiod reports whether a pod is of the control plane. It has no proxy, and proxies reach it past their own listeners.
func isIstiod(pod *mesh.Pod) bool { return pod.Labels["app"] == "istiod" }

// outsiders are pods that may make a call from outside the mesh, by whether they have a proxy of the mesh, or
// ztunnel for one.
type outsiders struct {
	all, without int
	bare         *mesh.Workload // of the first without a proxy; nil when there is none
}

// outsidersOf are the pods that fit. Those of one workload differ while it gets its proxy.
func outsidersOf(p *diagnose.Pass, fits func(*mesh.Pod) bool) outsiders {
	var o outsiders
	for _, w := range p.Workloads {
		for _, pod := range w.Pods {
			if !fits(pod) {
				continue
			}
			if o.all++; pod.InMesh() {
				continue
			}
			if o.without++; o.bare == nil {
				o.bare = w
			}
		}
	}
	return o
}

// meshed reports whether all callers, and at least one, have a proxy.
func (o outsiders) meshed() bool { return o.all > 0 && o.without == 0 }

// severity of what they are refused: an error where all of them are seen to have no proxy. Where only some have none,
// which of them calls is not known.
func (o outsiders) severity() diagnose.Severity {
	if o.all > 0 && o.without == o.all {
		return diagnose.Error
	}
	return diagnose.Warning
}

// outsideCall is what outsiders call: endpoints of a Service that a resource names.
type outsideCall struct {
	by        outsiders
	kind      string // what they are: "a controller"
	subject   kube.Ref
	field     string // of the subject: "backend web"
	shown     string // the Service as the subject has it
	endpoints []mesh.Endpoint
}

// judge reports each endpoint that accepts only mutual TLS from callers that may have no proxy.
func (c outsideCall) judge(p *diagnose.Pass) {
	for _, ep := range c.endpoints {
		at, shut := shutsOutside(p, ep)
		if !shut {
			continue
		}
		p.Failed(diagnose.Finding{
			Severity: c.by.severity(), Subject: c.subject, Field: c.field, Port: at,
			Pod: ep.Pod, Workloads: []kube.Ref{ep.Pod.Workload.Ref},
			Title: fmt.Sprintf("%s leads to port %d of %s, which accepts only mutual TLS, and %s", c.subject, at, workloadName(ep.Pod.Workload), c.by.says(c.kind)),
			Evidence: []handshake.Fact{
				{Layer: handshake.Cluster, Source: c.subject.String(), Value: c.shown},
				listenerFact(p, ep.Pod, at),
			},
			Fixes: openPort(p, ep.Pod, at, fmt.Sprintf("open port %d to the %s", at, strings.TrimPrefix(c.kind, "a "))),
		})
	}
}

// says what is seen of callers of a kind: "a controller".
func (o outsiders) says(kind string) string {
	if o.bare == nil {
		return "no " + strings.TrimPrefix(kind, "a ") + " with a proxy is seen"
	}
	if slices.ContainsFunc(o.bare.Pods, (*mesh.Pod).InMesh) {
		return workloadName(o.bare) + ", " + kind + ", has pods without a proxy"
	}
	return workloadName(o.bare) + ", " + kind + ", has no proxy"
}
