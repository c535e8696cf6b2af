package mesh

import (
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// Workload is what a user deploys: a Deployment, StatefulSet, DaemonSet, CronJob, or a bare Pod.
type Workload struct {
	kube.Ref
	// Pods are its running pods, sorted by name; never empty.
	Pods []*Pod
}

// Short is the name as kubectl takes it: "deploy/frontend".
func (w *Workload) Short() string {
	if s, ok := shortKinds[w.Kind]; ok {
		return s + "/" + w.Name
	}
	return strings.ToLower(w.Kind) + "/" + w.Name
}

var shortKinds = map[string]string{
	"Deployment": "deploy", "StatefulSet": "sts", "DaemonSet": "ds", "ReplicaSet": "rs",
}

// owners finds the workload of a pod through ReplicaSets and Jobs.
type owners struct {
	parents map[kube.Ref]*kube.OwnerReference
}

func newOwners(r *kube.Resources) owners {
	o := owners{map[kube.Ref]*kube.OwnerReference{}}
	for _, c := range r.ReplicaSets {
		o.parents[kube.Ref{Kind: "ReplicaSet", Namespace: c.Namespace, Name: c.Name}] = c.Controller()
	}
	for _, c := range r.Jobs {
		o.parents[kube.Ref{Kind: "Job", Namespace: c.Namespace, Name: c.Name}] = c.Controller()
	}
	return o
}

func (o owners) workload(p *kube.Pod) kube.Ref {
	c := p.Controller()
	if c == nil {
		return kube.Ref{Kind: "Pod", Namespace: p.Namespace, Name: p.Name}
	}
	ref := kube.Ref{Kind: c.Kind, Namespace: p.Namespace, Name: c.Name}
	parent, listed := o.parents[ref]
	switch {
	case parent != nil:
		return kube.Ref{Kind: parent.Kind, Namespace: p.Namespace, Name: parent.Name}
	case listed || ref.Kind != "ReplicaSet":
		return ref
	}
	// Without the ReplicaSets, a Deployment's is named after it plus the pod's template hash.
	if name, ok := strings.CutSuffix(ref.Name, "-"+p.Labels["pod-template-hash"]); ok && p.Labels["pod-template-hash"] != "" {
		return kube.Ref{Kind: "Deployment", Namespace: ref.Namespace, Name: name}
	}
	return ref
}
