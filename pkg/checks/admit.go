package checks

import (
	"fmt"
	"maps"
	"strconv"
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
		if isPrometheus(w.Pods[0]) { // scrapes pods by their addresses, in clear, with a proxy or without
			continue
		}
		system := strings.HasPrefix(w.Namespace, "kube-") || w.Namespace == p.MeshConfig("").Root()
		if !system && !w.Pods[0].Spec.HostNetwork && len(out) < 3 {
			out = append(out, injectFix(p, w))
		}
	}
	return together(out)
}

// openings let plaintext into the one port of an edge and leave the rest of the workload as it
// is.
func openings(p *diagnose.Pass, e *handshake.Edge) []diagnose.Fix {
	if e.Server.Pod == nil || !p.Resources.HasRead(string(diagnose.PeerAuthentications)) {
		return nil
	}
	port := serverPort(e)
	_, _, fixes := portFix(p, e.Server.Pod, port, "PERMISSIVE")
	for i := range fixes {
		fixes[i].Title = fmt.Sprintf("open only the port that it needs, here %d of %s", port, workloadName(e.Server.Pod.Workload))
		fixes[i].Risk = fmt.Sprintf("port %d then takes plaintext from anybody who reaches it", port)
	}
	return fixes
}

// portFix sets the mode of one port of a workload. Of several policies of a workload only the oldest
// counts, so one that is there is edited: from, nil when there is none.
func portFix(p *diagnose.Pass, pod *mesh.Pod, port uint32, mode string) (from, to *kube.PeerAuthentication, fixes []diagnose.Fix) {
	key := strconv.FormatUint(uint64(port), 10)
	if from = workloadPolicy(p, pod); from != nil {
		fix := diagnose.Fix{Command: kubectl("patch", policyRef(from)) + fmt.Sprintf(` --type=merge -p '{"spec":{"portLevelMtls":{"%s":{"mode":"%s"}}}}'`, key, mode)}
		return from, withPolicyMode(from, "spec.portLevelMtls."+key+".mode", mode), []diagnose.Fix{fix}
	}
	labels := stableLabels(pod)
	if len(labels) == 0 {
		return nil, nil, nil
	}
	does := strings.ToLower(mode)
	if mode == string(policy.Permissive) {
		does = "open"
	}
	to = &kube.PeerAuthentication{Meta: kube.Meta{Namespace: pod.Namespace, Name: fmt.Sprintf("%s-%s-%d", pod.Workload.Name, does, port), CreationTimestamp: p.CapturedAt}}
	to.Spec.Selector = &kube.Selector{MatchLabels: labels}
	to.Spec.MTLS = &kube.MutualTLS{Mode: string(p.Mode(pod).Workload.Mode)}
	to.Spec.PortLevelMTLS = map[string]kube.MutualTLS{key: {Mode: mode}}
	return nil, to, []diagnose.Fix{{Manifest: policyManifest(policyRef(to), labels, to.Spec.MTLS.Mode, portModes(to))}}
}

// workloadFix sets the mode of a workload, in its own policy or in a new one: from is nil when there is
// none.
func workloadFix(p *diagnose.Pass, w *mesh.Workload, mode string) (from, to *kube.PeerAuthentication, fixes []diagnose.Fix) {
	pod := w.Pods[0]
	if from = workloadPolicy(p, pod); from != nil {
		return from, withPolicyMode(from, "spec.mtls.mode", mode), []diagnose.Fix{{Command: jsonPatch(policyRef(from), set("/spec/mtls", `{"mode":"`+mode+`"}`))}}
	}
	labels := stableLabels(pod)
	if len(labels) == 0 {
		return nil, nil, nil
	}
	to = &kube.PeerAuthentication{Meta: kube.Meta{Namespace: w.Namespace, Name: w.Name + "-" + strings.ToLower(mode), CreationTimestamp: p.CapturedAt}}
	to.Spec.Selector, to.Spec.MTLS = &kube.Selector{MatchLabels: labels}, &kube.MutualTLS{Mode: mode}
	return nil, to, []diagnose.Fix{{Manifest: policyManifest(policyRef(to), labels, mode, nil)}}
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
