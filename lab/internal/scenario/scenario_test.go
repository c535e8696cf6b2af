package scenario

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/kube"
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
		if len(s.Objects())+len(s.MeshConfig)+len(s.changed()) == 0 && !s.Expect.Healthy {
			t.Errorf("scenario %s breaks nothing", s.Name)
		}
	}
}

// TestNumbers holds scenarios to numbers of their own, by which they are called.
func TestNumbers(t *testing.T) {
	names, err := All(folder)
	if err != nil {
		t.Fatal(err)
	}
	has := map[string]string{}
	for _, name := range names {
		number, _, _ := strings.Cut(name, "-")
		if other := has[number]; other != "" {
			t.Errorf("%s and %s have one number", other, name)
		}
		has[number] = name
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
		{"a fault without proof", "description: a\nexpect: {cause: {subject: b}}\n", "no preconditions"},
		{"a fault that nobody waits for", "description: a\nfaults: [{name: cut-istiod, pod: a/b}]\nexpect: {cause: {subject: b}}\n", "no preconditions"},
		{"a proof by an empty page", "description: a\npreconditions: [{proxy: a/b, page: certs, lacks: x}]\nexpect: {cause: {subject: b}}\n", "empty page"},
		{"innocent, and guilty", "description: a\npreconditions: [{proxy: a/b, has: x}]\nexpect: {notMTLS: [{from: a/b, to: 'c:80'}], cause: {subject: b}}\n", "clears mutual TLS"},
		{"steps and an expectation", "description: a\nsteps: [{name: a, expect: {healthy: true}}]\nexpect: {healthy: true}\n", "are theirs"},
		{"a step without name", "description: a\nsteps: [{expect: {healthy: true}}]\n", "step 1 has no name"},
		{"a step without expectation", "description: a\nsteps: [{name: b}]\n", "/1-b expects neither"},
		{"a step that applies nothing known", "description: a\nsteps: [{name: b, apply: [c.yaml], expect: {healthy: true}}]\n", "no manifest c.yaml"},
		{"a step that deletes nothing known", "description: a\nsteps: [{name: b, delete: [Service a/b], expect: {healthy: true}}]\n", "no Service a/b to delete"},
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

func TestLoadTakesProofs(t *testing.T) {
	for _, proof := range []string{
		"preconditions: [{proxy: a/b, page: certs, has: x}]", "preconditions: [{proxy: a/b, otherRootThan: c/d}]",
		"notAccepted: [a/b]", "faults: [{name: cut-istiod, pod: a/b, until: certificate-expired}]",
	} {
		dir := t.TempDir()
		text := "description: a\nexpect: {cause: {subject: b}}\n" + proof
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(dir); err != nil {
			t.Errorf("%s: %v", proof, err)
		}
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

func TestCompose(t *testing.T) {
	const text = `{"kind": "Deployment", "metadata": {"namespace": "shop", "name": "server"}, "spec": {"template": {"metadata": {"labels": {"app": "server", "tier": "a"}}}}}
{"kind": "Namespace", "metadata": {"name": "shop", "labels": {"istio-injection": "enabled"}}}`
	common, err := kube.Parse(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	s := Scenario{
		Annotations: map[string]map[string]string{"shop/server": {"a": "b"}},
		Labels:      map[string]map[string]string{"shop/server": {"tier": "", "track": "x"}, "shop": {"istio-injection": ""}},
		Replicas:    map[string]int64{"shop/server": 0},
	}
	for range 2 { // the common workloads stay as they are
		got, err := s.Compose(common)
		if err != nil {
			t.Fatal(err)
		}
		want := []map[string]any{
			{
				"kind": "Deployment", "metadata": map[string]any{"namespace": "shop", "name": "server"},
				"spec": map[string]any{"replicas": int64(0), "template": map[string]any{"metadata": map[string]any{
					"labels": map[string]any{"app": "server", "track": "x"}, "annotations": map[string]any{"a": "b"},
				}}},
			},
			{"kind": "Namespace", "metadata": map[string]any{"name": "shop", "labels": map[string]any{}}},
		}
		if diff := cmp.Diff(want, []map[string]any{got[0].Object, got[1].Object}); diff != "" {
			t.Error(diff)
		}
	}
	for _, s := range []Scenario{
		{Annotations: map[string]map[string]string{"shop/nobody": {"a": "b"}}},
		{Labels: map[string]map[string]string{"nowhere": {"a": ""}}},
		{Replicas: map[string]int64{"shop/nobody": 1}},
	} {
		if _, err := s.Compose(common); err == nil {
			t.Errorf("%+v changes nobody: no error", s)
		}
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
