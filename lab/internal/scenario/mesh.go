package scenario

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"

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

// Compose is what runs in the scenario: the common workloads as it changes them, each object
// replaced by the scenario's own of the same name where there is one.
func (s Scenario) Compose(common []*unstructured.Unstructured) ([]*unstructured.Unstructured, error) {
	own := map[string]bool{}
	for _, o := range s.Objects() {
		own[key(o)] = true
	}
	var all []*unstructured.Unstructured
	known := map[string]bool{}
	for _, o := range common {
		if own[key(o)] {
			continue
		}
		o = o.DeepCopy()
		if err := s.change(o); err != nil {
			return nil, fmt.Errorf("scenario %s: change %s: %w", s.Name, key(o), err)
		}
		known[changeable(o)] = true
		all = append(all, o)
	}
	for _, name := range s.changed() {
		if !known[name] {
			return nil, fmt.Errorf("scenario %s changes %s, which is none of the common workloads and namespaces", s.Name, name)
		}
	}
	return all, nil
}

// changed names what the scenario changes.
func (s Scenario) changed() []string {
	return slices.Concat(slices.Collect(maps.Keys(s.Annotations)), slices.Collect(maps.Keys(s.Labels)), slices.Collect(maps.Keys(s.Replicas)))
}

// changeable is the name under which scenarios change an object: NAMESPACE/WORKLOAD, or NAMESPACE.
func changeable(o *unstructured.Unstructured) string {
	switch o.GetKind() {
	case "Deployment":
		return o.GetNamespace() + "/" + o.GetName()
	case "Namespace":
		return o.GetName()
	default:
		return ""
	}
}

func (s Scenario) change(o *unstructured.Unstructured) error {
	name := changeable(o)
	metadata := []string{"metadata"}
	if o.GetKind() == "Deployment" {
		metadata = []string{"spec", "template", "metadata"}
	}
	var errs []error
	for k, v := range s.Annotations[name] {
		errs = append(errs, unstructured.SetNestedField(o.Object, v, slices.Concat(metadata, []string{"annotations", k})...))
	}
	for k, v := range s.Labels[name] {
		at := slices.Concat(metadata, []string{"labels", k})
		if v == "" {
			unstructured.RemoveNestedField(o.Object, at...)
			continue
		}
		errs = append(errs, unstructured.SetNestedField(o.Object, v, at...))
	}
	if o.GetKind() == "Deployment" { // one replica is said, too: `kubectl scale` is undone
		n, ok := s.Replicas[name]
		if !ok {
			n = 1
		}
		errs = append(errs, unstructured.SetNestedField(o.Object, n, "spec", "replicas"))
	}
	return errors.Join(errs...)
}

func key(o *unstructured.Unstructured) string {
	return o.GetKind() + " " + o.GetNamespace() + "/" + o.GetName()
}
