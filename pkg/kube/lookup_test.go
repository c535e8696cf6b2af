package kube

import (
	"strings"
	"testing"
)

func TestMetaOf(t *testing.T) {
	for _, k := range Kinds() {
		var r Resources
		item := `{"items":[{"metadata":{"name":"a","namespace":"shop","uid":"1"}}]}`
		if k.Clustered {
			item = strings.Replace(item, `"namespace":"shop",`, "", 1)
		}
		if _, err := r.AddList(k, strings.NewReader(item)); err != nil {
			t.Fatal(err)
		}
		ref := Ref{Kind: k.Name, Namespace: "shop", Name: "a"}
		if k.Clustered {
			ref.Namespace = ""
		}
		m := r.MetaOf(ref)
		if m == nil {
			continue // a kind that is not looked up
		}
		if m.UID != "1" {
			t.Errorf("%s: %+v", k.Name, m)
		}
		if ref.Name = "b"; r.MetaOf(ref) != nil {
			t.Errorf("%s: another name", k.Name)
		}
	}
	r := Resources{DestinationRules: []*DestinationRule{{Meta: Meta{Name: "a", Namespace: "pay"}}}}
	if r.MetaOf(Ref{Kind: "DestinationRule", Namespace: "pay", Name: "a"}) == nil || r.MetaOf(Ref{Kind: "DestinationRule", Namespace: "shop", Name: "a"}) != nil {
		t.Error("a DestinationRule is found by its namespace too")
	}
}
