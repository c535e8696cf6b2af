// Package kube holds the clients of the lab's API server, and applies manifests with them.
package kube

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/util/csaupgrade"
	"k8s.io/client-go/util/retry"
)

// fieldManager is who the API server says has set a field.
const fieldManager = "lab"

// defined is how long the server may take until it serves a kind that has just been defined.
const defined = 20 * time.Second

// Client is the typed and the dynamic client, and the kinds that the server knows.
type Client struct {
	kubernetes.Interface
	Config  *rest.Config
	Dynamic dynamic.Interface
	mapper  *restmapper.DeferredDiscoveryRESTMapper
}

// Open makes a client from a kubeconfig. It does not connect.
func Open(kubeconfig string) (*Client, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, err
	}
	config.QPS, config.Burst = 500, 1000
	typed, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	dyn, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(typed.Discovery()))
	return &Client{Interface: typed, Config: config, Dynamic: dyn, mapper: mapper}, nil
}

// Parse reads YAML documents or JSON, lists flattened.
func Parse(r io.Reader) ([]*unstructured.Unstructured, error) {
	var objects []*unstructured.Unstructured
	decoder := yaml.NewYAMLOrJSONDecoder(r, 4096)
	for {
		o := &unstructured.Unstructured{}
		err := decoder.Decode(&o.Object)
		switch {
		case errors.Is(err, io.EOF):
			return objects, nil
		case err != nil:
			return nil, fmt.Errorf("parse manifests: %w", err)
		case len(o.Object) == 0:
		case o.IsList():
			err = o.EachListItem(func(item runtime.Object) error {
				objects = append(objects, item.(*unstructured.Unstructured))
				return nil
			})
			if err != nil {
				return nil, err
			}
		default:
			objects = append(objects, o)
		}
	}
}

// Apply applies the objects in their order, by server-side apply, taking fields over from others. What
// people have added to an object by kubectl goes: labels, annotations, and other fields.
func (c *Client) Apply(ctx context.Context, objects ...*unstructured.Unstructured) error {
	for _, o := range objects {
		if err := c.apply(ctx, o); err != nil {
			return fmt.Errorf("apply %s %s: %w", o.GetKind(), o.GetName(), err)
		}
	}
	return nil
}

// ApplyYAML applies manifests in text.
func (c *Client) ApplyYAML(ctx context.Context, text string) error {
	objects, err := Parse(strings.NewReader(text))
	if err != nil {
		return err
	}
	return c.Apply(ctx, objects...)
}

func (c *Client) apply(ctx context.Context, o *unstructured.Unstructured) error {
	r, err := c.Resource(ctx, o)
	if err != nil {
		return err
	}
	return retry.RetryOnConflict(retry.DefaultRetry, func() error {
		options := metav1.ApplyOptions{FieldManager: fieldManager, Force: true}
		got, err := r.Apply(ctx, o.GetName(), o, options)
		if err != nil {
			return err
		}
		patch, err := disown(got)
		if err != nil || patch == nil {
			return err
		}
		if _, err := r.Patch(ctx, o.GetName(), types.JSONPatchType, patch, metav1.PatchOptions{}); err != nil {
			return err
		}
		_, err = r.Apply(ctx, o.GetName(), o, options)
		return err
	})
}

// disown is the patch that makes the lab the owner of what people have set by kubectl, so that the next
// apply takes away what is not in the manifest; nil when there is none.
func disown(o *unstructured.Unstructured) ([]byte, error) {
	people := sets.New[string]()
	for _, m := range o.GetManagedFields() {
		if strings.HasPrefix(m.Manager, "kubectl") {
			people.Insert(m.Manager)
		}
	}
	return csaupgrade.UpgradeManagedFieldsPatch(o, people, fieldManager)
}

// Delete deletes the objects; one that is not there is no error.
func (c *Client) Delete(ctx context.Context, objects ...*unstructured.Unstructured) error {
	for _, o := range objects {
		r, err := c.Resource(ctx, o)
		if err == nil {
			err = r.Delete(ctx, o.GetName(), metav1.DeleteOptions{})
		}
		if err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("delete %s %s: %w", o.GetKind(), o.GetName(), err)
		}
	}
	return nil
}

// Resource is where objects like o live. A kind that has just been defined is waited for.
func (c *Client) Resource(ctx context.Context, o *unstructured.Unstructured) (dynamic.ResourceInterface, error) {
	mapping, err := c.mapping(ctx, o)
	if err != nil {
		return nil, err
	}
	if mapping.Scope.Name() != meta.RESTScopeNameNamespace {
		return c.Dynamic.Resource(mapping.Resource), nil
	}
	namespace := o.GetNamespace()
	if namespace == "" {
		namespace = metav1.NamespaceDefault
	}
	return c.Dynamic.Resource(mapping.Resource).Namespace(namespace), nil
}

func (c *Client) mapping(ctx context.Context, o *unstructured.Unstructured) (mapping *meta.RESTMapping, err error) {
	gvk := o.GroupVersionKind()
	waitErr := wait.PollUntilContextTimeout(ctx, 100*time.Millisecond, defined, true, func(context.Context) (bool, error) {
		mapping, err = c.mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
		if err != nil {
			c.mapper.Reset()
		}
		return err == nil, nil
	})
	if waitErr != nil {
		return nil, errors.Join(err, waitErr)
	}
	return mapping, nil
}
