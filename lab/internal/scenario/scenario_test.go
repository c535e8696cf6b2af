package scenario

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const folder = "../../scenarios"

// TestFolder loads every scenario of the repository: each composes with the common workloads.
func TestFolder(t *testing.T) {
	common, err := Workloads(folder)
	if err != nil {
		t.Fatal(err)
	}
	list, err := Find(folder)
	if err != nil {
		t.Fatal(err)
	}
	if len(list) < 40 {
		t.Errorf("%d scenarios, want 40", len(list))
	}
	for _, s := range list {
		if _, err := s.Compose(common); err != nil {
			t.Error(err)
		}
		if s.Expect.VerdictsOnly {
			t.Errorf("scenario %s does not say what a diagnosis has to find", s.Name)
		}
		if len(s.Objects())+len(s.MeshConfig)+len(s.Annotations) == 0 && !s.Expect.Healthy {
			t.Errorf("scenario %s breaks nothing", s.Name)
		}
	}
}

func TestLoadRefuses(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"an unknown key", "description: a\nexpekt: {}\n", "expekt"},
		{"no description", "expect: {healthy: true}\n", "no description"},
		{"no expectation", "description: a\n", "neither health nor a cause"},
		{"verdicts only, and health", "description: a\nexpect: {healthy: true, verdictsOnly: true}\n", "or both"},
		{"two expectations", "description: a\nexpect: {healthy: true, cause: {code: MTD301, subject: b}}\n", "or both"},
		{"a history without manifest", "description: a\nfirst: [old.yaml]\nexpect: {healthy: true}\n", "no manifest old.yaml"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, file), []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := Load(dir); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q in it", err, tt.want)
			}
		})
	}
}

func TestFillObjects(t *testing.T) {
	o := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"endpoints": []any{map[string]any{"address": "$IP(shop/server)"}}, "n": int64(1)}}}
	resolve := func(w string) (string, error) {
		if w == "shop/server" {
			return "10.0.0.2", nil
		}
		return "", errors.New("no pod " + w)
	}
	if err := FillObjects([]*unstructured.Unstructured{o}, resolve); err != nil {
		t.Fatal(err)
	}
	list, _, _ := unstructured.NestedSlice(o.Object, "spec", "endpoints")
	if got := list[0].(map[string]any)["address"]; got != "10.0.0.2" {
		t.Errorf("address %v", got)
	}
	if _, err := Fill("$IP(shop/nobody)", resolve); err == nil {
		t.Error("no error for a workload without a pod")
	}
}

func TestComposeRefusesAnnotationsOfNobody(t *testing.T) {
	marks := map[string]map[string]string{"shop/nobody": {"a": "b"}}
	for _, s := range []Scenario{{Name: "x", Annotations: marks}, {Name: "x", Labels: marks}} {
		if _, err := s.Compose(nil); err == nil {
			t.Errorf("no error of %+v", s)
		}
	}
}

func TestComposeMarks(t *testing.T) {
	deployment := &unstructured.Unstructured{Object: map[string]any{"kind": "Deployment", "metadata": map[string]any{"namespace": "shop", "name": "server"}}}
	of := func(k, v string) map[string]map[string]string {
		return map[string]map[string]string{"shop/server": {k: v}}
	}
	all, err := Scenario{Annotations: of("a", "1"), Labels: of("l", "2")}.Compose([]*unstructured.Unstructured{deployment})
	if err != nil {
		t.Fatal(err)
	}
	got, _, _ := unstructured.NestedMap(all[0].Object, "spec", "template", "metadata")
	want := map[string]any{"annotations": map[string]any{"a": "1"}, "labels": map[string]any{"l": "2"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestSave(t *testing.T) {
	rule := func(name string) *unstructured.Unstructured {
		return &unstructured.Unstructured{Object: map[string]any{"kind": "DestinationRule", "metadata": map[string]any{"name": name}, "spec": map[string]any{"host": "h"}}}
	}
	want := Scenario{
		Name: "x", Description: "a", First: &[]string{}, Labels: map[string]map[string]string{"shop/server": {"a": "b"}}, MeshConfig: map[string]any{"c": false},
		Targets: []Target{{Host: "h", Port: 80, Endpoints: []string{"shop/server"}}}, Expect: Expect{VerdictsOnly: true},
	}.With("config.yaml", rule("one"), rule("two"))
	dir := t.TempDir()
	if err := want.Save(dir); err != nil {
		t.Fatal(err)
	}
	got, err := Load(filepath.Join(dir, "x"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(Scenario{})); diff != "" {
		t.Error(diff)
	}
}
