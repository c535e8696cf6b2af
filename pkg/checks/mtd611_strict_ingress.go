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

var mtd611 = &diagnose.Check{
	Code: "MTD611", Name: "strict-ingress", Severity: diagnose.Error,
	Title: "an Ingress leads to pods that accept only mutual TLS, by a controller outside the mesh",
	Doc: diagnose.Doc{
		Meaning: "An Ingress is served by a controller such as nginx, Traefik or a cloud's load balancer, which calls the Service or its pods. Without a proxy of the mesh it has no certificate: STRICT pods refuse all that it hands on.",
		Symptoms: []string{
			"callers: 502 Bad Gateway; nginx's log: recv() failed (104: Connection reset by peer) while reading response header from upstream",
			"upstream prematurely closed connection while reading response header from upstream",
			"server proxy's log: NR filter_chain_not_found, with the address of the controller's pod",
		},
		Detection: "A Service that an Ingress names leads to a pod with a sidecar, which accepts only mutual TLS on that port. An error where a pod of a known controller runs without a proxy, a warning where no controller is seen. Where all of them have a proxy nothing is said.",
		ByHand: []diagnose.Look{
			seeAll("ingresses.networking.k8s.io", "spec.ingressClassName, and the Services under backend"),
			look("kubectl get pods -A -l app.kubernetes.io/component=controller -o custom-columns=NAME:.metadata.name,CONTAINERS:.spec.containers[*].name", "no istio-proxy"),
			seeInbound("every filterChainMatch for the port has transportProtocol tls: it refuses plaintext"),
		},
		NotThis:    "The classes of Istio's own gateways are served by proxies of the mesh. A controller with a proxy that dials pods by their IP is MTD316.",
		Fix:        "Give the controller a proxy, and have it call Services instead of pods (nginx: service-upstream). Or open the one port. Or lead callers in through a gateway of the mesh.",
		References: []string{"istio/istio#43056", "istio/istio#25267", "istio.io/docs/tasks/traffic-management/ingress/kubernetes-ingress"},
	},
	Needs:    []diagnose.Evidence{diagnose.Proxies, diagnose.Services, diagnose.Pods},
	Run:      strictIngress,
	Describe: describeIngress,
}

// controllerNames are the values of app.kubernetes.io/name by which the charts of ingress controllers label their pods.
var controllerNames = []string{"ingress-nginx", "nginx-ingress", "traefik", "kong", "contour", "haproxy-ingress", "kubernetes-ingress", "aws-load-balancer-controller"}

// controllers are the pods of ingress controllers that are known by their labels.
func controllers(p *diagnose.Pass) []*mesh.Pod {
	var out []*mesh.Pod
	for _, pod := range p.Pods {
		if slices.Contains(controllerNames, pod.Labels["app.kubernetes.io/name"]) {
			out = append(out, pod)
		}
	}
	return out
}

func strictIngress(p *diagnose.Pass) {
	if !p.Resources.HasRead(string(diagnose.Ingresses)) { // archives of others do not hold them
		p.NotApplicable()
		return
	}
	known := controllers(p)
	bare := slices.IndexFunc(known, func(pod *mesh.Pod) bool { return !pod.HasProxy() })
	for _, ingress := range p.Resources.Ingresses {
		switch {
		case strings.HasPrefix(ingress.Class(), "istio"), !concerned(p, ingress.Namespace):
			p.NotApplicable()
		case bare < 0 && len(known) > 0:
			p.Passed()
		case bare < 0:
			judgeIngress(p, ingress, nil)
		default:
			judgeIngress(p, ingress, known[bare])
		}
	}
}

// judgeIngress judges all that an Ingress leads to. The controller is a pod without a proxy; nil when none is seen.
func judgeIngress(p *diagnose.Pass, ingress *kube.Ingress, controller *mesh.Pod) {
	for _, svc := range ingress.Services() {
		for _, ep := range ingressEndpoints(p, ingress.Namespace, svc) {
			at, shut := shutsOutside(p, ep)
			if !shut {
				continue
			}
			f := diagnose.Finding{
				Subject: kube.Ref{Kind: "Ingress", Namespace: ingress.Namespace, Name: ingress.Name}, Field: "backend " + svc.Name,
				Group: fmt.Sprint(at), Pod: ep.Pod, Workloads: []kube.Ref{ep.Pod.Workload.Ref},
				Title: fmt.Sprintf("Ingress %s/%s leads to port %d of %s, which accepts only mutual TLS, and %s",
					ingress.Namespace, ingress.Name, at, workloadName(ep.Pod.Workload), unproxied(controller)),
				Evidence: []handshake.Fact{
					{Layer: handshake.Cluster, Source: fmt.Sprintf("Ingress %s/%s", ingress.Namespace, ingress.Name), Value: "backend Service " + svc.Name},
					listenerFact(p, ep.Pod, at),
				},
				Fixes: openPort(p, ep.Pod, at, fmt.Sprintf("open port %d to the controller", at)),
			}
			if controller == nil {
				f.Severity = diagnose.Warning
			}
			p.Failed(f)
		}
	}
}

func unproxied(controller *mesh.Pod) string {
	if controller == nil {
		return "no controller with a proxy is seen"
	}
	return workloadName(controller.Workload) + ", a controller, has no proxy"
}

// ingressEndpoints are those of the port of a Service, which an Ingress names by number or name.
func ingressEndpoints(p *diagnose.Pass, namespace string, svc *kube.IngressService) []mesh.Endpoint {
	for _, h := range p.HostsNamed(svc.Name + "." + namespace + ".svc." + p.Domain) {
		for _, port := range h.Ports {
			if port.Number == uint32(svc.Port.Number) || svc.Port.Name != "" && port.Name == svc.Port.Name {
				return port.Endpoints
			}
		}
	}
	return nil
}

func describeIngress(p *diagnose.Pass, f *diagnose.Finding) {
	for _, pod := range controllers(p) {
		if !pod.HasProxy() {
			f.Fixes = append(injections(p, []*mesh.Workload{pod.Workload}), f.Fixes...)
			break
		}
	}
	if len(f.Fixes) == 0 {
		f.Fixes = []diagnose.Fix{{Title: "lead callers in through a gateway of the mesh, or open the port (portLevelMtls PERMISSIVE)"}}
	}
}
