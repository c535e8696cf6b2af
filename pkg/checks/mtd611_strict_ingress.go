package checks

import (
	"slices"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
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
		Detection: "A Service that an Ingress names leads to a pod with a sidecar, which accepts only mutual TLS on that port. The controller is known by its label app.kubernetes.io/name and what the IngressClass says of its controller, or the name of the class where that was not read. An error where all controllers that may serve the Ingress run without a proxy; a warning where only some do, or where none is seen, as with a cloud's load balancer. Where all of them have a proxy nothing is said.",
		ByHand: []diagnose.Look{
			seeAll("ingresses.networking.k8s.io", "spec.ingressClassName, and the Services under backend"),
			look("kubectl get ingressclasses", "the controller of the class"),
			look("kubectl get pods -A -l app.kubernetes.io/component=controller -o custom-columns=NAME:.metadata.name,CONTAINERS:.spec.containers[*].name", "no istio-proxy"),
			seeInbound("every filterChainMatch for the port has transportProtocol tls: it refuses plaintext"),
		},
		NotThis:    "The classes of Istio's own gateways, by their name or as ingressClass of the mesh config, are served by proxies of the mesh, as is one whose IngressClass names a controller of istio.io. A controller that presents a certificate of the mesh to its backends (nginx: backend-protocol HTTPS and proxy-ssl-secret) gets through. A controller with a proxy that dials pods by their IP is MTD316.",
		Fix:        "Give the controller a proxy, and have it call Services instead of pods (nginx: service-upstream). Or open the one port. Or lead callers in through a gateway of the mesh.",
		References: []string{"istio/istio#43056", "istio/istio#25267", "istio.io/docs/tasks/traffic-management/ingress/kubernetes-ingress"},
	},
	Needs:    []diagnose.Evidence{diagnose.Proxies, diagnose.Services, diagnose.Pods},
	Run:      strictIngress,
	Describe: describeIngress,
}

// controllerNames lead from the values of app.kubernetes.io/name by which charts label the pods that carry an Ingress's
// traffic to what their IngressClass says of its controller, and its name by custom. Those of a cloud's load balancer and of Contour only
// configure others.
var controllerNames = map[string]string{
	"ingress-nginx": "nginx", "nginx-ingress": "nginx", "traefik": "traefik", "kong": "kong",
	"haproxy-ingress": "haproxy", "kubernetes-ingress": "haproxy",
}

// helperParts are the values of app.kubernetes.io/component of a controller's pods that carry no traffic.
var helperParts = []string{"admission-webhook", "default-backend"}

// classOf is the IngressClass of an Ingress, the default one where it names none; nil when it was not read.
func classOf(p *diagnose.Pass, ingress *kube.Ingress) *kube.IngressClass {
	name := ingress.Class()
	i := slices.IndexFunc(p.Resources.IngressClasses, func(c *kube.IngressClass) bool { return c.Name == name || name == "" && c.Default() })
	if i < 0 {
		return nil
	}
	return p.Resources.IngressClasses[i]
}

// controllers are the pods that may serve an Ingress, known by their labels; those of every controller where nothing
// names one.
func controllers(p *diagnose.Pass, ingress *kube.Ingress) outsiders {
	by := ingress.Class()
	if class := classOf(p, ingress); class != nil {
		by = class.Spec.Controller
	}
	return outsidersOf(p, func(pod *mesh.Pod) bool {
		name, known := controllerNames[pod.Labels["app.kubernetes.io/name"]]
		return known && (strings.Contains(by, name) || by == "") && !slices.Contains(helperParts, pod.Labels["app.kubernetes.io/component"])
	})
}

func strictIngress(p *diagnose.Pass) {
	if !p.Resources.HasRead(string(diagnose.Ingresses)) { // archives of others do not hold them
		p.NotApplicable()
		return
	}
	for _, ingress := range p.Resources.Ingresses {
		by := controllers(p, ingress)
		switch {
		case servedByIstio(p, ingress), !concerned(p, ingress.Namespace):
			p.NotApplicable()
		case by.meshed():
			p.Passed()
		default:
			judgeIngress(p, ingress, by)
		}
	}
}

// servedByIstio reports whether gateways of a mesh serve an Ingress: its class is Istio's by what it says of its
// controller, or begins as Istio's own does where that was not read, or is in a mesh config.
func servedByIstio(p *diagnose.Pass, ingress *kube.Ingress) bool {
	class, name := ingress.Class(), ingress.Class()
	if read := classOf(p, ingress); read != nil {
		class, name = read.Name, read.Spec.Controller
	}
	if strings.HasPrefix(name, "istio") {
		return true
	}
	for _, config := range p.MeshConfigs {
		if class != "" && config.IngressClass == class {
			return true
		}
	}
	return false
}

// judgeIngress judges all that an Ingress leads to.
func judgeIngress(p *diagnose.Pass, ingress *kube.Ingress, by outsiders) {
	for _, svc := range ingress.Services() {
		byNameOrNumber := func(port *mesh.Port) bool {
			return port.Number == uint32(svc.Port.Number) || svc.Port.Name != "" && port.Name == svc.Port.Name
		}
		outsideCall{
			by, "a controller",
			kube.Ref{Kind: "Ingress", Namespace: ingress.Namespace, Name: ingress.Name},
			"backend " + svc.Name,
			"backend Service " + svc.Name, endpointsAt(p, fqdn(p, svc.Name, ingress.Namespace), byNameOrNumber),
		}.judge(p)
	}
}

func describeIngress(p *diagnose.Pass, f *diagnose.Finding) {
	for _, ingress := range p.Resources.Ingresses {
		if ingress.Namespace != f.Subject.Namespace || ingress.Name != f.Subject.Name {
			continue
		}
		if bare := controllers(p, ingress).bare; bare != nil {
			f.Fixes = append(injections(p, []*mesh.Workload{bare}), f.Fixes...)
		}
	}
	if len(f.Fixes) == 0 {
		f.Fixes = []diagnose.Fix{{Title: "lead callers in through a gateway of the mesh, or open the port (portLevelMtls PERMISSIVE)"}}
	}
}
