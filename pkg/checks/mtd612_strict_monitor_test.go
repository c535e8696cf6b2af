package checks

import (
	"slices"
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// monitor has the operator's Prometheus scrape Services of a namespace.
func (r *recording) monitor(namespace string, endpoint kube.MonitorEndpoint) *recording {
	m := &kube.Monitor{Meta: kube.Meta{Namespace: "monitoring", Name: "apps"}}
	m.Spec.Namespaces.Names = []string{namespace}
	m.Spec.Endpoints = []kube.MonitorEndpoint{endpoint}
	r.Resources.ServiceMonitors = append(r.Resources.ServiceMonitors, m)
	return r
}

// podMonitor has it scrape pods that have a label.
func (r *recording) podMonitor(app string, endpoint kube.MonitorEndpoint) *recording {
	m := &kube.Monitor{Meta: kube.Meta{Namespace: "monitoring", Name: "pods"}}
	m.Spec.Namespaces.Any = true
	m.Spec.Selector.MatchExpressions = []kube.LabelRequirement{{Key: "app", Operator: "In", Values: []string{app}}}
	m.Spec.PodEndpoints = []kube.MonitorEndpoint{endpoint}
	r.Resources.PodMonitors = append(r.Resources.PodMonitors, m)
	return r
}

var httpEndpoint = kube.MonitorEndpoint{Port: "http"}

// TestStrictServiceMonitorByAProxy: a proxy passes on what goes to a pod's address, but for pods of a headless Service.
func TestStrictServiceMonitorByAProxy(t *testing.T) {
	f := record(t, healthy).monitor("pay", httpEndpoint).controller("multi", "prometheus", "").one(mtd612)
	has(t, lines([]*diagnose.Finding{f}), "error ServiceMonitor monitoring/apps [spec.endpoints[0]] 0: ")
	has(t, f.Title, "the proxy of Prometheus passes on in clear what goes to a pod's address")
	complete(t, f)

	scraped := func(r *recording) []string {
		var names []string
		for _, f := range r.judge(mtd612).Findings {
			for _, w := range f.Workloads {
				names = append(names, w.Name)
			}
		}
		return names
	}
	shop := record(t, healthy).monitor("shop", httpEndpoint)
	if got := scraped(shop); !slices.Contains(got, "hl") {
		t.Errorf("the pods of the headless Service hl refuse plaintext: %q", got)
	}
	if got := scraped(shop.controller("multi", "prometheus", "")); slices.Contains(got, "hl") || !slices.Contains(got, "server") {
		t.Errorf("a proxy knows the pods of hl, and not those of server: %q", got)
	}
}

func TestStrictServiceMonitor(t *testing.T) {
	r := record(t, healthy).monitor("pay", httpEndpoint)
	f := r.one(mtd612)
	has(t, lines([]*diagnose.Finding{f}), "warning ServiceMonitor monitoring/apps [spec.endpoints[0]] 0: ServiceMonitor monitoring/apps has port 8080 of pay/api "+
		"scraped over http, where only mutual TLS is accepted, and no Prometheus with a proxy is seen")
	has(t, f.Fixes[0].Manifest, "mode: PERMISSIVE")
	has(t, f.Fixes[1].Title, "port 15020")
	has(t, f.Fixes[2].Title, "OUTPUT_CERTS")
	complete(t, f)
	if f.Fixes[1].Risk != "" { // these pods say that their metrics are merged
		t.Error(f.Fixes[1].Risk)
	}
	for _, p := range r.pods("api") {
		delete(p.Annotations, "prometheus.io/port")
	}
	has(t, r.one(mtd612).Fixes[1].Risk, "prometheus.io/scrape")

	f = r.controller("naked", "prometheus", "").one(mtd612)
	has(t, lines([]*diagnose.Finding{f}), "error ServiceMonitor monitoring/apps [spec.endpoints[0]] 0: ")
	has(t, f.Title, "legacy/naked, a Prometheus, has no proxy")
	complete(t, f)

	r.controller("multi", "prometheus-agent", "") // has a proxy: which of them scrapes is not known
	has(t, r.says(mtd612), "warning ServiceMonitor monitoring/apps")

	number := record(t, healthy).monitor("pay", kube.MonitorEndpoint{TargetPort: &kube.IntOrString{Int: 8080}})
	has(t, number.says(mtd612), "has port 8080 of pay/api scraped over http")

	many := record(t, healthy).monitor("shop", httpEndpoint).one(mtd612)
	if len(many.Workloads) < 2 {
		t.Fatalf("workloads: %v", many.Workloads)
	}
	has(t, many.Title, " more scraped over http")
	complete(t, many)
}

// A monitor often has the name of what it is for; of how many more it has scraped is said of the workload.
func TestStrictMonitorNamedAsWorkload(t *testing.T) {
	r := record(t, healthy).monitor("shop", httpEndpoint)
	first := r.one(mtd612).Pod.Workload
	r.Resources.ServiceMonitors[0].Meta = kube.Meta{Namespace: first.Namespace, Name: first.Name}
	name := workloadName(first)
	has(t, r.one(mtd612).Title, "ServiceMonitor "+name+" has port 8080 of "+name+" and ")
}

// A port that is given by its number is kept only where a container declares it.
func TestStrictMonitorOfUndeclaredPort(t *testing.T) {
	const undeclared = 7777
	record(t, healthy).monitor("pay", kube.MonitorEndpoint{TargetPort: &kube.IntOrString{Int: undeclared}}).silent(mtd612)
	record(t, healthy).podMonitor("api", kube.MonitorEndpoint{PortNumber: undeclared}).silent(mtd612)
}

func TestStrictPodMonitor(t *testing.T) {
	for _, e := range []kube.MonitorEndpoint{{PortNumber: 8080}, {TargetPort: &kube.IntOrString{Int: 8080}}} {
		has(t, record(t, healthy).podMonitor("api", e).says(mtd612), "warning PodMonitor monitoring/pods [spec.podMetricsEndpoints[0]] 0: "+
			"PodMonitor monitoring/pods has port 8080 of pay/api scraped over http")
	}
}

func TestStrictMonitorQuietAndBlind(t *testing.T) {
	shared(t, healthy).silent(mtd612)
	record(t, "02-permissive-default").monitor("pay", httpEndpoint).quiet(mtd612)
	merged := record(t, healthy).podMonitor("api", kube.MonitorEndpoint{PortNumber: agentPort})
	for _, p := range merged.pods("api") {
		p.Spec.Containers[0].Ports = append(p.Spec.Containers[0].Ports, kube.ContainerPort{ContainerPort: agentPort})
	}
	merged.quiet(mtd612)
	record(t, healthy).podMonitor("api", kube.MonitorEndpoint{PortNumber: envoyMetricsPort}).quiet(mtd612)
	for name, e := range map[string]kube.MonitorEndpoint{
		"no such port":       {Port: "metrics"},
		"no port":            {},
		"may present one":    {Port: "http", Scheme: "HTTPS"},
		"targets left out":   {Port: "http", Relabelings: []kube.Relabeling{{Action: "Keep"}}},
		"another address":    {Port: "http", Relabelings: []kube.Relabeling{{Target: "__address__"}}},
		"relabels to https":  {Port: "http", Relabelings: []kube.Relabeling{{Action: "replace", Target: "__scheme__"}}},
		"port of no service": {TargetPort: &kube.IntOrString{Str: "nosuch"}},
	} {
		t.Run(name, func(t *testing.T) { record(t, healthy).monitor("pay", e).silent(mtd612) })
	}
	record(t, healthy).monitor("pay", kube.MonitorEndpoint{Port: "http", Relabelings: []kube.Relabeling{{Target: "job"}}}).one(mtd612)
	record(t, healthy).monitor("nosuch", httpEndpoint).silent(mtd612)
	record(t, healthy).monitor("legacy", httpEndpoint).silent(mtd612)
	record(t, healthy).podMonitor("nosuch", kube.MonitorEndpoint{PortNumber: 8080}).silent(mtd612)
	unread := record(t, healthy).monitor("pay", httpEndpoint)
	if got := unread.withoutProxy("pay/api").unknowns(mtd612); len(got) == 0 {
		t.Error("pay/api was not read")
	}
	blinded(t, healthy, mtd612)
}
