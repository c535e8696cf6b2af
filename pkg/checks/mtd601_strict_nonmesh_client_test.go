package checks

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

func TestStrictOutsiders(t *testing.T) {
	const want = "info Namespace shop [] 26: 2 workloads of namespace shop have no proxy (hlmix-out, migration-vlegacy): 5 STRICT workloads refuse them; expected, or your cause if they should get in\n" +
		"info Deployment legacy/naked [] 13: legacy/naked has no proxy: 5 STRICT workloads refuse it; expected, or your cause if it should get in"
	if diff := cmp.Diff(want, record(t, healthy).says(mtd601)); diff != "" {
		t.Error(diff)
	}
}

// Who asks about a pod wants to know why it does not get through: then it is an error.
func TestStrictOutsiderAskedFor(t *testing.T) {
	r := record(t, healthy)
	r.asked = "naked"
	has(t, r.says(mtd601), "error Deployment legacy/naked [] 13: legacy/naked has no proxy, so 5 STRICT workloads refuse it")
	r.asked = "server"
	has(t, r.says(mtd601), "info Deployment legacy/naked")
}

// istiod has no proxy and calls no workload: it is none of those that STRICT keeps out.
func TestIstiodIsNoOutsider(t *testing.T) {
	r := record(t, healthy)
	for _, p := range r.Resources.Pods {
		if p.Namespace == "legacy" {
			p.Labels["app"] = "istiod"
		}
	}
	if got := r.says(mtd601); strings.Contains(got, "legacy/naked") {
		t.Error(got)
	}
}

func TestStrictOutsidersQuietAndBlind(t *testing.T) {
	record(t, "02-permissive-default").quiet(mtd601)
	r := record(t, healthy)
	r.unread(diagnose.Pods)
	r.blind(mtd601, diagnose.Pods)
	r = record(t, healthy)
	r.Proxies = nil
	r.blind(mtd601, diagnose.Proxies)
}

func TestStrictOutsiderFixes(t *testing.T) {
	r := record(t, healthy)
	r.asked = "naked"
	fixes := r.judge(mtd601).Findings[0].Fixes
	if len(fixes) != 1 {
		t.Fatalf("%d fixes: %+v", len(fixes), fixes)
	}
	has(t, fixes[0].Command, "kubectl label namespace legacy istio-injection=enabled")
	has(t, fixes[0].Command, "kubectl -n legacy rollout restart deployment/naked")
	has(t, fixes[0].Risk, "every other pod of namespace legacy")
}

// oneServer leaves pay/api as the only server of the mesh.
func (r *recording) oneServer() {
	r.Resources.Services = slices.DeleteFunc(r.Resources.Services, func(s *kube.Service) bool { return s.Namespace == "shop" })
}

// Who asks about a pod that one server refuses may as well open that port.
func TestStrictOutsiderOfOneServer(t *testing.T) {
	r := record(t, healthy)
	r.asked = "naked"
	r.oneServer()
	fixes := r.judge(mtd601).Findings[0].Fixes
	if len(fixes) != 2 {
		t.Fatalf("%d fixes: %+v", len(fixes), fixes)
	}
	const open = `apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata:
  name: api-open-8080
  namespace: pay
spec:
  mtls:
    mode: STRICT
  portLevelMtls:
    "8080":
      mode: PERMISSIVE
  selector:
    matchLabels:
      app: api
`
	if diff := cmp.Diff(open, fixes[1].Manifest); diff != "" {
		t.Error(diff)
	}
}

// A labelled namespace is not labelled again, and a patch that replaces the pods restarts them.
func TestInjectionTakesNoNeedlessStep(t *testing.T) {
	r := record(t, healthy)
	r.Resources.Namespaces = append(r.Resources.Namespaces, &kube.Namespace{Meta: kube.Meta{Name: "legacy", Labels: map[string]string{"istio-injection": "enabled"}}})
	r.asked = "naked"
	for _, p := range r.pods("naked") {
		p.Labels["sidecar.istio.io/inject"] = "false"
	}
	fix := r.judge(mtd601).Findings[0].Fixes[0]
	const want = `kubectl -n legacy patch deployment naked --type=json -p '[{"op":"remove","path":"/spec/template/metadata/labels/sidecar.istio.io~1inject"}]'`
	if fix.Command != want || strings.Contains(fix.Risk, "every other pod") {
		t.Errorf("%+v", fix)
	}
}

// Pods on the host's network and those of the system are never injected: that
// would not help them.
func TestNotEverythingIsInjected(t *testing.T) {
	for name, spoil := range map[string]func(*kube.Pod){
		"host network": func(p *kube.Pod) { p.Spec.HostNetwork = true },
		"kube-system":  func(p *kube.Pod) { p.Namespace = "kube-system" },
		"istiod's":     func(p *kube.Pod) { p.Namespace = "istio-system" },
	} {
		r := record(t, healthy)
		r.asked = "naked"
		for _, p := range r.Resources.Pods {
			if p.Labels["app"] == "naked" {
				spoil(p)
				p.OwnerReferences = nil
				r.asked = p.Name
			}
		}
		fixes := r.judge(mtd601).Findings[0].Fixes
		if len(fixes) != 1 || fixes[0].Command != "" {
			t.Errorf("%s: %+v", name, fixes)
		}
	}
}

// A workload with a policy of its own gets the port there: a second one would not count.
func TestOpeningUsesTheWorkloadsPolicy(t *testing.T) {
	r := record(t, healthy)
	r.asked = "naked"
	r.oneServer()
	own := &kube.PeerAuthentication{Meta: kube.Meta{Name: "own", Namespace: "pay"}}
	own.Spec.Selector = &kube.Selector{MatchLabels: map[string]string{"app": "api"}}
	r.Resources.PeerAuthentications = append(r.Resources.PeerAuthentications, own)
	const want = `kubectl -n pay patch peerauthentication own --type=merge -p '{"spec":{"portLevelMtls":{"8080":{"mode":"PERMISSIVE"}}}}'`
	fixes := r.judge(mtd601).Findings[0].Fixes
	if got := fixes[len(fixes)-1]; got.Command != want || got.Manifest != "" {
		t.Errorf("%+v", got)
	}
	r.unread(diagnose.PeerAuthentications)
	if fixes := r.judge(mtd601).Findings[0].Fixes; len(fixes) != 1 {
		t.Errorf("policies were not read, so none may be written: %+v", fixes)
	}
}

// To a Prometheus a proxy opens nothing: it is shown the merged metrics, the port, and how to get a certificate.
func TestPrometheusWithoutProxy(t *testing.T) {
	r := record(t, healthy).controller("naked", "prometheus", "")
	r.asked = "naked"
	for _, f := range r.judge(mtd601).Findings {
		var said []string
		for _, fix := range f.Fixes {
			said = append(said, fix.Title)
		}
		all := strings.Join(said, "\n")
		if f.Subject.Name != "naked" {
			if strings.Contains(all, "OUTPUT_CERTS") {
				t.Errorf("%s is no Prometheus: %s", f.Subject, all)
			}
			continue
		}
		has(t, all, "scrape the merged metrics instead, at port 15020")
		has(t, all, "OUTPUT_CERTS")
		if strings.Contains(all, "naked a proxy") {
			t.Error(all)
		}
		complete(t, f)
	}
}
