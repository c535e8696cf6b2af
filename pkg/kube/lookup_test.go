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

// Every resource that can be looked up is walked, under the name by which it is looked up.
func TestConfiguring(t *testing.T) {
	var r Resources
	for _, k := range Kinds() {
		item := `{"items":[{"metadata":{"name":"a","namespace":"shop"}}]}`
		if k.Clustered {
			item = strings.Replace(item, `,"namespace":"shop"`, "", 1)
		}
		if _, err := r.AddList(k, strings.NewReader(item)); err != nil {
			t.Fatal(err)
		}
	}
	walked := map[string]bool{}
	for ref, m := range r.Configuring() {
		if r.MetaOf(ref) != m {
			t.Errorf("%s is another one when looked up", ref)
		}
		walked[ref.Kind] = true
	}
	for _, kind := range []string{"PeerAuthentication", "DestinationRule", "ConfigMap", "MutatingWebhookConfiguration"} {
		if !walked[kind] {
			t.Errorf("no %s", kind)
		}
	}
	if walked["Pod"] || walked["EndpointSlice"] {
		t.Error("what comes and goes by itself is walked")
	}
	for range r.Configuring() {
		break // and nothing panics
	}
}
