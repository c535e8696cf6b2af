package checks

import (
	"fmt"
	"strconv"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

var mtd603 = &diagnose.Check{
	Code: "MTD603", Name: "strict-scrape", Severity: diagnose.Warning,
	Title: "a pod asks to be scraped on a port that accepts only mutual TLS",
	Doc: diagnose.Doc{
		Meaning: "The annotations prometheus.io/scrape and port invite Prometheus to fetch metrics from the pod's address, in plaintext unless it has certificates of the mesh. Injection normally merges the metrics and points the annotations to the agent's port 15020, which bypasses the proxy. Where that is off they name the application's port, and a STRICT proxy refuses.",
		Symptoms: []string{
			"Prometheus: target is down: Get \"http://POD-IP:PORT/metrics\": read: connection reset by peer, or EOF",
			"Prometheus with a proxy: server returned HTTP status 503 Service Unavailable",
			"alert TargetDown",
			"metrics of a workload end when STRICT is turned on",
		},
		Detection: "The pod's annotations ask for a scrape over http on a port other than 15020 and 15090, and its inbound listener accepts only mutual TLS there.",
		ByHand: []diagnose.Look{
			seePod(`prometheus.io/port other than 15020, and prometheus.istio.io/merge-metrics: "false"`),
			seeInbound("every filterChainMatch for the port has transportProtocol tls: it refuses plaintext"),
		},
		NotThis:    "A Prometheus that presents a certificate of the mesh (scheme https) gets through. What ServiceMonitors and PodMonitors ask for is MTD612.",
		Fix:        "Let injection merge the metrics: remove the annotation prometheus.istio.io/merge-metrics: \"false\", or set enablePrometheusMerge. Or open the one port.",
		References: []string{"istio.io/docs/ops/integrations/prometheus", "istio/istio#19628", "istio/istio#35871"},
	},
	Needs:    []diagnose.Evidence{diagnose.Proxies, diagnose.Pods},
	Run:      strictScrape,
	Describe: describeScrape,
}

const mergeMetrics = "prometheus.istio.io/merge-metrics"

// envoyMetricsPort is that of Envoy's own metrics, which is not captured.
const envoyMetricsPort = 15090

func strictScrape(p *diagnose.Pass) {
	for pod := range p.ProxyPods() {
		port := scrapePort(pod)
		switch {
		case pod.Plane != mesh.Sidecar || port == 0:
			p.NotApplicable()
		case port == agentPort || port == envoyMetricsPort || !strict(p, pod, port):
			p.Passed()
		default:
			p.Failed(diagnose.Finding{
				Subject: pod.Workload.Ref, Field: annotation(pod.Workload, "prometheus.io/port"), Port: port, Pod: pod, Workloads: []kube.Ref{pod.Workload.Ref},
			})
		}
	}
}

// scrapePort is the port on which a pod asks to be scraped in plaintext; 0 when it does not.
func scrapePort(pod *mesh.Pod) uint32 {
	if pod.Annotations["prometheus.io/scrape"] != "true" || pod.Annotations["prometheus.io/scheme"] == "https" {
		return 0
	}
	port, err := strconv.ParseUint(pod.Annotations["prometheus.io/port"], 10, 16)
	if err != nil {
		return 0
	}
	return uint32(port)
}

func describeScrape(p *diagnose.Pass, f *diagnose.Finding) {
	pod, port := f.Pod, f.Port
	f.Title = fmt.Sprintf("%s asks to be scraped on port %d, where its proxy accepts only mutual TLS", workloadName(pod.Workload), port)
	f.Evidence = []handshake.Fact{
		{Layer: handshake.Cluster, Source: "pod " + pod.Key().String() + " annotation prometheus.io/port", Value: fmt.Sprint(port)},
		listenerFact(p, pod, port),
	}
	if pod.Annotations[mergeMetrics] == "false" {
		f.Fixes = []diagnose.Fix{{
			Title: "let injection merge the metrics: remove the annotation", Command: jsonPatch(f.Subject, remove(annotationPointer(pod.Workload, mergeMetrics))), Risk: "the pods restart",
		}}
	}
	f.Fixes = append(f.Fixes, openPort(p, pod, port, fmt.Sprintf("open port %d to Prometheus", port))...)
}
