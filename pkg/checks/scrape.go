package checks

import (
	"slices"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// scrapers are the values of app.kubernetes.io/name by which the Prometheus operator and charts label the pods that scrape.
var scrapers = []string{"prometheus", "prometheus-agent"}

// isPrometheus reports whether a pod scrapes others.
func isPrometheus(pod *mesh.Pod) bool {
	return slices.Contains(scrapers, pod.Labels["app.kubernetes.io/name"])
}

// scrapeMerged has the merged metrics of pods scraped, which takes no policy to be changed: the agent's port bypasses the
// proxy (istio.io/docs/ops/integrations/prometheus, Option 1).
func scrapeMerged(pods ...*mesh.Pod) diagnose.Fix {
	fix := diagnose.Fix{
		Title: "scrape the merged metrics instead, at port 15020 of the pods, path /stats/prometheus (a relabeling of __address__; " +
			"samples/addons/extras/prometheus-operator.yaml of Istio has one): the agent answers there, in clear, past the proxy",
	}
	if slices.ContainsFunc(pods, func(pod *mesh.Pod) bool { return pod.Annotations["prometheus.io/port"] != "15020" }) {
		fix.Risk = "holds the application's metrics only where its pods say prometheus.io/scrape and prometheus.io/port when they are injected"
	}
	return fix
}

// scrapeAsMesh gives Prometheus a certificate of the mesh, with which it scrapes over https.
func scrapeAsMesh() diagnose.Fix {
	return diagnose.Fix{
		Title: "give Prometheus a certificate of the mesh: a proxy that only writes it to a volume (annotation proxy.istio.io/config with proxyMetadata OUTPUT_CERTS, " +
			"and traffic.sidecar.istio.io/includeInboundPorts and includeOutboundIPRanges empty), and scrapes with scheme https and its tlsConfig",
		Risk: "its pods restart; targets without a proxy are then not scraped by that job",
	}
}
