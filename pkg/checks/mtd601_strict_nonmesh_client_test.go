package checks

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

func TestStrictOutsiders(t *testing.T) {
	const want = "info Namespace shop [] 26: 2 workloads of namespace shop have no proxy (hlmix-out, migration-vlegacy): 5 STRICT workloads refuse them; expected, or your cause if it should get in\n" +
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
	if len(fixes) != 2 {
		t.Fatalf("%d fixes: %+v", len(fixes), fixes)
	}
	has(t, fixes[0].Command, "kubectl label namespace legacy istio-injection=enabled")
	has(t, fixes[0].Command, "kubectl -n legacy rollout restart deployment/naked")
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

// Pods on the host's network and those of the system are never injected: one port is all that
// can be done for them.
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
		if len(fixes) != 1 || fixes[0].Manifest == "" {
			t.Errorf("%s: %+v", name, fixes)
		}
	}
}

// A workload with a policy of its own gets the port there: a second one would not count.
func TestOpeningUsesTheWorkloadsPolicy(t *testing.T) {
	r := record(t, healthy)
	r.asked = "naked"
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
