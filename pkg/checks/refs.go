package checks

import (
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// ruleRef names a DestinationRule.
func ruleRef(r *kube.DestinationRule) kube.Ref {
	return kube.Ref{Kind: "DestinationRule", Namespace: r.Namespace, Name: r.Name}
}

// policyRef names a PeerAuthentication.
func policyRef(pa *kube.PeerAuthentication) kube.Ref {
	return kube.Ref{Kind: "PeerAuthentication", Namespace: pa.Namespace, Name: pa.Name}
}

// meshConfigRef names the ConfigMap with the mesh config of the istiod that serves a pod:
// "istio", or "istio-canary" for a revision that has its own.
func meshConfigRef(p *diagnose.Pass, pod *mesh.Pod) kube.Ref {
	ref := kube.Ref{Kind: "ConfigMap", Namespace: p.MeshConfig(pod.Revision()).Root(), Name: "istio"}
	if r := pod.Revision(); r != "" && r != "default" && p.MeshConfigs[r] != nil {
		ref.Name += "-" + r
	}
	return ref
}

// rootCertRef names the ConfigMap from which the root certificate is handed out.
func rootCertRef(p *diagnose.Pass) kube.Ref {
	return kube.Ref{Kind: "ConfigMap", Namespace: p.MeshConfig("").Root(), Name: "istio-ca-root-cert"}
}

// annotation is the path of an annotation of a workload's pods.
func annotation(w *mesh.Workload, name string) string {
	return podMetadata(w) + ".annotations[" + name + "]"
}

func podMetadata(w *mesh.Workload) string {
	switch w.Kind {
	case "Pod":
		return "metadata"
	case "CronJob":
		return "spec.jobTemplate.spec.template.metadata"
	}
	return "spec.template.metadata"
}

// podSpec is the path of the pod's spec in a workload.
func podSpec(w *mesh.Workload) string { return strings.TrimSuffix(podMetadata(w), "metadata") + "spec" }
