package checks

import (
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// revisionLabel says which control plane a namespace or a policy is for.
const revisionLabel = "istio.io/rev"

// injectFix puts a workload into the mesh, with as few steps as it takes: a namespace that is
// labelled is left alone, and pods that a patch replaces need no restart.
func injectFix(p *diagnose.Pass, w *mesh.Workload) diagnose.Fix {
	fix := diagnose.Fix{Title: "give " + w.String() + " a proxy", Risk: injectRisk(p, w)}
	var steps []string
	if injectionOf(p, w.Namespace) == "" {
		steps = append(steps, shell("kubectl label namespace %s %s --overwrite", w.Namespace, injectionLabel(p)))
		fix.Risk += "; the label gives every other pod of namespace " + w.Namespace + " a proxy too, at its next restart"
	}
	label := "sidecar.istio.io/inject"
	switch {
	case w.Kind == "Pod":
	case w.Pods[0].Labels[label] == "false":
		pointer := "/" + strings.ReplaceAll(podMetadata(w), ".", "/") + "/labels/" + strings.ReplaceAll(label, "/", "~1")
		steps = append(steps, jsonPatch(w.Ref, remove(pointer)))
	case restartable(w):
		steps = append(steps, restart(w))
	case w.Kind != "CronJob":
		fix.Title += " by creating it anew"
	}
	fix.Command = strings.Join(steps, "\n")
	return fix
}

// injectRisk says what a proxy changes for a workload, and whom it shuts out.
func injectRisk(p *diagnose.Pass, w *mesh.Workload) string {
	tried := rewrite(p, func(r *kube.Resources) { editPods(r, w, injected) })
	stops := append(tried.stops(func(h *mesh.Host) bool { return h.Leads(within(w)) }), tried.stopping(p.Engine.Edges(handshake.Query{Client: within(w)}))...)
	return risks("its pods restart; its own calls then follow the mesh's policies too", refuses(stops))
}

// injectionOf is the label by which a namespace asks for proxies, "" when it does not. Pods of
// Kubernetes' own namespaces are never injected.
func injectionOf(p *diagnose.Pass, namespace string) string {
	for _, ns := range p.Resources.Namespaces {
		if ns.Name != namespace || strings.HasPrefix(ns.Name, "kube-") {
			continue
		}
		switch value, said := ns.Labels["istio-injection"]; {
		case value == "enabled":
			return "istio-injection=enabled"
		case !said && ns.Labels[revisionLabel] != "":
			return revisionLabel + "=" + ns.Labels[revisionLabel]
		}
	}
	return ""
}

// injectionLabel is the label by which the mesh's injector knows a namespace.
func injectionLabel(p *diagnose.Pass) string {
	for _, pod := range p.Snapshot.Pods {
		if r := pod.Revision(); pod.Plane == mesh.Sidecar && r != "" && r != "default" {
			return revisionLabel + "=" + r
		}
	}
	return "istio-injection=enabled"
}
