package checks

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

var mtd612 = &diagnose.Check{
	Code: "MTD612", Name: "strict-monitor", Severity: diagnose.Error,
	Title: "a ServiceMonitor or PodMonitor has pods scraped on a port that accepts only mutual TLS",
	Doc: diagnose.Doc{
		Meaning: "Prometheus fetches metrics from the pods of a ServiceMonitor or PodMonitor, at their addresses. Over http it has no certificate of the mesh, and a STRICT proxy refuses: the metrics of these workloads are missing, and so are the alerts that rest on them.",
		Symptoms: []string{
			"Prometheus: target is down: Get \"http://POD-IP:PORT/metrics\": read: connection reset by peer, or EOF",
			"Prometheus with a proxy: server returned HTTP status 503 Service Unavailable",
			"alert TargetDown",
			"metrics of a workload end when STRICT is turned on, or when its pods get a proxy",
		},
		Detection: "A ServiceMonitor or PodMonitor selects pods with a sidecar for a scrape over http, and the inbound listener accepts only mutual TLS on the port. An error where all Prometheus pods (label app.kubernetes.io/name) run without a proxy, or all with one; a warning where only some do, or where none is seen. With a proxy Prometheus dials the pods' addresses as well, which its proxy passes on in clear, unless a headless Service leads to the port.",
		ByHand: []diagnose.Look{
			look("kubectl get servicemonitors,podmonitors -A -o yaml", "the selector, and port and scheme of the endpoints"),
			seeInbound("every filterChainMatch for the port has transportProtocol tls: it refuses plaintext"),
			seeLog("SERVER", "filter_chain_not_found, with the address of Prometheus"),
		},
		NotThis:    "Over https a certificate of the mesh may be presented (tlsConfig, or a scrape class of Prometheus): that is not judged, nor are relabelings that choose targets or their addresses. Merged metrics (port 15020) and Envoy's own (15090) bypass the proxy. That a Prometheus with a proxy does call is MTD316. Which monitors a Prometheus selects is not read: one that none selects is named all the same. Clusters without these kinds, and users who may not list them, hear nothing.",
		Fix:        "Open the one port. Or scrape the merged metrics, on port 15020. Or give Prometheus a certificate of the mesh, and the endpoint scheme https with its tlsConfig.",
		References: []string{"istio.io/docs/ops/integrations/prometheus", "istio/istio#19628", "prometheus-operator.dev/docs/api-reference/api"},
	},
	Needs:    []diagnose.Evidence{diagnose.Proxies, diagnose.Services, diagnose.Pods},
	Run:      strictMonitors,
	Describe: describeMonitor,
}

// scrape is a port of a pod that a monitor has scraped.
type scrape struct {
	pod  *mesh.Pod
	port uint32
}

// prometheuses are the workloads that may scrape.
func prometheuses(p *diagnose.Pass) outsiders {
	return outsidersOf(p, isPrometheus)
}

func strictMonitors(p *diagnose.Pass) {
	by := prometheuses(p)
	for _, m := range p.Resources.ServiceMonitors {
		for i, e := range m.Spec.Endpoints {
			judgeScrapes(p, kube.Ref{Kind: "ServiceMonitor", Namespace: m.Namespace, Name: m.Name}, fmt.Sprintf("spec.endpoints[%d]", i), e, scrapesOfServices(p, m, e), by)
		}
	}
	for _, m := range p.Resources.PodMonitors {
		for i, e := range m.Spec.PodEndpoints {
			judgeScrapes(p, kube.Ref{Kind: "PodMonitor", Namespace: m.Namespace, Name: m.Name}, fmt.Sprintf("spec.podMetricsEndpoints[%d]", i), e, scrapesOfPods(p, m, e), by)
		}
	}
}

// scrapesOfServices are what an endpoint of a ServiceMonitor means: the pods behind a port of a Service, or a port of
// their containers.
func scrapesOfServices(p *diagnose.Pass, m *kube.Monitor, e kube.MonitorEndpoint) []scrape {
	var out []scrape
	for _, svc := range p.Resources.Services {
		host := hostOfService(p, svc)
		if host == nil || !m.Selects(svc.Namespace, svc.Labels) {
			continue
		}
		for _, port := range host.Ports {
			if e.Port != "" && port.Name != e.Port || e.Port == "" && e.TargetPort == nil {
				continue
			}
			for _, ep := range port.Endpoints {
				at := uint32(ep.Address.Port())
				if e.Port == "" && ep.Pod != nil {
					at = declaredPort(ep.Pod, *e.TargetPort)
				}
				out = append(out, scrape{ep.Pod, at})
			}
		}
	}
	return out
}

