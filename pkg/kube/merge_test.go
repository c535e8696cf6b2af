package kube

import (
	"reflect"
	"strings"
	"testing"
)

// TestMergeEveryField fails when a kind is added to Resources and forgotten in Merge.
func TestMergeEveryField(t *testing.T) {
	one := &Resources{}
	for _, k := range Kinds() {
		if _, err := one.AddList(k, strings.NewReader(`{"items":[{"metadata":{"name":"a","namespace":"n"}}]}`)); err != nil {
			t.Fatalf("%s: %v", k.ID(), err)
		}
		one.MarkRead(k.ID())
	}
	got := Merge(one, one)
	v := reflect.ValueOf(got).Elem()
	for i := range v.NumField() {
		if f := v.Type().Field(i); f.IsExported() && v.Field(i).Len() != 1 {
			t.Errorf("%s: %d resources after joining one with itself, want 1", f.Name, v.Field(i).Len())
		}
	}
	for _, k := range Kinds() {
		if !got.HasRead(k.ID()) {
			t.Errorf("%s: read in both parts and not in what they make", k.ID())
		}
	}
}

func TestMergeKeepsTheFirst(t *testing.T) {
	read := func(labels string) *Resources {
		r := &Resources{}
		if _, err := r.AddObject([]byte(`{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p","namespace":"n","labels":{"from":"` + labels + `"}}}`)); err != nil {
			t.Fatal(err)
		}
		return r
	}
	if got := Merge(read("list"), read("file")).Pods[0].Labels["from"]; got != "list" {
		t.Errorf("the pod of the %s stayed, want that of the list", got)
	}
}
