package scenario

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

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
	s := Scenario{Name: "x", Annotations: map[string]map[string]string{"shop/nobody": {"a": "b"}}}
	if _, err := s.Compose(nil); err == nil {
		t.Error("no error")
	}
}
