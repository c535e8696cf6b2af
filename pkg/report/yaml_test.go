package report

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v2"
	kjson "k8s.io/apimachinery/pkg/util/json"
)

// TestYAMLByParts: written part by part, a document is what the library writes of the whole.
func TestYAMLByParts(t *testing.T) {
	d := diagnosis(t, "../../testdata/captures/03-dr-disable-vs-strict.tar.gz")
	for name, document := range map[string]any{
		"edges":    Edges(d.Snapshot, d.Edges()[:3]),
		"no edges": Edges(d.Snapshot, nil),
		"values": map[string]any{
			"no": "no", "text": "a\n  b\n", "long": strings.Repeat("long ", 300), "null": nil, "whole": 1 << 40,
			"lists": []any{map[string]any{"b": 1, "a": true}, []any{1, []any{}}, nil, "a: b", "a\nb"},
		},
	} {
		text, err := json.Marshal(document)
		if err != nil {
			t.Fatal(err)
		}
		var content any
		if err := kjson.Unmarshal(text, &content); err != nil {
			t.Fatal(err)
		}
		want, err := yaml.Marshal(content)
		if err != nil {
			t.Fatal(err)
		}
		var got strings.Builder
		if err := writeYAML(&got, document, Style{}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got.String()); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
