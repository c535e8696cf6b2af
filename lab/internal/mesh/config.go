package mesh

import (
	"context"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Object names one object of the API server.
type Object struct{ Group, Kind, Namespace, Name string }

// ObjectOf is o's name.
func ObjectOf(o *unstructured.Unstructured) Object {
	return Object{o.GroupVersionKind().Group, o.GetKind(), o.GetNamespace(), o.GetName()}
}

// Configs are all objects of Istio's kinds.
func (m Mesh) Configs(ctx context.Context) ([]*unstructured.Unstructured, error) {
	var all []*unstructured.Unstructured
	resources, err := m.istioResources()
	if err != nil {
		return nil, err
	}
	for _, r := range resources {
		list, err := m.Kube.Dynamic.Resource(r).List(ctx, metav1.ListOptions{})
		if err != nil {
			return nil, fmt.Errorf("list %s: %w", r.Resource, err)
		}
		err = meta.EachListItem(list, func(o runtime.Object) error {
			all = append(all, o.(*unstructured.Unstructured))
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// istioResources are the kinds of Istio's groups, each in the version that the server prefers.
func (m Mesh) istioResources() ([]schema.GroupVersionResource, error) {
	lists, err := m.Kube.Discovery().ServerPreferredResources()
	if err != nil {
		return nil, err
	}
	var all []schema.GroupVersionResource
	for _, l := range lists {
		gv, err := schema.ParseGroupVersion(l.GroupVersion)
		if err != nil || !strings.HasSuffix(gv.Group, ".istio.io") {
			continue
		}
		for _, r := range l.APIResources {
			if !strings.Contains(r.Name, "/") {
				all = append(all, gv.WithResource(r.Name))
			}
		}
	}
	return all, nil
}

// Replace makes the given objects the only ones of Istio's kinds: it applies them, then deletes
// all others. Objects of other kinds are applied too and never deleted.
func (m Mesh) Replace(ctx context.Context, objects ...*unstructured.Unstructured) error {
	if err := m.Kube.Apply(ctx, objects...); err != nil {
		return err
	}
	keep := map[Object]bool{}
	for _, o := range objects {
		keep[ObjectOf(o)] = true
	}
	existing, err := m.Configs(ctx)
	if err != nil {
		return err
	}
	for _, o := range existing {
		if keep[ObjectOf(o)] {
			continue
		}
		if err := m.Kube.Delete(ctx, o); err != nil {
			return err
		}
	}
	return nil
}

// RemoveSidecars deletes all Sidecars, and reports whether there was one.
func (m Mesh) RemoveSidecars(ctx context.Context) (removed bool, err error) {
	existing, err := m.Configs(ctx)
	if err != nil {
		return false, err
	}
	for _, o := range existing {
		if o.GetKind() != "Sidecar" {
			continue
		}
		if err := m.Kube.Delete(ctx, o); err != nil {
			return removed, err
		}
		removed = true
	}
	return removed, nil
}
