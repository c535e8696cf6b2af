package truth

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/mesh"
	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/scenario"
)

// ownedBy marks what a scenario has added to the common workloads.
const ownedBy = "lab.mtls-doctor/scenario"

const definitions = "customresourcedefinitions"

// addable are the kinds, besides Istio's, that a scenario may add. With the definition of a kind go its objects.
func addable() []schema.GroupVersionResource {
	return []schema.GroupVersionResource{
		{Group: "apiextensions.k8s.io", Version: "v1", Resource: definitions},
		{Group: "admissionregistration.k8s.io", Version: "v1", Resource: "validatingwebhookconfigurations"},
		{Group: "networking.k8s.io", Version: "v1", Resource: "ingresses"},
		{Group: "apps", Version: "v1", Resource: "deployments"},
		{Group: "apps", Version: "v1", Resource: "statefulsets"},
		{Version: "v1", Resource: "services"},
		{Version: "v1", Resource: "secrets"},
		{Version: "v1", Resource: "namespaces"},
	}
}

// removeForeign removes what another scenario has added and this one does not have, and says
// whether there was any.
func (r *Runner) removeForeign(ctx context.Context, s scenario.Scenario) (removed bool, err error) {
	keep := map[mesh.Object]bool{}
	for _, o := range s.Objects() {
		keep[mesh.ObjectOf(o)] = true
	}
	for _, kind := range addable() {
		list, err := r.Mesh.Kube.Dynamic.Resource(kind).List(ctx, metav1.ListOptions{LabelSelector: ownedBy})
		if err != nil {
			return removed, err
		}
		for i := range list.Items {
			if keep[mesh.ObjectOf(&list.Items[i])] {
				continue
			}
			if err := r.remove(ctx, kind, list.Items[i]); err != nil {
				return removed, err
			}
			removed = true
		}
	}
	return removed, nil
}

// remove deletes an object; a workload stays until its pods are gone, so that convergence waits for them. Of
// a kind that is gone no object is left.
func (r *Runner) remove(ctx context.Context, kind schema.GroupVersionResource, o unstructured.Unstructured) error {
	options := metav1.DeleteOptions{}
	if kind.Group == "apps" {
		options.PropagationPolicy = new(metav1.DeletePropagationForeground)
	}
	err := r.Mesh.Kube.Dynamic.Resource(kind).Namespace(o.GetNamespace()).Delete(ctx, o.GetName(), options)
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("remove %s %s/%s: %w", o.GetKind(), o.GetNamespace(), o.GetName(), err)
	}
	if kind.Resource != definitions {
		return nil
	}
	return wait.PollUntilContextTimeout(ctx, 100*time.Millisecond, forgetting, true, func(ctx context.Context) (bool, error) {
		_, err := r.Mesh.Kube.Dynamic.Resource(kind).Get(ctx, o.GetName(), metav1.GetOptions{})
		return apierrors.IsNotFound(err), nil
	})
}
