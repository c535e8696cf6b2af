package scenario

import (
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Step is one change of a mesh that runs. It is made, waited for, driven and scored; then comes
// the next one.
type Step struct {
	Name string `json:"name"`
	Why  string `json:"why,omitempty"`
	// Apply are manifests of the folder. Those that no step applies are there from the first one on.
	Apply []string `json:"apply,omitempty"`
	// Delete are objects of the folder's, as "KIND NAMESPACE/NAME".
	Delete []string `json:"delete,omitempty"`
	// Scale sets replicas, by NAMESPACE/WORKLOAD.
	Scale map[string]int64 `json:"scale,omitempty"`
	// Labels are as a Scenario's. Pods of a template that changes are replaced.
	Labels map[string]map[string]string `json:"labels,omitempty"`

	NotAccepted   []string       `json:"notAccepted,omitempty"`
	Preconditions []Precondition `json:"preconditions,omitempty"`
	Expect        Expect         `json:"expect"`
}

// Expand is the scenario as the meshes that are scored, in order: itself, or one for each step,
// called NAME/1-STEP and so on. What a step changes stays until a later one changes it again.
func (s Scenario) Expand() ([]Scenario, error) {
	if len(s.Steps) == 0 {
		return []Scenario{s}, nil
	}
	objects := s.untouched()
	labels, replicas := maps.Clone(s.Labels), maps.Clone(s.Replicas)
	var all []Scenario
	for i, step := range s.Steps {
		if step.Name == "" {
			return nil, fmt.Errorf("scenario %s: step %d has no name", s.Name, i+1)
		}
		made := s
		made.Name, made.Steps = fmt.Sprintf("%s/%d-%s", s.Name, i+1, step.Name), nil
		made.Continues, made.Continued = i > 0, i < len(s.Steps)-1
		var err error
		if objects, err = s.step(objects, step); err != nil {
			return nil, fmt.Errorf("step %s: %w", step.Name, err)
		}
		labels, replicas = merge(labels, step.Labels), overlay(replicas, step.Scale)
		made.objects = map[string][]*unstructured.Unstructured{"": objects}
		made.Why, made.Labels, made.Replicas = step.Why, labels, replicas
		made.NotAccepted, made.Preconditions, made.Expect = step.NotAccepted, step.Preconditions, step.Expect
		all = append(all, made)
	}
	return all, nil
}

// untouched are the objects of the files that no step applies.
func (s Scenario) untouched() []*unstructured.Unstructured {
	files := []string{}
	for f := range s.objects {
		if !slices.ContainsFunc(s.Steps, func(step Step) bool { return slices.Contains(step.Apply, f) }) {
			files = append(files, f)
		}
	}
	return s.Objects(files...)
}

// step is what there is after a step, of what there was before.
func (s Scenario) step(before []*unstructured.Unstructured, step Step) ([]*unstructured.Unstructured, error) {
	if err := s.checkFiles("to apply", step.Apply); err != nil {
		return nil, err
	}
	after := slices.Clone(before)
	without := func(name string) bool {
		n := len(after)
		after = slices.DeleteFunc(after, func(o *unstructured.Unstructured) bool { return key(o) == name })
		return len(after) < n
	}
	for _, name := range step.Delete {
		if !without(name) {
			return nil, fmt.Errorf("scenario %s has no %s to delete", s.Name, name)
		}
	}
	if step.Apply == nil {
		return after, nil
	}
	for _, o := range s.Objects(step.Apply...) {
		without(key(o))
		after = append(after, o)
	}
	return after, nil
}

func merge(labels, more map[string]map[string]string) map[string]map[string]string {
	merged := overlay(labels, nil)
	for name, changes := range more {
		merged[name] = overlay(merged[name], changes)
	}
	return merged
}

// overlay is m with the entries of over on top.
func overlay[M ~map[string]V, V any](m, over M) M {
	all := M{}
	maps.Copy(all, m)
	maps.Copy(all, over)
	return all
}
