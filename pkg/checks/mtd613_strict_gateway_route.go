package checks

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

var mtd613 = &diagnose.Check{
	Code: "MTD613", Name: "strict-gateway-route", Severity: diagnose.Error,
	Title: "a route of the Gateway API leads to pods that accept only mutual TLS, by a gateway outside the mesh",
	Doc: diagnose.Doc{
		Meaning: "A Gateway of the Gateway API is served by the controller of its class. Where that is not Istio's, the gateway calls the pods of a route without a certificate of the mesh: STRICT pods refuse all that it hands on.",
		Symptoms: []string{
			"callers: 502 or 503; the gateway's log: connection reset by peer, upstream connect error",
			"server proxy's log: NR filter_chain_not_found, with the address of the gateway",
		},
		Detection: "An HTTPRoute, GRPCRoute, TLSRoute or TCPRoute that a controller other than Istio's has accepted (status.parents) leads to a Service whose pods have a sidecar, which accepts only mutual TLS on that port. The gateway's pods are known by the labels gateway.networking.k8s.io/gateway-name and gateway.envoyproxy.io/owning-gateway-name, or app.kubernetes.io/name. An error where all of them run without a proxy; a warning where only some do, or where none is seen, as with a cloud's load balancer. Where all of them have a proxy nothing is said.",
		ByHand: []diagnose.Look{
			look("kubectl get httproutes,grpcroutes -A -o yaml", "controllerName under status.parents, and the Services under backendRefs"),
			look("kubectl get pods -A -l gateway.networking.k8s.io/gateway-name -o custom-columns=NAME:.metadata.name,CONTAINERS:.spec.containers[*].name", "no istio-proxy"),
			seeInbound("every filterChainMatch for the port has transportProtocol tls: it refuses plaintext"),
		},
		NotThis:    "Istio's own classes are served by proxies of the mesh. A route whose parent is a Service steers calls within a mesh. A gateway with a proxy that dials pods by their IP is MTD316. One that a BackendTLSPolicy and a client certificate of the mesh let present it gets through: these are not looked at. Clusters without these kinds, and users who may not list them, hear nothing.",
		Fix:        "Give the gateway a proxy, and have it call Services instead of pods. Or open the one port. Or serve the route by a Gateway of class istio.",
		References: []string{"gateway-api.sigs.k8s.io/reference/spec", "istio.io/docs/tasks/traffic-management/ingress/gateway-api", "gateway.envoyproxy.io/docs/tasks/operations/gateway-namespace-mode"},
	},
	Needs:    []diagnose.Evidence{diagnose.Proxies, diagnose.Services, diagnose.Pods},
	Run:      strictRoutes,
	Describe: describeRoute,
}

// gatewayLabels are those by which a gateway's pods name their Gateway: the standard's (GEP-1762), and Envoy Gateway's,
// whose pods may lie in another namespace.
var gatewayLabels = []struct{ name, namespace string }{
	{name: "gateway.networking.k8s.io/gateway-name"},
	{name: "gateway.envoyproxy.io/owning-gateway-name", namespace: "gateway.envoyproxy.io/owning-gateway-namespace"},
}

// ofGateway reports whether a pod says that it carries a Gateway's traffic.
func ofGateway(pod *mesh.Pod, gateway kube.Key) bool {
	for _, label := range gatewayLabels {
		namespace := pod.Namespace
		if label.namespace != "" {
			namespace = pod.Labels[label.namespace]
		}
		if pod.Labels[label.name] == gateway.Name && namespace == gateway.Namespace {
			return true
		}
	}
	return false
}

// dataPlane are the workloads that carry a Gateway's traffic: those that say so, else those that serve every Gateway
// of a controller ("traefik.io/gateway-controller").
func dataPlane(p *diagnose.Pass, gateway kube.Key, controller string) outsiders {
	own := outsidersOf(p, func(pod *mesh.Pod) bool { return ofGateway(pod, gateway) })
	if own.all > 0 {
		return own
	}
	return outsidersOf(p, func(pod *mesh.Pod) bool {
		name := pod.Labels["app.kubernetes.io/name"]
		return controllerNames[name] != "" && strings.Contains(controller, name)
	})
}

// foreignGateways are those to which a route is attached and that Istio does not serve, by what carries their traffic.
func foreignGateways(p *diagnose.Pass, route *kube.Route) []outsiders {
	var out []outsiders
	for _, parent := range route.Status.Parents {
		gateway, is := parent.Gateway(route)
		if is && parent.Accepted() && !strings.HasPrefix(parent.ControllerName, "istio.io/") {
			out = append(out, dataPlane(p, gateway, parent.ControllerName))
		}
	}
	return out
}

func strictRoutes(p *diagnose.Pass) {
	for ref, route := range p.Resources.Routes() {
		gateways := foreignGateways(p, route)
		if len(gateways) == 0 {
			p.NotApplicable()
		}
		for _, by := range gateways {
			judgeRoute(p, ref, route, by)
		}
	}
}

// judgeRoute judges all that a route leads to.
func judgeRoute(p *diagnose.Pass, ref kube.Ref, route *kube.Route, by outsiders) {
	for _, svc := range route.Services() {
		switch {
		case !concerned(p, svc.Namespace):
			p.NotApplicable()
		case by.meshed():
			p.Passed()
		default:
			outsideCall{
				by, "a gateway", ref, "backendRef " + kube.Key{Namespace: svc.Namespace, Name: svc.Name}.String(), fmt.Sprintf("backendRef Service %s/%s port %d", svc.Namespace, svc.Name, svc.Port),
				endpointsAt(p, fqdn(p, svc.Name, svc.Namespace), numbered(uint32(svc.Port))),
			}.judge(p)
		}
	}
}

func describeRoute(p *diagnose.Pass, f *diagnose.Finding) {
	for ref, route := range p.Resources.Routes() {
		if ref != f.Subject {
			continue
		}
		var bare []*mesh.Workload
		for _, by := range foreignGateways(p, route) {
			if by.bare != nil && !slices.Contains(bare, by.bare) { // a Gateway has a status for each of its listeners
				bare = append(bare, by.bare)
			}
		}
		f.Fixes = append(injections(p, bare), f.Fixes...)
	}
	if len(f.Fixes) == 0 {
		f.Fixes = []diagnose.Fix{{Title: "serve the route by a Gateway of class istio, or open the port (portLevelMtls PERMISSIVE)"}}
	}
}
