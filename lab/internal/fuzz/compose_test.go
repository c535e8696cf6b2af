package fuzz

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/scenario"
)

func common(t *testing.T) []*unstructured.Unstructured {
	t.Helper()
	objects, err := scenario.Workloads("../../scenarios")
	if err != nil {
		t.Fatal(err)
	}
	return objects
}

// TestCompose: every mesh is a scenario that can be written, read and run beside the common workloads.
func TestCompose(t *testing.T) {
	objects := common(t)
	rows, _ := Rows(3, 120)
	for _, r := range rows {
		c := Compose("x", r, objects)
		s := c.Scenario()
		if _, err := s.Compose(objects); err != nil {
			t.Fatalf("%s: %v", r, err)
		}
		named := map[string]bool{}
		for _, i := range c.Items {
			if named[i.String()] {
				t.Errorf("%s: two of %s", r, i)
			}
			named[i.String()] = true
		}
		dir := t.TempDir()
		if err := s.Save(dir); err != nil {
			t.Fatal(err)
		}
		if _, err := scenario.Load(dir + "/x"); err != nil {
			t.Fatalf("%s: %v", r, err)
		}
	}
	if diff := cmp.Diff(common(t), objects); diff != "" {
		t.Errorf("the common objects were changed: %s", diff)
	}
}

// TestEveryValueCounts: each value of each feature makes, in some mesh, other items than every
// other value of the feature would.
func TestEveryValueCounts(t *testing.T) {
	objects := common(t)
	rows, _ := Rows(5, 100)
	s := featureSpace()
	for f, feature := range features {
		for v := range feature.values {
			if !slices.ContainsFunc(rows, func(r Row) bool { return r[f] == v && s.counts(r, f, objects) }) {
				t.Errorf("%s %s changes nothing", feature.name, feature.values[v])
			}
		}
	}
}

// counts is true when all other values of the feature that fit the row make other items.
func (s space) counts(r Row, f int, objects []*unstructured.Unstructured) bool {
	items := func(r Row) []Item { return Compose("x", r, objects).Items }
	here := items(r)
	for v := range s.sizes[f] {
		other := slices.Clone(r)
		other[f] = v
		if _, fits := s.adds(r, cell{f, v}, nil); fits && v != r[f] && cmp.Equal(here, items(other)) {
			return false
		}
	}
	return true
}
