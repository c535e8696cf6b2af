package mesh

import (
	"context"
	"errors"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// system are the namespaces that a lab starts with.
var system = []string{metav1.NamespaceDefault, metav1.NamespaceSystem, metav1.NamespacePublic, "kube-node-lease", Namespace}

// Reset removes all Istio configuration and all namespaces but the system's, and sets the mesh
// config back to the manifests'. What was done to istiod itself (variables, authority, a second
// revision) stays: a new lab is the way back from that.
func (m Mesh) Reset(ctx context.Context, manifests string) error {
	if err := m.Replace(ctx); err != nil {
		return err
	}
	if err := m.SetMeshConfig(ctx, manifests, nil); err != nil {
		return err
	}
	spaces, err := m.Kube.CoreV1().Namespaces().List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	for _, s := range spaces.Items {
		if slices.Contains(system, s.Name) {
			continue
		}
		if err := m.empty(ctx, s.Name); err != nil {
			return fmt.Errorf("empty namespace %s: %w", s.Name, err)
		}
		if err := m.Kube.CoreV1().Namespaces().Delete(ctx, s.Name, metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("delete namespace %s: %w", s.Name, err)
		}
	}
	return until(ctx, patience, "the namespaces are gone", func(ctx context.Context) (bool, error) {
		spaces, err := m.Kube.CoreV1().Namespaces().List(ctx, metav1.ListOptions{})
		return err == nil && len(spaces.Items) <= len(system), err
	})
}

// empty removes workloads and pods without grace: the controller that deletes a namespace would
// look again only after half of the longest grace.
func (m Mesh) empty(ctx context.Context, namespace string) error {
	all, now := metav1.ListOptions{}, int64(0)
	background := metav1.DeleteOptions{PropagationPolicy: new(metav1.DeletePropagationBackground)}
	return errors.Join(
		m.Kube.AppsV1().Deployments(namespace).DeleteCollection(ctx, background, all),
		m.Kube.AppsV1().StatefulSets(namespace).DeleteCollection(ctx, background, all),
		m.Kube.AppsV1().DaemonSets(namespace).DeleteCollection(ctx, background, all),
		m.Kube.AppsV1().ReplicaSets(namespace).DeleteCollection(ctx, background, all),
		m.Kube.BatchV1().Jobs(namespace).DeleteCollection(ctx, background, all),
		m.Kube.CoreV1().Pods(namespace).DeleteCollection(ctx, metav1.DeleteOptions{GracePeriodSeconds: &now}, all))
}
