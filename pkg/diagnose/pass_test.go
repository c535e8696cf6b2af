package diagnose

import (
	"iter"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/policy"
)

// passOver is a pass over hand-made edges.
func passOver(s *mesh.Snapshot, scope Scope, edges ...*handshake.Edge) *Pass {
	w := newWorld(s, scope)
	w.edges = edges
	return newPass(w, &Check{Code: "MTD301", Severity: Error})
}

func count[T any](seq iter.Seq[T]) int {
	n := 0
	for range seq {
		n++
	}
	return n
}

// What has no verdict is not judged, and the pod that was not seen is named once.
func TestKnown(t *testing.T) {
	s := snapshot()
	e := edges(s, "ab", "ac", "cb", "db")
	for _, x := range e[1:] {
		x.Verdict, x.Why = handshake.Unknown, "not read"
	}
	e[1].Reason = handshake.ClientUnread
	e[1].Blockers = []handshake.Blocker{{Reason: handshake.NotModelled}, {Reason: handshake.ClientUnread, Subject: kube.PodRef(e[1].Client.Key())}}
	e[3].Server.Pod = nil
	p := passOver(s, Scope{}, append(e, e[2])...)
	if n := count(p.Known()); n != 1 {
		t.Errorf("%d edges", n)
	}
	pod := func(name string) kube.Ref { return kube.Ref{Kind: "Pod", Namespace: "n", Name: name} }
	want := []Unknown{{pod("a"), "not read"}, {pod("b"), "not read"}, {pod("d"), "not read"}}
	if diff := cmp.Diff(want, p.outcome.Unknown); diff != "" {
		t.Error(diff)
	}
}

// Every iteration may be left early.
func TestLeaveEarly(*testing.T) {
	s := snapshot()
	p := passOver(s, Scope{}, edges(s, "ab", "cd")...)
	for range p.Known() {
		break
	}
	for range p.ScopedPods() {
		break
	}
	for range p.ProxyPods() {
		break
	}
}

func TestProxyPods(t *testing.T) {
	s := snapshot()
	s.Pods[0].Proxy, s.Pods[0].Plane = &envoy.Proxy{}, mesh.Sidecar
	s.Pods[1].Plane, s.Pods[1].Unread = mesh.Sidecar, "timed out"
	p := passOver(s, Scope{})
	if n := count(p.ProxyPods()); n != 1 {
		t.Errorf("%d pods", n)
	}
	if diff := cmp.Diff([]Unknown{{kube.PodRef(s.Pods[1].Key()), "timed out"}}, p.outcome.Unknown); diff != "" {
		t.Error(diff)
	}
}

func TestScope(t *testing.T) {
	s := snapshot()
	named := func(name string) func(*mesh.Pod) bool { return func(p *mesh.Pod) bool { return p.Name == name } }
	p := passOver(s, Scope{In: named("a"), Asked: named("b")})
	if count(p.ScopedPods()) != 1 || !p.InScope(s.Pods[0]) || p.InScope(s.Pods[1]) {
		t.Error("the scope is a")
	}
	if p.Asked(s.Pods[0]) || !p.Asked(s.Pods[1]) {
		t.Error("b was asked about")
	}
	p = passOver(s, Scope{})
	if count(p.ScopedPods()) != 4 || p.Asked(s.Pods[0]) {
		t.Error("no scope is everything, and nobody in particular")
	}
	r := Run(s, nil, Scope{In: named("a")})
	if !r.InScope(s.Pods[0]) || r.InScope(s.Pods[1]) || len(r.Edges()) != 0 {
		t.Error("a result knows its scope")
	}
}

// The rules answer once for all clients that get the same answer, and by client where a rule
// selects some.
func TestRules(t *testing.T) {
	s := snapshot()
	e := edges(s, "ab", "cb")
	for _, x := range e {
		x.Server.Host = &mesh.Host{Name: "b.n.svc.cluster.local", Namespace: "n"}
	}
	e[1].Server.Host = e[0].Server.Host
	rule := &kube.DestinationRule{Meta: kube.Meta{Namespace: "n", Name: "b"}}
	rule.Spec.Host = "b"
	rule.Spec.TrafficPolicy = &kube.TrafficPolicy{TLS: &kube.ClientTLS{Mode: "DISABLE"}}
	w := newWorld(s, Scope{})
	if got := w.Rule(e[0]); got.Rule != nil {
		t.Errorf("there is none: %s", got)
	}

	for _, selector := range []*kube.Selector{nil, {MatchLabels: map[string]string{"app": "a"}}} {
		rule.Spec.WorkloadSelector = selector
		s.Pods[0].Labels = map[string]string{"app": "a"}
		rules := newRules([]*kube.DestinationRule{rule}, policyConfig(s))
		if got := rules.of(e[0]); got.Mode != policy.TLSDisable || got.Rule != rule {
			t.Errorf("%s", got)
		}
		if got := rules.of(e[1]); (got.Rule == nil) != (selector != nil) {
			t.Errorf("selector %v: %s", selector, got)
		}
		want := 1
		if selector != nil {
			want = 2
		}
		if rules.of(e[0]); len(rules.known) != want {
			t.Errorf("selector %v: %d answers are known", selector, len(rules.known))
		}
	}
	e[0].Server.Host = nil
	if got := newRules([]*kube.DestinationRule{rule}, policyConfig(s)).of(e[0]); got.Rule != nil {
		t.Error("no registry knows where it leads")
	}
}

func TestModeIsRemembered(t *testing.T) {
	s := snapshot()
	w := newWorld(s, Scope{})
	if got := w.Mode(s.Pods[0]); got.Workload.Mode != policy.Permissive {
		t.Errorf("%s", got.Workload)
	}
	if _, ok := w.modes[s.Pods[0]]; !ok {
		t.Error("it is not")
	}
}

// A pass over other resources leaves those of the evidence alone.
func TestRewritten(t *testing.T) {
	s := snapshot()
	p := passOver(s, Scope{})
	was := s.Pods[0]
	now := p.Rewritten(func(r *kube.Resources) {
		r.PeerAuthentications = []*kube.PeerAuthentication{{Meta: kube.Meta{Namespace: was.Namespace, Name: "x"}, Spec: kube.PeerAuthenticationSpec{MTLS: &kube.MutualTLS{Mode: "STRICT"}}}}
	})
	if got := now.Mode(now.Snapshot.Pod(was.Key())).Workload.Mode; got != policy.Strict {
		t.Errorf("the new policy: %s", got)
	}
	if got := p.Mode(was).Workload.Mode; got != policy.Permissive || len(s.Resources.PeerAuthentications) > 0 {
		t.Errorf("the mesh as it is: %s", got)
	}
	if count(now.Edges()) != 0 {
		t.Error("no proxy runs that config yet")
	}
}
