package kube

import (
	"strings"
	"time"
)

// Meta is the part of metadata that is used.
type Meta struct {
	Name              string            `json:"name"`
	Namespace         string            `json:"namespace,omitempty"`
	UID               string            `json:"uid,omitempty"`
	Labels            map[string]string `json:"labels,omitempty"`
	Annotations       map[string]string `json:"annotations,omitempty"`
	CreationTimestamp time.Time         `json:"creationTimestamp,omitzero"`
	DeletionTimestamp time.Time         `json:"deletionTimestamp,omitzero"`
	Generation        int64             `json:"generation,omitempty"`
	OwnerReferences   []OwnerReference  `json:"ownerReferences,omitempty"`
	ManagedFields     []ManagedField    `json:"managedFields,omitempty"`
}

// Key is the resource's namespace and name.
func (m *Meta) Key() Key { return Key{m.Namespace, m.Name} }

// Controller returns the owner that controls the resource, or nil.
func (m *Meta) Controller() *OwnerReference {
	for i := range m.OwnerReferences {
		if m.OwnerReferences[i].Controller {
			return &m.OwnerReferences[i]
		}
	}
	return nil
}

// Key names a namespaced resource.
type Key struct{ Namespace, Name string }

// String returns namespace/name, or the name alone for a cluster-scoped resource.
func (k Key) String() string {
	if k.Namespace == "" {
		return k.Name
	}
	return k.Namespace + "/" + k.Name
}

// Compare orders keys by namespace, then name.
func (k Key) Compare(o Key) int {
	if c := strings.Compare(k.Namespace, o.Namespace); c != 0 {
		return c
	}
	return strings.Compare(k.Name, o.Name)
}

// Ref names any resource: what a finding blames.
type Ref struct {
	Kind      string `json:"kind"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
}

// String returns "Kind namespace/name".
func (r Ref) String() string { return r.Kind + " " + Key{r.Namespace, r.Name}.String() }

// PodRef names a pod.
func PodRef(k Key) Ref { return Ref{Kind: "Pod", Namespace: k.Namespace, Name: k.Name} }

// OwnerReference is an owner of a resource.
type OwnerReference struct {
	APIVersion string `json:"apiVersion,omitempty"`
	Kind       string `json:"kind"`
	Name       string `json:"name"`
	Controller bool   `json:"controller,omitempty"`
}

// ManagedField says who wrote a resource last, and how.
type ManagedField struct {
	Manager   string    `json:"manager,omitempty"`
	Operation string    `json:"operation,omitempty"`
	Time      time.Time `json:"time,omitzero"`
	// Subresource is "status" when not the resource itself was written.
	Subresource string `json:"subresource,omitempty"`
}
