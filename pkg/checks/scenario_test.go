package checks

import (
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// silent fails the test if a check finds anything.
func (r *recording) silent(check *diagnose.Check) {
	r.t.Helper()
	if got := r.says(check); got != "" {
		r.t.Errorf("found: %s", got)
	}
}

// withoutProxies forgets every proxy's config, and withoutProxy that of one workload's pods.
func (r *recording) withoutProxies() *recording {
	r.Proxies = nil
	return r
}

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

// without forgets a kind of resources.
func (r *recording) without(kind diagnose.Evidence) *recording {
	r.unread(kind)
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
	f := record(t, name).one(check)
	has(t, lines([]*diagnose.Finding{f}), says)
	hasFix(t, f, fix)
	if len(f.Evidence) < 2 {
		t.Errorf("evidence: %+v", f.Evidence)
	}
}

func hasFix(t *testing.T, f *diagnose.Finding, want string) {
	t.Helper()
	for _, x := range f.Fixes {
		if x.Command == want || x.Manifest == want {
			return
		}
	}
	t.Errorf("no fix is %s\nbut: %+v", want, f.Fixes)
}

// blinded checks that a check says so when each kind of evidence that it needs is missing, and
// that a proxy which was not read leaves its edges unknown.
func blinded(t *testing.T, name string, check *diagnose.Check) {
	t.Helper()
	for _, need := range check.Needs {
		switch need {
		case diagnose.Proxies:
			record(t, name).withoutProxies().blind(check, need)
		case diagnose.MeshConfig:
			r := record(t, name)
			r.MeshConfigs = nil
			r.blind(check, need)
		default:
			record(t, name).without(need).blind(check, need)
		}
	}
}

// unseenProxy checks that edges of a proxy which was not read are unknown to a check.
func unseenProxy(t *testing.T, name, workload string, check *diagnose.Check) {
	t.Helper()
	if got := record(t, name).withoutProxy(workload).unknowns(check); len(got) == 0 {
		t.Errorf("%s was not read, and %s does not say so", workload, check.Code)
	}
}

func (*recording) selector(label, value string) *kube.Selector {
	return &kube.Selector{MatchLabels: map[string]string{label: value}}
}
