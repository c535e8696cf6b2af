package fuzz

import (
	"fmt"
	"maps"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/scenario"
)

// Case is one mesh.
type Case struct {
	Name string
	// About is what is in it, for people.
	About string
	Items []Item
	// Fresh cases begin in a mesh without configuration: what they lead to would depend on what
	// was there before, by the age of objects or by what proxies keep when they refuse the new.
	Fresh bool
}

// Item is one thing that a case adds to the common mesh: a manifest or a setting.
type Item struct {
	Manifest *unstructured.Unstructured
	// Target is how the manifest's host is called, when it defines one.
	Target *scenario.Target
	Setting
}

// Setting is a field of the mesh config, or an annotation or a label of a workload's pods.
type Setting struct {
	Kind     settingKind
	Workload string // NAMESPACE/WORKLOAD
	Key      string
	Value    any
}

type settingKind int

const (
	noSetting settingKind = iota
	ofMesh
	annotation
	podLabel
)

// Scenario is what the lab runs. Its verdicts count; what a diagnosis should find, nobody has said.
func (c Case) Scenario() scenario.Scenario {
	s := scenario.Scenario{Name: c.Name, Description: c.About, Expect: scenario.Expect{VerdictsOnly: true}}
	if c.Fresh {
		s.First = &[]string{}
	}
	var manifests []*unstructured.Unstructured
	for _, i := range c.Items {
		if i.Manifest != nil {
			manifests = append(manifests, i.Manifest)
		}
		if i.Target != nil {
			s.Targets = append(s.Targets, *i.Target)
		}
		i.apply(&s)
	}
	return s.With("config.yaml", manifests...)
}

func (i Setting) apply(s *scenario.Scenario) {
	switch i.Kind {
	case noSetting:
	case ofMesh:
		s.MeshConfig = with(s.MeshConfig, i.Key, i.Value)
	case annotation:
		s.Annotations = with(s.Annotations, i.Workload, with(s.Annotations[i.Workload], i.Key, fmt.Sprint(i.Value)))
	case podLabel:
		s.Labels = with(s.Labels, i.Workload, with(s.Labels[i.Workload], i.Key, fmt.Sprint(i.Value)))
	}
}

func with[M ~map[string]V, V any](m M, key string, value V) M {
	m = maps.Clone(m)
	if m == nil {
		m = M{}
	}
	m[key] = value
	return m
}

// String names the item.
func (i Item) String() string {
	switch {
	case i.Manifest != nil:
		return fmt.Sprintf("%s %s/%s", i.Manifest.GetKind(), i.Manifest.GetNamespace(), i.Manifest.GetName())
	case i.Kind == ofMesh:
		return "mesh config " + i.Key
	default:
		return i.Workload + " " + i.Key
	}
}

// istio is true of manifests of Istio's own kinds.
func (i Item) istio() bool {
	return i.Manifest != nil && strings.HasSuffix(i.Manifest.GroupVersionKind().Group, ".istio.io")
}
