package scenario

import (
	"fmt"
	"regexp"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Resolve finds the address of NAMESPACE/WORKLOAD.
type Resolve func(workload string) (string, error)

var address = regexp.MustCompile(`\$IP\(([^)]+)\)`)

// Fill replaces $IP(NAMESPACE/WORKLOAD) in text.
func Fill(text string, resolve Resolve) (string, error) {
	var failed error
	filled := address.ReplaceAllStringFunc(text, func(m string) string {
		ip, err := resolve(address.FindStringSubmatch(m)[1])
		if err != nil {
			failed = err
		}
		return ip
	})
	return filled, failed
}

// FillObjects replaces addresses in all strings of the objects.
func FillObjects(objects []*unstructured.Unstructured, resolve Resolve) error {
	for _, o := range objects {
		filled, err := fillAny(o.Object, resolve)
		if err != nil {
			return fmt.Errorf("%s %s: %w", o.GetKind(), o.GetName(), err)
		}
		o.Object = filled.(map[string]any)
	}
	return nil
}

func fillAny(v any, resolve Resolve) (any, error) {
	var err error
	switch v := v.(type) {
	case string:
		return Fill(v, resolve)
	case []any:
		for i := range v {
			if v[i], err = fillAny(v[i], resolve); err != nil {
				return nil, err
			}
		}
	case map[string]any:
		for k := range v {
			if v[k], err = fillAny(v[k], resolve); err != nil {
				return nil, err
			}
		}
	}
	return v, nil
}

// Compose is what runs in the scenario: the common workloads with its annotations, each object
// replaced by the scenario's own of the same name where there is one.
func (s Scenario) Compose(common []*unstructured.Unstructured) ([]*unstructured.Unstructured, error) {
	own := map[string]bool{}
	for _, o := range s.Objects() {
		own[key(o)] = true
	}
	var all []*unstructured.Unstructured
	annotated := 0
	for _, o := range common {
		if own[key(o)] {
			continue
		}
		o = o.DeepCopy()
		if a := s.Annotations[o.GetNamespace()+"/"+o.GetName()]; a != nil && o.GetKind() == "Deployment" {
			annotated++
			for k, v := range a {
				if err := unstructured.SetNestedField(o.Object, v, "spec", "template", "metadata", "annotations", k); err != nil {
					return nil, err
				}
			}
		}
		all = append(all, o)
	}
	if annotated != len(s.Annotations) {
		return nil, fmt.Errorf("scenario %s annotates a workload that does not exist", s.Name)
	}
	return all, nil
}

func key(o *unstructured.Unstructured) string {
	return o.GetKind() + " " + o.GetNamespace() + "/" + o.GetName()
}
