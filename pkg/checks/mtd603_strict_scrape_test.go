package checks

import (
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
)

func TestStrictScrape(t *testing.T) {
	r := record(t, healthy)
	r.annotate("shop", "server", "prometheus.io/port", "8080")
	r.annotate("shop", "server", mergeMetrics, "false")
	f := r.one(mtd603)
	has(t, lines([]*diagnose.Finding{f}), "warning Deployment shop/server [spec.template.metadata.annotations[prometheus.io/port]] 0: "+
		"shop/server asks to be scraped on port 8080, where its proxy accepts only mutual TLS")
	hasFix(t, f, `kubectl -n shop patch deployment server --type=json -p '[{"op":"remove","path":"/spec/template/metadata/annotations/prometheus.istio.io~1merge-metrics"}]'`)
	has(t, f.Fixes[1].Title, "open port 8080 to Prometheus")
	complete(t, f)
}

func TestStrictScrapeQuietAndBlind(t *testing.T) {
	shared(t, healthy).quiet(mtd603)
	for name, value := range map[string]string{"prometheus.io/scheme": "https", "prometheus.io/scrape": "false", "prometheus.io/port": "none"} {
		r := record(t, healthy)
		r.annotate("shop", "server", "prometheus.io/port", "8080")
		r.annotate("shop", "server", name, value)
		r.silent(mtd603)
	}
	open := record(t, "02-permissive-default")
	open.annotate("shop", "server", "prometheus.io/port", "8080")
	open.quiet(mtd603)
	blinded(t, healthy, mtd603)
	unseenProxy(t, healthy, "shop/server", mtd603)
}
