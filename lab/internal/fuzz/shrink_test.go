package fuzz

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func rule(name string, spec fields) Item {
	return Item{Manifest: &unstructured.Unstructured{Object: fields{
		"apiVersion": networking, "kind": "DestinationRule", "metadata": fields{"namespace": "shop", "name": name}, "spec": spec,
	}}}
}

func names(c Case) []string {
	var all []string
	for _, i := range c.Items {
		all = append(all, i.String())
	}
	return all
}

func TestShrink(t *testing.T) {
	policy := fields{"tls": fields{"mode": "DISABLE", "sni": "a"}, "loadBalancer": fields{"simple": "RANDOM"}}
	big := Case{Items: []Item{
		rule("one", fields{"host": "a"}),
		rule("two", fields{"host": "b", "exportTo": []any{".", "x"}, "trafficPolicy": policy}),
		rule("three", fields{"host": "c"}),
		{Setting: Setting{Kind: podLabel, Workload: "shop/server", Key: "l", Value: "v"}},
		{Setting: Setting{Kind: ofMesh, Key: "m", Value: false}},
	}}
	tries := 0
	still := func(c Case) bool {
		tries++
		n := slices.Index(names(c), "DestinationRule shop/two")
		if n < 0 || !slices.Contains(names(c), "shop/server l") {
			return false
		}
		mode, _, _ := unstructured.NestedString(c.Items[n].Manifest.Object, "spec", "trafficPolicy", "tls", "mode")
		exports, _, _ := unstructured.NestedSlice(c.Items[n].Manifest.Object, "spec", "exportTo")
		return mode == "DISABLE" && slices.Contains(exports, any("x"))
	}
	small := Shrink(big, still)
	want := Case{Items: []Item{
		rule("two", fields{"exportTo": []any{"x"}, "trafficPolicy": fields{"tls": fields{"mode": "DISABLE"}}}),
		big.Items[3],
	}}
	if diff := cmp.Diff(want, small); diff != "" {
		t.Error(diff)
	}
	if len(big.Items) != 5 || len(policy) != 2 {
		t.Error("the case that was given has changed")
	}
	if tries > 40 {
		t.Errorf("%d tries", tries)
	}
}

// TestShrinkKeeps: what nothing can be taken from stays as it is, other manifests than Istio's whole.
func TestShrinkKeeps(t *testing.T) {
	service := Item{Manifest: &unstructured.Unstructured{Object: fields{"apiVersion": "v1", "kind": "Service", "metadata": fields{"name": "s"}, "spec": fields{"ports": []any{}}}}}
	big := Case{Items: []Item{rule("one", fields{"host": "a"}), service}}
	small := Shrink(big, func(c Case) bool { return len(c.Items) == 2 && len(c.Items[0].Manifest.Object["spec"].(fields)) == 1 })
	if diff := cmp.Diff(big, small); diff != "" {
		t.Error(diff)
	}
}
