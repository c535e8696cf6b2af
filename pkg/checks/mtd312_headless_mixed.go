package checks

import (
	"fmt"
	"slices"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/policy"
)

var mtd312 = &diagnose.Check{
	Code: "MTD312", Name: "headless-mixed", Severity: diagnose.Error,
	Title: "an endpoint without a proxy turns a whole headless service to plaintext",
	Doc: diagnose.Doc{
		Meaning: "The cluster of a headless Service is ORIGINAL_DST: it has one transport socket for all endpoints and cannot choose by endpoint as that of a ClusterIP Service does. One endpoint without a proxy makes istiod build it without TLS. " +
			"Its endpoints that are STRICT then refuse every mesh client.",
		Symptoms: []string{
			"some replicas of a StatefulSet or headless Service answer, others reset: 503 UC, on TCP UR",
			"server proxy's log: NR filter_chain_not_found",
			"it begins when one pod is deployed without injection, or during a migration",
		},
		Detection: "The Service is headless (or its DestinationRule says PASSTHROUGH), auto mTLS decides, an endpoint is not labelled security.istio.io/tlsMode: istio, the client's cluster has no transport socket, and the endpoint refuses plaintext.",
		ByHand: []diagnose.Look{
			look("kubectl -n NS get endpointslices -l kubernetes.io/service-name=NAME -o yaml", "the pods behind the headless Service"),
			look("kubectl -n NS get pods -o custom-columns=NAME:.metadata.name,CONTAINERS:.spec.containers[*].name", "one of them has no istio-proxy"),
			seeCluster("type ORIGINAL_DST and no transportSocket"),
		},
		NotThis:    "istiod looks at a cache of endpoints that it renews only when a Service changes: a service that was scaled to zero and back may stay plaintext with all endpoints in the mesh.",
		Fix:        "Give the endpoint a proxy. Until then make those that are STRICT PERMISSIVE.",
		References: []string{"istio/istio#23673", "istio/istio#19703", "pilot/pkg/networking/core/cluster_tls.go"},
	},
	Needs:    []diagnose.Evidence{diagnose.Proxies, diagnose.Services, diagnose.DestinationRules},
	Run:      func(p *diagnose.Pass) { failPlain(p, "MTD312") },
	Describe: describeHeadlessMixed,
}

func describeHeadlessMixed(p *diagnose.Pass, f *diagnose.Finding) {
	e := f.Edges[0]
	host, _ := e.SentTo()
	bare := bareWorkloads(host)
	var names group
	f.Evidence = bothSides(p, e)
	for _, w := range bare {
		names = append(names, workloadName(w))
		f.Workloads = append(f.Workloads, w.Ref)
		f.Evidence = append(f.Evidence, handshake.Fact{
			Layer: handshake.Cluster, Source: "pod " + w.Pods[0].Key().String(), Value: "endpoint of " + f.Subject.String() + " without label security.istio.io/tlsMode: istio",
		})
	}
	f.Fixes = injectAll(p, f, slices.DeleteFunc(slices.Clone(bare), func(w *mesh.Workload) bool { return !outside(w) }))
	strict := servers(f.Edges)
	f.Title = fmt.Sprintf("%s is headless and %s %s no proxy, so clients send plaintext to all of it; %s %s only mutual TLS",
		f.Subject, names, names.verb("has", "have"), strict, strict.verb("accepts", "accept"))
	var open []diagnose.Fix
	for _, w := range distinct(f.Edges, func(e *handshake.Edge) *mesh.Workload { return e.Server.Pod.Workload }) {
		open = append(open, openFix(p, w, slices.DeleteFunc(slices.Clone(f.Edges), func(e *handshake.Edge) bool { return e.Server.Pod.Workload != w }))...)
	}
	f.Fixes = append(f.Fixes, together(open)...)
}

// injectAll gives proxies to workloads, where all of them together heal.
func injectAll(p *diagnose.Pass, f *diagnose.Finding, list []*mesh.Workload) []diagnose.Fix {
	var out []diagnose.Fix
	tried := rewrite(p, func(r *kube.Resources) {
		for _, w := range list {
			editPods(r, w, injected)
		}
	})
	if !tried.mends(f.Edges) {
		return nil
	}
	for _, w := range list {
		out = append(out, injectFix(p, w))
	}
	return together(out)
}

// halfBare reports a port with endpoints that do no mutual TLS, of a host with workloads outside the mesh. Where istiod makes one
// socket for all endpoints, as for a headless Service, it is one of plaintext then.
func halfBare(host *mesh.Host, port uint32) bool {
	return endpoints(host, port) == policy.EndpointsDisabled && slices.ContainsFunc(bareWorkloads(host), outside)
}

// bareWorkloads are the workloads behind a host that istiod does not mark as capable of mutual TLS.
func bareWorkloads(h *mesh.Host) []*mesh.Workload {
	var out []*mesh.Workload
	for _, port := range h.Ports {
		for _, ep := range port.Endpoints {
			if ep.Pod != nil && !labelled(ep.Labels) && !slices.Contains(out, ep.Pod.Workload) {
				out = append(out, ep.Pod.Workload)
			}
		}
	}
	return out
}

// openFix lets plaintext into one workload, by its own policy or a new one, where that heals its edges.
func openFix(p *diagnose.Pass, w *mesh.Workload, edges []*handshake.Edge) []diagnose.Fix {
	from, to, fixes := workloadFix(p, w, "PERMISSIVE")
	if to == nil || !policyHeals(p, from, to, edges) {
		return nil
	}
	fixes[0].Title = "let " + w.String() + " take plaintext too (PERMISSIVE) until every caller can do mutual TLS"
	fixes[0].Risk = "anybody who reaches the pod may then call it without an identity"
	return fixes
}
