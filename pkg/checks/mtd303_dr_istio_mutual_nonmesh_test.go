package checks

import (
	"strings"
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
)

func TestDRIstioMutual(t *testing.T) {
	fires(t, "05-dr-istio-mutual-nonmesh", mtd303,
		"error DestinationRule legacy/naked [spec.trafficPolicy.tls.mode] 24: DestinationRule legacy/naked says ISTIO_MUTUAL, so clients start mutual TLS to naked.legacy, whose endpoints have no proxy",
		`kubectl -n legacy patch destinationrule naked --type=json -p '[{"op":"remove","path":"/spec/trafficPolicy"}]'`)
}

// A rule for all hosts covers the API server, which no pod is: a warning, until somebody is
// seen to call it. The one host is exempted, the rule stays.
func TestDRIstioMutualOfTheWholeMesh(t *testing.T) {
	const name = "21-dr-portlevel-drops-tls"
	r := record(t, name)
	f := r.one(mtd303)
	if f.Severity != diagnose.Warning {
		t.Errorf("%s", lines([]*diagnose.Finding{f}))
	}
	if len(f.Fixes) != 1 || !strings.Contains(f.Fixes[0].Manifest, "host: kubernetes.default.svc.cluster.local\n  trafficPolicy:\n    tls:\n      mode: DISABLE") {
		t.Errorf("%+v", f.Fixes)
	}

	e := f.Edges[0]
	p := e.Client.Proxy
	p.Hosts = map[string][]envoy.Host{e.Outbound.Cluster: {{Address: e.Server.Address, Stats: map[string]uint64{"cx_connect_fail": 1}}}}
	has(t, r.says(mtd303), "error DestinationRule istio-system/mesh")
}

// istiod has no proxy, and proxies reach it past their own rules: a rule for many that covers it breaks nothing yet.
func TestDRIstioMutualOfIstiod(t *testing.T) {
	r := record(t, "05-dr-istio-mutual-nonmesh")
	for _, p := range r.Proxies {
		p.Hosts = nil // nobody has called it
	}
	has(t, r.says(mtd303), "error DestinationRule legacy/naked")
	for _, p := range r.pods("naked") {
		p.Labels["app"] = "istiod"
	}
	has(t, r.says(mtd303), "warning DestinationRule legacy/naked")
}

func TestDRIstioMutualQuietAndBlind(t *testing.T) {
	shared(t, "23-dr-wrong-san").quiet(mtd303)
	shared(t, healthy).silent(mtd303)
	shared(t, "15-exclude-inbound-ports").silent(mtd303)
	blinded(t, "05-dr-istio-mutual-nonmesh", mtd303)
	unseenProxy(t, "05-dr-istio-mutual-nonmesh", "pay/client", mtd303)
}
