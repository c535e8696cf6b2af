package oracle

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// Object is one Kubernetes or Istio resource, as JSON data.
type Object map[string]any

// Case is the resources of one mesh.
type Case []Object

// Kind is the resource's kind, "DestinationRule".
func (o Object) Kind() string { s, _ := o["kind"].(string); return s }

// Key is the resource's namespace and name.
func (o Object) Key() kube.Key {
	m, _ := o["metadata"].(map[string]any)
	ns, _ := m["namespace"].(string)
	name, _ := m["name"].(string)
	return kube.Key{Namespace: ns, Name: name}
}

// istio reports whether the resource is one of Istio's own, which istiod reads from another
// store than Kubernetes' resources.
func (o Object) istio() bool {
	v, _ := o["apiVersion"].(string)
	return strings.Contains(v, ".istio.io/")
}

// YAML writes a case as kubectl would take it.
func (c Case) YAML() ([]byte, error) {
	var b bytes.Buffer
	for i, o := range c {
		if i > 0 {
			b.WriteString("---\n")
		}
		text, err := yaml.Marshal(o)
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", o.Kind(), o.Key(), err)
		}
		b.Write(text)
	}
	return b.Bytes(), nil
}

// ReadCase reads documents of YAML.
func ReadCase(text []byte) (Case, error) {
	var c Case
	for doc := range strings.SplitSeq("\n"+string(text), "\n---\n") {
		var o Object
		if err := yaml.Unmarshal([]byte(doc), &o); err != nil {
			return nil, fmt.Errorf("not a resource in YAML: %w", err)
		}
		if o != nil {
			c = append(c, o)
		}
	}
	return c, nil
}

// keep returns the objects that f accepts.
func (c Case) keep(f func(Object) bool) Case {
	return slices.DeleteFunc(slices.Clone(c), func(o Object) bool { return !f(o) })
}

// Resources reads a case as the product does. Every kind counts as read.
func (c Case) Resources() (*kube.Resources, error) {
	res := new(kube.Resources)
	for _, o := range c {
		raw, err := json.Marshal(o)
		if err != nil {
			return nil, err
		}
		if known, err := res.AddObject(raw); err != nil || !known {
			return nil, fmt.Errorf("%s %s: not read by the product (%w)", o.Kind(), o.Key(), err)
		}
	}
	for _, k := range kube.Kinds() {
		res.MarkRead(k.ID())
	}
	return res, nil
}

// meshConfigOf is the text of the mesh config, "" when the case has none.
func (c Case) meshConfig() string {
	for _, o := range c {
		if o.Kind() == "ConfigMap" && o.Key().Name == "istio" {
			data, _ := o["data"].(map[string]any)
			text, _ := data["mesh"].(string)
			return text
		}
	}
	return ""
}
