package checks

import (
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// unready takes readiness from the pods of shop/server.
func (r *recording) unready() {
	for _, p := range r.pods("server") {
		for i := range p.Status.Conditions {
			if p.Status.Conditions[i].Type == "Ready" {
				p.Status.Conditions[i].Status = "False"
			}
		}
	}
}

// probe gives the application's container of shop/server a readiness probe.
func (r *recording) probe(target kube.ProbeTarget) {
	for _, p := range r.pods("server") {
		p.Spec.Containers[0].ReadinessProbe = &kube.Probe{HTTPGet: &target}
	}
}

func TestStrictProbe(t *testing.T) {
	r := record(t, healthy)
	r.probe(kube.ProbeTarget{Port: kube.IntOrString{Str: "http"}})
	r.annotate("shop", "server", rewriteProbes, "false")
	r.unready()
	f := r.one(mtd602)
	has(t, lines([]*diagnose.Finding{f}), "error Deployment shop/server [spec.template.spec.containers[0].readinessProbe] 0: "+
		"the kubelet probes port 8080 of shop/server in plaintext, where its proxy accepts only mutual TLS, and the pod is not ready")
	hasFix(t, f, `kubectl -n shop patch deployment server --type=json -p '[{"op":"remove","path":"/spec/template/metadata/annotations/sidecar.istio.io~1rewriteAppHTTPProbers"}]'`)
	has(t, f.Fixes[1].Manifest, "\"8080\":\n      mode: PERMISSIVE")
	complete(t, f)
}

// A liveness probe restarts a pod that is ready now and then.
func TestStrictLivenessProbe(t *testing.T) {
	r := record(t, healthy)
	for _, p := range r.pods("server") {
		p.Spec.Containers[0].LivenessProbe = &kube.Probe{GRPC: &kube.ProbeTarget{Port: kube.IntOrString{Int: 9000}}}
	}
	f := r.one(mtd602)
	has(t, lines([]*diagnose.Finding{f}), "warning Deployment shop/server [spec.template.spec.containers[0].livenessProbe] 0: the kubelet probes port 9000 of shop/server")
	has(t, f.Title, "though the pod is ready")
	has(t, facts(f), "annotation sidecar.istio.io/rewriteAppHTTPProbers: not set on the pod")
}

// Without a policy that may be written there is still something to say.
func TestStrictProbeOtherwise(t *testing.T) {
	r := record(t, healthy)
	r.probe(kube.ProbeTarget{Port: kube.IntOrString{Int: 8080}})
	r.unready()
	r.unread(diagnose.PeerAuthentications)
	has(t, r.one(mtd602).Fixes[0].Title, "have the injector write the proxy")
}

func TestStrictProbeQuietAndBlind(t *testing.T) {
	shared(t, healthy).silent(mtd602)
	rewritten := record(t, healthy)
	rewritten.probe(kube.ProbeTarget{Port: kube.IntOrString{Int: 15020}, Path: "/app-health/app/readyz"})
	rewritten.unready()
	rewritten.silent(mtd602)
	works := record(t, healthy)
	works.probe(kube.ProbeTarget{Port: kube.IntOrString{Int: 8080}})
	works.quiet(mtd602) // the pod is ready, so the probe gets through
	open := record(t, "02-permissive-default")
	open.probe(kube.ProbeTarget{Port: kube.IntOrString{Int: 8080}})
	open.unready()
	open.quiet(mtd602)
	tcp := record(t, healthy)
	for _, p := range tcp.pods("server") {
		p.Spec.Containers[0].ReadinessProbe = &kube.Probe{TCPSocket: &kube.ProbeTarget{Port: kube.IntOrString{Int: 8080}}}
	}
	tcp.unready()
	tcp.silent(mtd602)
	blinded(t, healthy, mtd602)
	unseenProxy(t, healthy, "shop/server", mtd602)
}
