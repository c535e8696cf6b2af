package checks

import (
	"maps"
	"reflect"
	"sync"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// opened are recordings that tests share. Checks must not change what they look at; the race
// detector sees it if they do.
var opened sync.Map

// shared is a recording for tests that spoil nothing but the maps of proxies and mesh configs,
// or whole lists of resources.
func shared(t testing.TB, name string) *recording {
	t.Helper()
	open, _ := opened.LoadOrStore(name, sync.OnceValue(func() *mesh.Evidence { return record(t, name).Evidence }))
	ev := *open.(func() *mesh.Evidence)()
	ev.Proxies, ev.MeshConfigs = maps.Clone(ev.Proxies), maps.Clone(ev.MeshConfigs)
	return &recording{Evidence: &ev, t: t}
}

// silent fails the test if a check finds anything.
func (r *recording) silent(check *diagnose.Check) {
	r.t.Helper()
	if got := r.says(check); got != "" {
		r.t.Errorf("found: %s", got)
	}
}

// withoutProxy forgets what the proxy of a workload's first pod runs.
func (r *recording) withoutProxy(workload string) *recording {
	r.t.Helper()
	for k, p := range r.Proxies {
		if p == r.proxy(workload) {
			delete(r.Proxies, k)
			return r
		}
	}
	return r
}

// autoOff turns auto mTLS off in the mesh config, though the proxies were not told.
func (r *recording) autoOff() *recording {
	off := false
	r.MeshConfigs = map[string]*kube.MeshConfig{"default": {EnableAutoMTLS: &off}}
	return r
}

// rule is a DestinationRule by name.
func (r *recording) rule(namespace, name string) *kube.DestinationRule {
	r.t.Helper()
	for _, x := range r.Resources.DestinationRules {
		if x.Namespace == namespace && x.Name == name {
			return x
		}
	}
	r.t.Fatalf("no DestinationRule %s/%s", namespace, name)
	return nil
}

// policy is a PeerAuthentication by name.
func (r *recording) policy(namespace, name string) *kube.PeerAuthentication {
	r.t.Helper()
	for _, x := range r.Resources.PeerAuthentications {
		if x.Namespace == namespace && x.Name == name {
			return x
		}
	}
	r.t.Fatalf("no PeerAuthentication %s/%s", namespace, name)
	return nil
}

// pods are the pods with an app label.
func (r *recording) pods(app string) []*kube.Pod {
	var out []*kube.Pod
	for _, p := range r.Resources.Pods {
		if p.Labels["app"] == app {
			out = append(out, p)
		}
	}
	return out
}

// fires checks what a recorded fault says: it begins with severity, subject, field and number
// of edges, and one of its fixes has that command or manifest.
func fires(t *testing.T, name string, check *diagnose.Check, says, fix string) {
	t.Helper()
	f := shared(t, name).one(check)
	has(t, lines([]*diagnose.Finding{f}), says)
	hasFix(t, f, fix)
	if len(f.Evidence) < 2 {
		t.Errorf("evidence: %+v", f.Evidence)
	}
}

// sameManifest reports whether two texts of YAML say the same.
func sameManifest(a, b string) bool {
	var x, y any
	return yaml.Unmarshal([]byte(a), &x) == nil && yaml.Unmarshal([]byte(b), &y) == nil && reflect.DeepEqual(x, y)
}

func hasFix(t *testing.T, f *diagnose.Finding, want string) {
	t.Helper()
	for _, x := range f.Fixes {
		if x.Command == want || x.Manifest != "" && sameManifest(x.Manifest, want) {
			return
		}
	}
	t.Errorf("no fix is %s\nbut: %+v", want, f.Fixes)
}

// blinded checks that a check says so when each kind of evidence that it needs is missing, and
// that a proxy which was not read leaves its edges unknown.
func blinded(t *testing.T, name string, check *diagnose.Check) {
	t.Helper()
	whole := shared(t, name)
	for _, need := range check.Needs {
		evidence := *whole.Evidence
		r := &recording{Evidence: &evidence, t: t}
		switch need {
		case diagnose.Proxies:
			r.Proxies = nil
		case diagnose.MeshConfig:
			r.MeshConfigs = nil
		default:
			r.unread(need)
		}
		r.blind(check, need)
	}
}

// unseenProxy checks that edges of a proxy which was not read are unknown to a check.
func unseenProxy(t *testing.T, name, workload string, check *diagnose.Check) {
	t.Helper()
	if got := shared(t, name).withoutProxy(workload).unknowns(check); len(got) == 0 {
		t.Errorf("%s was not read, and %s does not say so", workload, check.Code)
	}
}

func (*recording) selector(label, value string) *kube.Selector {
	return &kube.Selector{MatchLabels: map[string]string{label: value}}
}

// stranger adds a pod to an app's workload that comes first by name and has no labels.
func (r *recording) stranger(app string) {
	pod := *r.pods(app)[0]
	pod.Name, pod.Labels = "0-"+pod.Name, nil
	r.Resources.Pods = append(r.Resources.Pods, &pod)
}
