package bundle

import (
	"strings"
	"testing"
	"testing/iotest"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
)

// namesIn reads objects and returns their kinds and names.
func namesIn(t *testing.T, f func(func([]byte) error) (int, error)) (names []string, items int, err error) {
	t.Helper()
	items, err = f(func(raw []byte) error {
		var o struct {
			Kind     string
			Metadata struct{ Name string }
		}
		e := json.Unmarshal(raw, &o, json.MatchCaseInsensitiveNames(true))
		names = append(names, o.Kind+" "+o.Metadata.Name)
		return e
	})
	return names, items, err
}

func TestEachYAML(t *testing.T) {
	tests := map[string]struct {
		text  string
		want  []string
		items int
		fails bool
	}{
		"list":                  {"apiVersion: v1\nitems:\n- kind: Pod\n  metadata:\n    name: a\n- kind: Secret\n  metadata:\n    name: s\n- kind: Pod\n  metadata:\n    name: b\nkind: List\n", []string{"Pod a", "Pod b"}, 3, false},
		"indented items":        {"items:\n  - kind: Pod\n    metadata:\n      name: a\n      finalizers:\n      - x\nkind: List\n", []string{"Pod a"}, 1, false},
		"nested lists":          {"items:\n- kind: Pod\n  metadata:\n    name: a\n  spec:\n    containers:\n    - name: x\n      args:\n      - \"- kind: Secret\"\nkind: List\n", []string{"Pod a"}, 1, false},
		"empty list":            {"apiVersion: v1\nitems: []\nkind: List\n", nil, 0, false},
		"windows line ends":     {"items:\r\n- kind: Pod\r\n  metadata:\r\n    name: a\r\nkind: List\r\n", []string{"Pod a"}, 1, false},
		"errors before":         {"Error from server: x\napiVersion: v1\nitems:\n- kind: Pod\n  metadata:\n    name: a\nkind: List\n", []string{"Pod a"}, 1, false},
		"one object":            {"---\napiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n", []string{"Pod a"}, 1, false},
		"documents":             {"kind: Pod\nmetadata:\n  name: a\n---\nkind: Pod\nmetadata:\n  name: b\n", []string{"Pod a", "Pod b"}, 2, false},
		"block text at the rim": {"items:\n- kind: ConfigMap\n  data:\n    x: |\n      items:\n      - a\n\n      kind: b\n  metadata:\n    name: a\nkind: List\n", []string{"ConfigMap a"}, 1, false},
		"without kind":          {"items:\n- metadata:\n    name: a\nkind: PodList\n", []string{" a"}, 1, false},
		"cut":                   {"items:\n- kind: Pod\n  metadata:\n    name: a\n- kind: Pod\n  metadata:\n", []string{"Pod a"}, 1, true},
		"not YAML":              {"items:\n- kind: Pod\n  metadata: {]\n- kind: Pod\n  metadata:\n    name: b\nkind: List\n", []string{"Pod b"}, 2, true},
		"nothing":               {"", nil, 0, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, items, err := namesIn(t, func(f func([]byte) error) (int, error) {
				return eachYAML(iotest.OneByteReader(strings.NewReader(test.text)), f)
			})
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
			if items != test.items || (err != nil) != test.fails {
				t.Errorf("%d items, error %v; want %d, error %t", items, err, test.items, test.fails)
			}
		})
	}
}

func TestEachYAMLBounds(t *testing.T) {
	huge := "kind: Pod\nmetadata:\n  name: " + strings.Repeat("x", maxObject) + "\n"
	if _, err := eachYAML(strings.NewReader(huge), func([]byte) error { return nil }); err == nil {
		t.Error("an object without bounds was read")
	}
}

func TestEachJSON(t *testing.T) {
	const pod = `{"kind":"Pod","metadata":{"name":"a"}}`
	tests := map[string]struct {
		text  string
		want  []string
		fails bool
	}{
		"list":          {`{"kind":"List","items":[` + pod + `,` + pod + `],"apiVersion":"v1"}`, []string{"Pod a", "Pod a"}, false},
		"array":         {`[` + pod + `]`, []string{"Pod a"}, false},
		"one object":    {pod, []string{"Pod a"}, false},
		"no items":      {`{"kind":"List","items":null}`, nil, false},
		"cut":           {`{"kind":"List","items":[` + pod + `,{"kind"`, []string{"Pod a"}, true},
		"cut after":     {`{"kind":"List","items":[` + pod + `]`, []string{"Pod a"}, true},
		"cut array":     {`[` + pod, []string{"Pod a"}, true},
		"cut object":    {pod[:20], nil, true},
		"not a listing": {`{"items":7}`, nil, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, _, err := namesIn(t, func(f func([]byte) error) (int, error) { return eachJSON(strings.NewReader(test.text), f) })
			if diff := cmp.Diff(test.want, got); diff != "" || (err != nil) != test.fails {
				t.Errorf("error %v, want one: %t; %s", err, test.fails, diff)
			}
		})
	}
}
