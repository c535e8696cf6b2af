package checks

import (
	"slices"
	"strings"
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// A fix that breaks others is none, whoever asks: here only a pod whose calls no rule touches.
func TestHealsLooksBeyondTheScope(t *testing.T) {
	r := shared(t, healthy)
	rule := &kube.DestinationRule{Meta: kube.Meta{Name: "naked", Namespace: "legacy"}}
	rule.Spec.Host = "naked.legacy.svc.cluster.local"
	rule.Spec.TrafficPolicy = &kube.TrafficPolicy{TLS: &kube.ClientTLS{Mode: "ISTIO_MUTUAL"}}
	asked := false
	probe := &diagnose.Check{Code: "MTD999", Run: func(p *diagnose.Pass) {
		asked = true
		if heals(p, append(slices.Clone(p.Resources.DestinationRules), rule), nil) {
			t.Error("clients of naked, which has no proxy, would send it mutual TLS")
		}
		if !heals(p, p.Resources.DestinationRules, nil) {
			t.Error("nothing changes, so nothing breaks")
		}
	}}
	in := func(p *mesh.Pod) bool { return strings.HasPrefix(p.Name, "migration-") }
	if diagnose.Run(mesh.New(r.Evidence), []*diagnose.Check{probe}, diagnose.Scope{In: in}); !asked {
		t.Error("the check did not run")
	}
}

// The namespace may not go PERMISSIVE while a headless workload in it is DISABLE by its own
// policy: clients would then send mutual TLS to all of its pods.
func TestPolicyFixThatBreaksOthers(t *testing.T) {
	patched := func(r *recording) bool {
		return strings.Contains(r.one(mtd306).Fixes[0].Command, "patch peerauthentication default")
	}
	r := record(t, "06-pa-parent-disable-child-strict")
	if !patched(r) {
		t.Error("without it the namespace may")
	}
	own := &kube.PeerAuthentication{Meta: kube.Meta{Name: "hl", Namespace: "shop"}}
	own.Spec.Selector, own.Spec.MTLS = r.selector("app", "hl"), &kube.MutualTLS{Mode: "DISABLE"}
	r.Resources.PeerAuthentications = append(r.Resources.PeerAuthentications, own)
	if patched(r) {
		t.Error("it is offered")
	}
}

// A call that a route leads elsewhere is stopped by what changes there, not by what changes at the host that was dialled.
func TestStopsBehindARoute(t *testing.T) {
	r := record(t, healthy)
	r.reroute("outbound|80||" + serverHost)
	disable := func(host string) *kube.DestinationRule {
		rule := &kube.DestinationRule{Meta: kube.Meta{Name: "plain", Namespace: "shop"}}
		rule.Spec.Host, rule.Spec.TrafficPolicy = host, &kube.TrafficPolicy{TLS: &kube.ClientTLS{Mode: "DISABLE"}}
		return rule
	}
	tried := 0
	probe := &diagnose.Check{Code: "MTD999", Run: func(p *diagnose.Pass) {
		for _, host := range []string{serverHost, "api.pay.svc.cluster.local"} {
			w := rewrite(p, func(r *kube.Resources) { r.DestinationRules = append(slices.Clone(r.DestinationRules), disable(host)) })
			for _, e := range w.stops(func(h *mesh.Host) bool { return h.Name == host }) {
				if routed, _ := e.SentTo(); routed.Name != host {
					t.Errorf("the rule for %s stops a call of %s that is sent to %s", host, e.Server.Name, routed.Name)
				} else if e.Server.Name != host {
					tried++
				}
			}
		}
	}}
	if diagnose.Run(mesh.New(r.Evidence), []*diagnose.Check{probe}, diagnose.Scope{}); tried == 0 {
		t.Error("no call that was routed is stopped")
	}
}

// A headless Service makes the addresses of pods known to proxies by its ports of TCP alone: those of HTTP are routes by name.
func TestHeadlessServiceIsTriedByItsProtocol(t *testing.T) {
	r := shared(t, "19-strict-pod-ip")
	tried := 0
	probe := &diagnose.Check{Code: "MTD999", Run: strictPodIP, Describe: func(p *diagnose.Pass, f *diagnose.Finding) {
		for _, e := range f.Edges {
			for name, mends := range map[string]bool{"tcp": true, "http": false, "grpc-web": false, "https": true} {
				svc, pods := headlessService(p, e.Server.Pod.Workload, "server", []uint32{serverPort(e)})
				svc.Spec.Ports[0].Name, pods.Ports[0].Name = name, name
				w := rewrite(p, func(r *kube.Resources) {
					r.Services, r.EndpointSlices = append(slices.Clone(r.Services), svc), append(slices.Clone(r.EndpointSlices), pods)
				})
				if tried++; w.mends([]*handshake.Edge{e}) != mends {
					t.Errorf("%s to %s, port named %s: mends %t", e.Client.Key(), e.Server.Address, name, !mends)
				}
			}
		}
	}}
	if diagnose.Run(mesh.New(r.Evidence), []*diagnose.Check{probe}, diagnose.Scope{}); tried == 0 {
		t.Error("nothing was tried")
	}
}

// A rule changes nothing for a client whose proxy is not told of the host.
func TestRulesDoNotReachTheUnaware(t *testing.T) {
	r := shared(t, "18-sidecar-egress-hides-service")
	rule := &kube.DestinationRule{Meta: kube.Meta{Name: "server", Namespace: "shop"}}
	rule.Spec.Host = "server.shop.svc.cluster.local"
	rule.Spec.TrafficPolicy = &kube.TrafficPolicy{TLS: &kube.ClientTLS{Mode: "ISTIO_MUTUAL"}}
	tried := 0
	probe := &diagnose.Check{Code: "MTD999", Run: func(p *diagnose.Pass) {
		for e := range p.Known() {
			if e.Server.Host.Name != rule.Spec.Host || !e.Client.HasProxy() {
				continue
			}
			tried++
			if got := heals(p, []*kube.DestinationRule{rule}, []*handshake.Edge{e}); got != e.Verdict.Works() {
				t.Errorf("from %s: %v", e.Client.Key(), got)
			}
		}
	}}
	if diagnose.Run(mesh.New(r.Evidence), []*diagnose.Check{probe}, diagnose.Scope{}); tried == 0 {
		t.Error("nothing was tried")
	}
}
