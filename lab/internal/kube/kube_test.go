package kube

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func TestDisown(t *testing.T) {
	set := func(manager string, operation metav1.ManagedFieldsOperationType, label string) metav1.ManagedFieldsEntry {
		fields := metav1.NewFieldsV1(`{"f:metadata":{"f:labels":{"f:` + label + `":{}}}}`)
		return metav1.ManagedFieldsEntry{Manager: manager, Operation: operation, APIVersion: "v1", FieldsType: "FieldsV1", FieldsV1: fields}
	}
	lab := set(fieldManager, metav1.ManagedFieldsOperationApply, "app")
	controller := set("kube-controller-manager", metav1.ManagedFieldsOperationUpdate, "controlled")
	person := set("kubectl-label", metav1.ManagedFieldsOperationUpdate, "added")
	for _, tt := range []struct {
		name    string
		entries []metav1.ManagedFieldsEntry
		want    []string // of the patch; none: there is no patch
		lacks   string
	}{
		{"nobody else", []metav1.ManagedFieldsEntry{lab}, nil, ""},
		{"a controller", []metav1.ManagedFieldsEntry{lab, controller}, nil, ""},
		{"a person", []metav1.ManagedFieldsEntry{lab, controller, person}, []string{`"f:added":{},"f:app":{}`, "kube-controller-manager"}, "kubectl-label"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := &unstructured.Unstructured{Object: map[string]any{}}
			o.SetManagedFields(tt.entries)
			patch, err := disown(o)
			if err != nil {
				t.Fatal(err)
			}
			if (patch == nil) != (tt.want == nil) {
				t.Errorf("patch: %s", patch)
			}
			for _, want := range tt.want {
				if !strings.Contains(string(patch), want) {
					t.Errorf("no %s in %s", want, patch)
				}
			}
			if tt.lacks != "" && strings.Contains(string(patch), tt.lacks) {
				t.Errorf("%s still in %s", tt.lacks, patch)
			}
		})
	}
}
