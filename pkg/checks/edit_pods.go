package checks

import (
	"maps"
	"slices"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// editPods changes the pods of a workload, as a changed pod template would.
func editPods(r *kube.Resources, w *mesh.Workload, edit func(*kube.Pod)) {
	r.Pods = slices.Clone(r.Pods)
	for i, p := range r.Pods {
		if slices.ContainsFunc(w.Pods, func(pod *mesh.Pod) bool { return pod.Pod == p }) {
			edited := *p
			edited.Labels, edited.Annotations = maps.Clone(p.Labels), maps.Clone(p.Annotations)
			edit(&edited)
			r.Pods[i] = &edited
		}
	}
}

// withoutAnnotation is a pod that was injected anew without an annotation of traffic capture: the
// arguments of its init container, which come from there, go too.
func withoutAnnotation(name string) func(*kube.Pod) {
	return func(p *kube.Pod) {
		delete(p.Annotations, name)
		p.Spec.InitContainers = slices.DeleteFunc(slices.Clone(p.Spec.InitContainers), func(c kube.Container) bool {
			return len(c.Args) > 0 && c.Args[0] == "istio-iptables"
		})
	}
}

// withTLSMode is a pod with, or without, the mark of one that does mutual TLS.
func withTLSMode(mode string) func(*kube.Pod) {
	return func(p *kube.Pod) {
		if mode == "" {
			delete(p.Labels, tlsMode)
			return
		}
		if p.Labels == nil {
			p.Labels = map[string]string{}
		}
		p.Labels[tlsMode] = mode
	}
}

// injected is a pod with a proxy.
func injected(p *kube.Pod) {
	withTLSMode("istio")(p)
	p.Spec.Containers = append(slices.Clone(p.Spec.Containers), kube.Container{Name: kube.ProxyContainer, Args: []string{"proxy", "sidecar"}})
}

// labelPointer is the JSON pointer of a label of a workload's pods.
func labelPointer(w *mesh.Workload, name string) string {
	return pointer(podMetadata(w)) + "/labels/" + strings.ReplaceAll(name, "/", "~1")
}
