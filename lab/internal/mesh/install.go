// Package mesh installs Istio in the lab, changes its configuration, and tells when the proxies
// have taken what istiod sent.
package mesh

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/kube"
)

// Namespace is Istio's.
const Namespace = "istio-system"

// patience is how long anything of the control plane may take.
const patience = 90 * time.Second

// Install applies Istio's manifests, gives the reader the rights of the file rbac, and returns
// when pods are injected.
func Install(ctx context.Context, client *kube.Client, manifests, rbac, reader string) error {
	text, err := os.ReadFile(manifests)
	if err != nil {
		return err
	}
	if err := InstallRevision(ctx, client, text, ""); err != nil {
		return err
	}
	return grant(ctx, client, rbac, reader)
}

// InstallRevision applies the manifests of one control plane and waits until it injects pods
// that ask for the revision ("" for the default).
func InstallRevision(ctx context.Context, client *kube.Client, manifests []byte, revision string) error {
	objects, err := kube.Parse(bytes.NewReader(manifests))
	if err != nil {
		return err
	}
	if err := createNamespace(ctx, client); err != nil {
		return err
	}
	if err := client.Apply(ctx, objects...); err != nil {
		return err
	}
	return waitInjection(ctx, client, revision)
}

func createNamespace(ctx context.Context, client *kube.Client) error {
	_, err := client.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: Namespace}}, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	return err
}

// waitInjection asks for a pod, without making it, until it would have a proxy.
func waitInjection(ctx context.Context, client *kube.Client, revision string) error {
	labels := map[string]string{"sidecar.istio.io/inject": "true"}
	if revision != "" {
		labels["istio.io/rev"] = revision
	}
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "injected-", Labels: labels},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "app"}}},
	}
	return until(ctx, patience, "pods are injected", func(ctx context.Context) (bool, error) {
		made, err := client.CoreV1().Pods(metav1.NamespaceDefault).Create(ctx, pod, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		return err == nil && len(made.Spec.Containers)+len(made.Spec.InitContainers) > 1, err
	})
}

// grant applies the roles and binds the first one, which is what the product asks for, to the reader.
func grant(ctx context.Context, client *kube.Client, rbac, reader string) error {
	text, err := os.ReadFile(rbac)
	if err != nil {
		return fmt.Errorf("read the product's roles: %w", err)
	}
	objects, err := kube.Parse(bytes.NewReader(text))
	if err != nil {
		return err
	}
	if err := client.Apply(ctx, objects...); err != nil {
		return err
	}
	role, ok := firstRole(objects)
	if !ok {
		return fmt.Errorf("%s has no ClusterRole", rbac)
	}
	_, err = client.RbacV1().ClusterRoleBindings().Create(ctx, &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "lab-" + reader},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: reader}},
	}, metav1.CreateOptions{})
	return err
}

func firstRole(objects []*unstructured.Unstructured) (string, bool) {
	for _, o := range objects {
		if o.GetKind() == "ClusterRole" {
			return o.GetName(), true
		}
	}
	return "", false
}
