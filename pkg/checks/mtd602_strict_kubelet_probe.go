package checks

import (
	"fmt"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

var mtd602 = &diagnose.Check{
	Code: "MTD602", Name: "strict-kubelet-probe", Severity: diagnose.Error,
	Title: "the kubelet's probe of a pod meets a port that accepts only mutual TLS",
	Doc: diagnose.Doc{
		Meaning: "The kubelet is outside the mesh and probes in plaintext. Injection therefore rewrites HTTP and gRPC probes so that they go to the agent (port 15020), which asks the application. Where that is turned off, or the proxy was not injected, the probe goes to the application's port; a STRICT proxy refuses it, and the pod does not become ready, or is restarted again and again.",
		Symptoms: []string{
			"Readiness probe failed: Get \"http://10.1.2.3:8080/healthz\": read: connection reset by peer, or EOF",
			"all pods of the workload are NotReady since STRICT was turned on",
			"gRPC: Readiness probe failed: error: timeout, or transport: connection reset",
		},
		Detection: "An httpGet or grpc probe of a container other than the proxy names a port other than the agent's, the pod's inbound listener accepts only mutual TLS there, and the pod is not ready. A warning while the pod is ready, for a probe that may restart it.",
		ByHand: []diagnose.Look{
			seePod("a probe whose port is not 15020 or 15021, and the annotation sidecar.istio.io/rewriteAppHTTPProbers"),
			look("kubectl -n NS get events --field-selector involvedObject.name=POD", "Readiness probe failed: connection reset, or EOF"),
			seeInbound("every filterChainMatch for the port has transportProtocol tls: it refuses plaintext"),
		},
		NotThis:    "TCP probes succeed as soon as the proxy accepts the connection, whatever it does then. A probe that fails on a PERMISSIVE port is the application's.",
		Fix:        "Let injection rewrite the probes: remove the annotation sidecar.istio.io/rewriteAppHTTPProbers: \"false\". Or open the port of the probe.",
		References: []string{"istio.io/docs/ops/configuration/mesh/app-health-check", "istio.io/docs/reference/config/annotations/#SidecarRewriteAppHTTPProbers"},
	},
	Needs:    []diagnose.Evidence{diagnose.Proxies, diagnose.Pods},
	Run:      strictProbe,
	Describe: describeProbe,
}

// agentPorts are those on which istio-agent and Envoy answer probes themselves.
const (
	agentPort = 15020
	readyPort = 15021
)

const rewriteProbes = "sidecar.istio.io/rewriteAppHTTPProbers"

// probed is a probe that meets the application's own port.
type probed struct {
	path string // of the probe in the pod template
	port uint32
	kind string // readinessProbe, livenessProbe, startupProbe
}

func strictProbe(p *diagnose.Pass) {
	for pod := range p.ProxyPods() {
		if pod.Plane != mesh.Sidecar {
			p.NotApplicable()
			continue
		}
		for _, x := range probesOf(pod) {
			if !strict(p, pod, x.port) || pod.Ready() && x.kind == "readinessProbe" {
				p.Passed()
				continue
			}
			f := diagnose.Finding{Subject: pod.Workload.Ref, Field: x.path, Port: x.port, Pod: pod, Workloads: []kube.Ref{pod.Workload.Ref}}
			if pod.Ready() {
				f.Severity = diagnose.Warning
			}
			p.Failed(f)
		}
	}
}

// probesOf are the HTTP and gRPC probes of a pod's application that are not rewritten.
func probesOf(pod *mesh.Pod) []probed {
	var out []probed
	for _, c := range pod.Spec.Containers {
		if c.Name == kube.ProxyContainer {
			continue
		}
		for _, x := range []struct {
			kind  string
			probe *kube.Probe
		}{{"readinessProbe", c.ReadinessProbe}, {"livenessProbe", c.LivenessProbe}, {"startupProbe", c.StartupProbe}} {
			if port := probePort(pod, x.probe); port != 0 {
				out = append(out, probed{containerPath(pod, c.Name) + "." + x.kind, port, x.kind})
			}
		}
	}
	return out
}

// probePort is the application's port that a probe speaks to; 0 when there is none.
func probePort(pod *mesh.Pod, probe *kube.Probe) uint32 {
	if probe == nil {
		return 0
	}
	for _, target := range []*kube.ProbeTarget{probe.HTTPGet, probe.GRPC} {
		if target == nil {
			continue
		}
		if port := portOf(pod, target.Port); port != agentPort && port != readyPort {
			return port
		}
	}
	return 0
}

func describeProbe(p *diagnose.Pass, f *diagnose.Finding) {
	pod, port := f.Pod, f.Port
	effect := "and the pod is not ready"
	if f.Severity == diagnose.Warning {
		effect = "though the pod is ready: see whether it is restarted"
	}
	f.Title = fmt.Sprintf("the kubelet probes port %d of %s in plaintext, where its proxy accepts only mutual TLS, %s", port, workloadName(pod.Workload), effect)
	value, own := pod.Annotations[rewriteProbes]
	if !own {
		value = "not set on the pod"
	}
	f.Evidence = []handshake.Fact{
		{Layer: handshake.Cluster, Source: "pod " + pod.Key().String() + " " + f.Field, Value: fmt.Sprintf("port %d, which the agent does not answer", port)},
		{Layer: handshake.Cluster, Source: "pod " + pod.Key().String() + " annotation " + rewriteProbes, Value: value},
		listenerFact(p, pod, port),
		{Layer: handshake.Observed, Source: "pod " + pod.Key().String() + " status", Value: readyText(pod)},
	}
	if own {
		f.Fixes = []diagnose.Fix{{
			Title: "let injection rewrite the probes: remove the annotation", Command: jsonPatch(f.Subject, remove(annotationPointer(pod.Workload, rewriteProbes))), Risk: "the pods restart",
		}}
	}
	f.Fixes = append(f.Fixes, openPort(p, pod, port, fmt.Sprintf("open port %d to the kubelet", port))...)
	if len(f.Fixes) == 0 {
		f.Fixes = []diagnose.Fix{{Title: "have the injector write the proxy, which rewrites the probes (Helm: sidecarInjectorWebhook.rewriteAppHTTPProbe)"}}
	}
}

func readyText(pod *mesh.Pod) string {
	if pod.Ready() {
		return "ready"
	}
	return "not ready"
}
