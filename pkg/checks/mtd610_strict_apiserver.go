package checks

import (
	"fmt"
	"slices"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

var mtd610 = &diagnose.Check{
	Code: "MTD610", Name: "strict-apiserver", Severity: diagnose.Error,
	Title: "the API server calls a webhook or an API of pods that accept only mutual TLS",
	Doc: diagnose.Doc{
		Meaning: "The API server is outside the mesh: it speaks TLS, but has no certificate of the mesh. A proxy that is STRICT on the port refuses it. Admission webhooks that fail closed then stop objects from being created in the whole cluster; an aggregated API is not available.",
		Symptoms: []string{
			"failed calling webhook …: x509: certificate is not valid for any names, but wanted to match NAME.NAMESPACE.svc",
			"failed calling webhook …: EOF, connection reset by peer, tls: certificate required",
			"kubectl get apiservices: False (FailedDiscoveryCheck)",
		},
		Detection: "A Validating- or MutatingWebhookConfiguration, or an APIService, names a Service that leads to a pod with a sidecar, which accepts only mutual TLS on that port. A warning where the webhook's failurePolicy is Ignore.",
		ByHand: []diagnose.Look{
			look("kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations,apiservices -o yaml", "the Service that clientConfig or spec.service names"),
			look("kubectl get apiservices", "False (FailedDiscoveryCheck)"),
			seeInbound("every filterChainMatch for the port has transportProtocol tls: it refuses plaintext"),
		},
		NotThis:    "The injector's own webhook leads to istiod, which has no sidecar. A webhook whose service does not answer at all is not a matter of mutual TLS.",
		Fix:        "Open the one port (PERMISSIVE), which lets the API server's own TLS through. Or run the webhook without a proxy.",
		References: []string{"istio/istio#39290", "istio/istio#52874", "istio/istio#34543"},
	},
	Needs:    []diagnose.Evidence{diagnose.Proxies, diagnose.Services},
	Run:      strictAPIServer,
	Describe: describeAPIServer,
}

// apiCall is a Service that the API server calls, and on whose behalf.
type apiCall struct {
	by      string // "ValidatingWebhookConfiguration policy, webhook check.example.com"
	to      *kube.ServiceReference
	ignored bool // failures are
}

// readsAPICalls reports whether something that says whom the API server calls is in the evidence.
func readsAPICalls(p *diagnose.Pass) bool {
	kinds := []diagnose.Evidence{diagnose.ValidatingWebhooks, diagnose.MutatingWebhooks, diagnose.APIServices}
	return slices.ContainsFunc(kinds, func(kind diagnose.Evidence) bool { return p.Resources.HasRead(string(kind)) })
}

// apiCalls are the Services that the API server calls.
func apiCalls(p *diagnose.Pass) []apiCall {
	var out []apiCall
	add := func(kind string, list []*kube.WebhookConfiguration) {
		for _, c := range list {
			for _, w := range c.Webhooks {
				out = append(out, apiCall{fmt.Sprintf("%s %s, webhook %s", kind, c.Name, w.Name), w.ClientConfig.Service, w.FailurePolicy == "Ignore"})
			}
		}
	}
	add("ValidatingWebhookConfiguration", p.Resources.ValidatingWebhooks)
	add("MutatingWebhookConfiguration", p.Resources.MutatingWebhooks)
	for _, a := range p.Resources.APIServices {
		out = append(out, apiCall{"APIService " + a.Name, a.Spec.Service, false})
	}
	return out
}

func strictAPIServer(p *diagnose.Pass) {
	if !readsAPICalls(p) { // archives of others do not hold them: a gap only where the cluster was asked
		p.NotApplicable()
		return
	}
	for _, call := range apiCalls(p) {
		if call.to == nil || !concerned(p, call.to.Namespace) {
			p.NotApplicable()
			continue
		}
		for _, ep := range endpointsAt(p, fqdn(p, call.to.Name, call.to.Namespace), numbered(call.to.Number())) {
			judgeAPICall(p, call, ep)
		}
	}
}

func judgeAPICall(p *diagnose.Pass, call apiCall, ep mesh.Endpoint) {
	at, shut := shutsOutside(p, ep)
	if !shut {
		return
	}
	f := diagnose.Finding{
		Subject: ep.Pod.Workload.Ref, Field: fmt.Sprintf("port %d", at), Port: at, Group: call.by, Pod: ep.Pod, Workloads: []kube.Ref{ep.Pod.Workload.Ref},
		Title: fmt.Sprintf("the API server calls port %d of %s (%s), which accepts only mutual TLS", at, workloadName(ep.Pod.Workload), call.by),
		Evidence: []handshake.Fact{
			{Layer: handshake.Cluster, Source: call.by, Value: fmt.Sprintf("calls Service %s/%s port %d", call.to.Namespace, call.to.Name, call.to.Number())},
			listenerFact(p, ep.Pod, at),
		},
	}
	if call.ignored {
		f.Severity = diagnose.Warning
	}
	p.Failed(f)
}

func describeAPIServer(p *diagnose.Pass, f *diagnose.Finding) {
	f.Fixes = openPort(p, f.Pod, f.Port, fmt.Sprintf("open port %d to the API server", f.Port))
	if len(f.Fixes) == 0 {
		f.Fixes = []diagnose.Fix{{Title: "open the port with portLevelMtls PERMISSIVE, or run the workload without a proxy"}}
	}
}
