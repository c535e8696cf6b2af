package checks

import (
	"fmt"
	"slices"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

var mtd322 = &diagnose.Check{
	Code: "MTD322", Name: "endpoint-tlsmode-missing", Severity: diagnose.Error,
	Title: "pods with a proxy lack the label by which clients know that they do mutual TLS",
	Doc: diagnose.Doc{
		Meaning: "istiod tells clients of an endpoint that it does mutual TLS when its pod has the label security.istio.io/tlsMode: istio, which injection sets. A pod with a proxy and without the label, or with another value, gets plaintext from every client; if it is STRICT it refuses all of them. " +
			"Behind a headless Service one such pod turns the whole Service to plaintext. An EndpointSlice written by hand that names pods of another namespace has the same effect: istiod does not find the pods.",
		Symptoms: []string{
			"every mesh client fails: HTTP 503 UC, on TCP UR; server proxy's log: NR filter_chain_not_found",
			"the proxy was written into the pod by hand, or by a template of one's own",
			"istioctl proxy-config endpoints shows no tlsMode for the address",
		},
		Detection: "No DestinationRule sets tls, auto mTLS is on, the endpoint's pod has a proxy and not the label, the client's cluster sends plaintext and the server refuses it.",
		ByHand: []diagnose.Look{
			look("kubectl -n NS get pods -L security.istio.io/tlsMode", "pods with istio-proxy and without istio in that column"),
			seeEndpoints("no transport_socket_match for the address"),
		},
		NotThis:    "An endpoint that has no proxy at all behind a headless Service is MTD312. Endpoints of a ServiceEntry have labels of their own (MTD320).",
		Fix:        "Set the label in the pod template, or let the injector write the proxy.",
		References: []string{"istio/istio#17837", "pilot/pkg/xds/endpoints/mtls_checker.go", "istio.io/docs/reference/config/labels/#SecurityTlsMode"},
	},
	Needs:    []diagnose.Evidence{diagnose.Proxies, diagnose.Pods, diagnose.Services, diagnose.DestinationRules},
	Run:      func(p *diagnose.Pass) { failPlain(p, "MTD322") },
	Describe: describeUnlabelled,
}

// unlabelled blames the workload whose pods istiod does not know to do mutual TLS though they have a
// proxy, or the Service whose hand-written endpoints hide that from it. All says that any endpoint of
// the host counts, not only that of the edge. Gateways never have the label.
func unlabelled(e *handshake.Edge, all bool) culprit {
	if !meshed(e) || e.Server.Pod.Plane != mesh.Sidecar {
		return culprit{}
	}
	var bare []*mesh.Workload
	host, _ := e.SentTo()
	if ep := endpointOf(e); all {
		bare = bareWorkloads(host)
	} else if ep != nil && !labelled(ep.Labels) {
		bare = []*mesh.Workload{e.Server.Pod.Workload}
	}
	if len(bare) == 0 {
		return culprit{}
	}
	i := slices.IndexFunc(bare, func(w *mesh.Workload) bool { return unlabelledPod(w) != nil })
	if i < 0 {
		return culprit{"MTD322", host.Ref, "spec.selector", nil}
	}
	return culprit{"MTD322", bare[i].Ref, podMetadata(bare[i]) + ".labels[" + tlsMode + "]", nil}
}

// unlabelledPod is a pod of a workload without the label; nil when all have it.
func unlabelledPod(w *mesh.Workload) *mesh.Pod {
	i := slices.IndexFunc(w.Pods, func(pod *mesh.Pod) bool { return !labelled(pod.Labels) })
	if i < 0 {
		return nil
	}
	return w.Pods[i]
}

// outside reports whether a workload is not in the mesh.
func outside(w *mesh.Workload) bool { return !w.Pods[0].HasProxy() }

func describeUnlabelled(p *diagnose.Pass, f *diagnose.Finding) {
	e := f.Edges[0]
	f.Evidence = bothSides(p, e)
	w := p.Snapshot.Workload(f.Subject)
	if w == nil {
		describeHandWritten(p, f)
		return
	}
	pod := unlabelledPod(w)
	refusing := servers(f.Edges)
	f.Title = fmt.Sprintf("pods of %s have a proxy and no label %s: istio, so clients of %s send plaintext, which %s %s",
		workloadName(w), tlsMode, destinations(p, f.Edges), refusing, refusing.verb("refuses", "refuse"))
	// What is missing comes first: reports that keep short show the first facts.
	f.Evidence = slices.Insert(f.Evidence, 0, handshake.Fact{Layer: handshake.Cluster, Source: "pod " + pod.Key().String() + " label " + tlsMode, Value: labelText(pod)})
	f.Fixes = labelFix(p, f, w, "istio")
}

func labelText(pod *mesh.Pod) string {
	if v, ok := pod.Labels[tlsMode]; ok {
		return fmt.Sprintf("%q", v)
	}
	return "not set"
}

// describeHandWritten tells of a Service whose endpoints name pods of another namespace.
func describeHandWritten(p *diagnose.Pass, f *diagnose.Finding) {
	e := f.Edges[0]
	host, _ := e.SentTo()
	f.Title = fmt.Sprintf("the endpoints of %s are written by hand and lead to %s in another namespace, where istiod does not look for pods: clients send plaintext, which is refused",
		f.Subject, servers(f.Edges))
	f.Evidence = append(f.Evidence, handshake.Fact{
		Layer: handshake.Cluster, Source: f.Subject.String() + " endpoint " + e.Server.Address.String(), Value: "names no pod; " + e.Server.Pod.Key().String() + " has that address",
	})
	f.Fixes = ruleFix(p, "say ISTIO_MUTUAL for the host", host, "ISTIO_MUTUAL", nil, f.Edges)
}

// labelFix sets the label of a workload's pods, or removes it when mode is empty, where that heals.
func labelFix(p *diagnose.Pass, f *diagnose.Finding, w *mesh.Workload, mode string) []diagnose.Fix {
	tried := rewrite(p, func(r *kube.Resources) { editPods(r, w, withTLSMode(mode)) })
	if !tried.heals(f.Edges, func(h *mesh.Host) bool { return h.Leads(within(w)) }) {
		return nil
	}
	fix := diagnose.Fix{Title: "set the label in the pod template", Command: jsonPatch(w.Ref, set(labelPointer(w, tlsMode), jsonText(mode))), Risk: "the pods restart"}
	if mode == "" {
		fix.Title, fix.Command = "remove the label from the pod template", jsonPatch(w.Ref, remove(labelPointer(w, tlsMode)))
	}
	return []diagnose.Fix{fix}
}
