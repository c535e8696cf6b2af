package checks

import (
	"fmt"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

var mtd604 = &diagnose.Check{
	Code: "MTD604", Name: "strict-load-balancer", Severity: diagnose.Error,
	Title: "a load balancer or node port leads straight to pods that accept only mutual TLS",
	Doc: diagnose.Doc{
		Meaning: "A Service of type LoadBalancer or NodePort lets callers outside the cluster reach the pods without a gateway. They have no certificate of the mesh: a STRICT proxy refuses them all, and the health checks of the load balancer too.",
		Symptoms: []string{
			"cloud load balancer: no healthy target; callers: 502, connection reset, empty reply",
			"it worked until STRICT was turned on, or until the pods were injected",
			"server proxy's log: NR filter_chain_not_found, with addresses of nodes",
		},
		Detection: "The Service is of type LoadBalancer (an error) or NodePort (a warning), it leads to a pod with a sidecar, and that accepts only mutual TLS on the port.",
		ByHand: []diagnose.Look{
			look("kubectl get services -A -o wide", "the type LoadBalancer or NodePort, and a selector of pods with a sidecar"),
			seeInbound("every filterChainMatch for the port has transportProtocol tls: it refuses plaintext"),
			seeLog("SERVER", "filter_chain_not_found, with addresses of nodes"),
		},
		NotThis:    "The Service of a gateway is meant to be reached from outside. A Service that carries the type and that nobody calls from outside can be changed to ClusterIP.",
		Fix:        "Lead callers from outside through an ingress gateway. Or open the one port. If nobody comes from outside, make it ClusterIP.",
		References: []string{"istio/istio#43056", "istio/istio#24668", "istio/istio#51482"},
	},
	Needs:    []diagnose.Evidence{diagnose.Proxies, diagnose.Services, diagnose.Pods},
	Run:      strictLoadBalancer,
	Describe: describeLoadBalancer,
}

func strictLoadBalancer(p *diagnose.Pass) {
	for _, svc := range p.Resources.Services {
		host := hostOfService(p, svc)
		if svc.Spec.Type != "LoadBalancer" && svc.Spec.Type != "NodePort" || host == nil || !concerned(p, svc.Namespace) {
			p.NotApplicable()
			continue
		}
		for _, port := range host.Ports {
			for _, ep := range port.Endpoints {
				judgeExposed(p, svc, port, ep)
			}
		}
	}
}

func judgeExposed(p *diagnose.Pass, svc *kube.Service, port *mesh.Port, ep mesh.Endpoint) {
	at, shut := shutsOutside(p, ep)
	if !shut {
		return
	}
	f := diagnose.Finding{
		Subject: kube.Ref{Kind: "Service", Namespace: svc.Namespace, Name: svc.Name}, Field: "spec.type", Group: fmt.Sprint(port.Number),
		Port: at, Pod: ep.Pod, Workloads: []kube.Ref{ep.Pod.Workload.Ref},
		Title: fmt.Sprintf("%s %s/%s leads callers from outside to port %d of %s, which accepts only mutual TLS", svc.Spec.Type, svc.Namespace, svc.Name, at, workloadName(ep.Pod.Workload)),
		Evidence: []handshake.Fact{
			{Layer: handshake.Cluster, Source: fmt.Sprintf("Service %s/%s spec.type", svc.Namespace, svc.Name), Value: fmt.Sprintf("%s, port %d to %d", svc.Spec.Type, port.Number, at)},
			listenerFact(p, ep.Pod, at),
		},
		Fixes: openPort(p, ep.Pod, at, fmt.Sprintf("open port %d to callers from outside", at)),
	}
	if svc.Spec.Type == "NodePort" {
		f.Severity = diagnose.Warning
	}
	p.Failed(f)
}

func describeLoadBalancer(_ *diagnose.Pass, f *diagnose.Finding) {
	f.Fixes = append([]diagnose.Fix{{
		Title: "lead callers from outside through an ingress gateway, and make the Service ClusterIP", Command: kubectl("patch", f.Subject) + ` --type=merge -p '{"spec":{"type":"ClusterIP"}}'`,
		Risk: "its external address goes away: the gateway has to take the calls before",
	}}, f.Fixes...)
}
