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

// Compose is what runs in the scenario: the common workloads with its annotations and labels, each
// object replaced by the scenario's own of the same name where there is one.
func (s Scenario) Compose(common []*unstructured.Unstructured) ([]*unstructured.Unstructured, error) {
	own := map[string]bool{}
	for _, o := range s.Objects() {
		own[key(o)] = true
	}
	var all []*unstructured.Unstructured
	marked := 0
	for _, o := range common {
		if own[key(o)] {
			continue
		}
		o = o.DeepCopy()
		if o.GetKind() == "Deployment" {
			for field, of := range s.marks() {
				marks := of[o.GetNamespace()+"/"+o.GetName()]
				if marks != nil {
					marked++
				}
				if err := mark(o, field, marks); err != nil {
					return nil, err
				}
			}
		}
		all = append(all, o)
	}
	if marked != len(s.Annotations)+len(s.Labels) {
		return nil, fmt.Errorf("scenario %s annotates or labels a workload that does not exist", s.Name)
	}
	return all, nil
}

// marks are what the scenario adds to the metadata of pod templates, by field and workload.
func (s Scenario) marks() map[string]map[string]map[string]string {
	return map[string]map[string]map[string]string{"annotations": s.Annotations, "labels": s.Labels}
}

func mark(deployment *unstructured.Unstructured, field string, marks map[string]string) error {
	for k, v := range marks {
		if err := unstructured.SetNestedField(deployment.Object, v, "spec", "template", "metadata", field, k); err != nil {
			return err
		}
	}
	return nil
}

func key(o *unstructured.Unstructured) string {
	return o.GetKind() + " " + o.GetNamespace() + "/" + o.GetName()
}