// scrapesOfPods are what an endpoint of a PodMonitor means: a port of containers.
func scrapesOfPods(p *diagnose.Pass, m *kube.Monitor, e kube.MonitorEndpoint) []scrape {
	port := kube.IntOrString{Str: e.Port, Int: e.PortNumber}
	if e.TargetPort != nil && e.Port == "" && e.PortNumber == 0 {
		port = *e.TargetPort
	}
	var out []scrape
	for _, pod := range p.Pods {
		if at := declaredPort(pod, port); at != 0 && m.Selects(pod.Namespace, pod.Labels) {
			out = append(out, scrape{pod, at})
		}
	}
	return out
}

// declaredPort is the number of a port that a container declares, 0 when none does: the operator keeps the targets
// whose container port has the name or the number (__meta_kubernetes_pod_container_port_number).
func declaredPort(pod *mesh.Pod, port kube.IntOrString) uint32 {
	at := portOf(pod, port)
	declares := func(cp kube.ContainerPort) bool { return uint32(cp.ContainerPort) == at }
	if slices.ContainsFunc(pod.Spec.Containers, func(c kube.Container) bool { return slices.ContainsFunc(c.Ports, declares) }) {
		return at
	}
	return 0
}

// chosenElsewhere reports whether what is scraped, or how, is not told by an endpoint alone: over https a certificate
// may be presented, and relabelings leave targets out or change their addresses.
func chosenElsewhere(e kube.MonitorEndpoint) bool {
	return strings.EqualFold(e.Scheme, "https") || slices.ContainsFunc(e.Relabelings, func(r kube.Relabeling) bool {
		action := strings.ToLower(r.Action)
		return strings.HasPrefix(action, "keep") || strings.HasPrefix(action, "drop") || r.Target == "__address__" || r.Target == "__scheme__"
	})
}

func judgeScrapes(p *diagnose.Pass, monitor kube.Ref, field string, e kube.MonitorEndpoint, scrapes []scrape, by outsiders) {
	if chosenElsewhere(e) {
		p.NotApplicable()
		return
	}
	severity := by.severity()
	if by.meshed() {
		severity = diagnose.Error
	}
	for _, s := range scrapes {
		if s.pod == nil || s.port == 0 || !concerned(p, s.pod.Namespace) || by.meshed() && knownToProxies(p, s) {
			p.NotApplicable()
			continue
		}
		if !shutsOutsideAt(p, s.pod, s.port) {
			continue
		}
		p.Failed(diagnose.Finding{
			Severity: severity, Subject: monitor, Field: field, Port: s.port, Pod: s.pod, Workloads: []kube.Ref{s.pod.Workload.Ref},
			Evidence: []handshake.Fact{
				{Layer: handshake.Cluster, Source: monitor.String() + " " + field, Value: fmt.Sprintf("scrapes port %d over http", s.port)},
				listenerFact(p, s.pod, s.port),
			},
		})
	}
}

// knownToProxies reports whether a headless Service leads to what is scraped: then a proxy knows the pod by its
// address and begins mutual TLS.
func knownToProxies(p *diagnose.Pass, s scrape) bool {
	return slices.ContainsFunc(s.pod.Addresses, func(a netip.Addr) bool { return headless(p, netip.AddrPortFrom(a, uint16(s.port))) })
}

func describeMonitor(p *diagnose.Pass, f *diagnose.Finding) {
	who := workloadName(f.Pod.Workload)
	if others := len(f.Workloads) - 1; others > 0 { // a fix for each would be a list of patches: the scraper is one
		who = fmt.Sprintf("%s and %d more", who, others)
	} else {
		f.Fixes = openPort(p, f.Pod, f.Port, fmt.Sprintf("open port %d to Prometheus", f.Port))
	}
	by := prometheuses(p)
	why := by.says("a Prometheus")
	if by.meshed() {
		why = "the proxy of Prometheus passes on in clear what goes to a pod's address"
	}
	f.Title = fmt.Sprintf("%s has port %d of %s scraped over http, where only mutual TLS is accepted, and %s", f.Subject, f.Port, who, why)
	f.Fixes = append(f.Fixes, scrapeMerged(f.Pod), scrapeAsMesh())
}
