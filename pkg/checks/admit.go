package checks

import (
	"fmt"
	"maps"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/policy"
)

// injections give proxies to workloads, as far as the injector would: never to pods on the
// host's network, nor in the namespaces of Kubernetes and of istiod.
func injections(p *diagnose.Pass, clients []*mesh.Workload) []diagnose.Fix {
	var out []diagnose.Fix
	for _, w := range clients {
		system := strings.HasPrefix(w.Namespace, "kube-") || w.Namespace == p.MeshConfig("").Root()
		if !system && !w.Pods[0].Spec.HostNetwork && len(out) < 3 {
			out = append(out, injectFix(p, w))
		}
	}
	return out
}

// openings let plaintext into the one port of an edge and leave the rest of the workload as it
// is. Of several policies of a workload only the oldest counts, so one that is there is edited.
func openings(p *diagnose.Pass, e *handshake.Edge) []diagnose.Fix {
	pod, port := e.Server.Pod, serverPort(e)
	if pod == nil || !p.Resources.HasRead(string(diagnose.PeerAuthentications)) {
		return nil
	}
	fix := diagnose.Fix{
		Title: fmt.Sprintf("or open only the port that it needs, here %d of %s", port, workloadName(pod.Workload)),
		Risk:  fmt.Sprintf("port %d then takes plaintext from anybody who reaches it", port),
	}
	labels := stableLabels(pod)
	if pa := workloadPolicy(p, pod); pa != nil {
		fix.Command = kubectl("patch", policyRef(pa)) + fmt.Sprintf(` --type=merge -p '{"spec":{"portLevelMtls":{"%d":{"mode":"PERMISSIVE"}}}}'`, port)
	} else if len(labels) > 0 {
		ref := kube.Ref{Kind: "PeerAuthentication", Namespace: pod.Namespace, Name: fmt.Sprintf("%s-open-%d", pod.Workload.Name, port)}
		fix.Manifest = policyManifest(ref, labels, "STRICT", map[uint32]string{port: "PERMISSIVE"})
	} else {
		return nil
	}
	return []diagnose.Fix{fix}
}

// workloadPolicy is the oldest policy that selects a pod, the only one whose ports count; nil
// when there is none.
func workloadPolicy(p *diagnose.Pass, pod *mesh.Pod) *kube.PeerAuthentication {
	return p.PeerAuth.Oldest(policy.ScopeWorkload, pod.Namespace, pod.Labels, pod.Revision())
}

// stableLabels are the labels of a pod that its workload's other pods, and those of its next
// release, have too.
func stableLabels(pod *mesh.Pod) map[string]string {
	out := maps.Clone(pod.Labels)
	maps.DeleteFunc(out, func(label, _ string) bool {
		domain, _, _ := strings.Cut(label, "/")
		switch domain {
		case "pod-template-hash", "controller-revision-hash", "pod-template-generation",
			"statefulset.kubernetes.io", "apps.kubernetes.io", "helm.sh",
			"security.istio.io", "service.istio.io", "istio.io", "sidecar.istio.io":
			return true
		}
		return label == "app.kubernetes.io/version"
	})
	return out
}
