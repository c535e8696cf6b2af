package report

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v2"
	kjson "k8s.io/apimachinery/pkg/util/json"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
)

// TestYAMLByParts: written part by part, a document is what the library writes of the whole.
func TestYAMLByParts(t *testing.T) {
	values := map[string]any{
		"no": "no", "text": "a\n  b\n", "long": strings.Repeat("long ", 300), "null": nil, "whole": 1 << 40,
		"lists": []any{map[string]any{"b": 1, "a": true}, []any{1, []any{}}, nil, "a: b", "a\nb"},
	}
	var got strings.Builder
	if err := writeYAML(&got, values, Style{}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(byLibrary(t, values), got.String()); diff != "" {
		t.Error(diff)
	}
	eachCapture(t, func(t *testing.T, d *diagnose.Result) {
		for _, edges := range [][]*handshake.Edge{d.Edges(), nil} {
			var got strings.Builder
			if err := edgesYAML(&got, connections{snapshot: d.Snapshot, edges: edges}, Style{}); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(byLibrary(t, Edges(d.Snapshot, edges)), got.String()); diff != "" {
				t.Errorf("%d edges: %s", len(edges), diff)
			}
		}
	})
}

// plain is a document as it is read back from its JSON.
func plain(t testing.TB, document any) (content any) {
	t.Helper()
	text, err := json.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	if err := kjson.Unmarshal(text, &content); err != nil {
		t.Fatal(err)
	}
	return content
}

// byLibrary is the YAML that the library makes of a document.
func byLibrary(t testing.TB, document any) string {
	t.Helper()
	out, err := yaml.Marshal(plain(t, document))
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// TestYAMLIsFast: few connections are left to the library.
func TestYAMLIsFast(t *testing.T) {
	all, slow := 0, 0
	eachCapture(t, func(t *testing.T, d *diagnose.Result) {
		for _, e := range Edges(d.Snapshot, d.Edges()).Edges {
			all++
			if _, ok := fastYAML(t, e); !ok {
				slow++
			}
		}
	})
	if slow*20 > all {
		t.Errorf("%d of %d connections are left to the library", slow, all)
	}
}

func fastYAML(t *testing.T, document any) (string, bool) {
	t.Helper()
	var out bytes.Buffer
	ok := (&yamlWriter{b: &out}).list([]any{plain(t, document)}, 0)
	return out.String(), ok
}

// FuzzYAML: what is not left to the library is what it writes.
func FuzzYAML(f *testing.F) {
	for _, text := range []string{
		"10.244.0.1:8080", "1 connection (0 failed)", "2026-11-23 21:39", "1e3", "0x1f aa", "a: b", "it's: a", "a #b", "a:", "yes", "Null",
		"é → x", "-", "a\tb", "1_000 bb", "190:20:30",
		strings.Repeat("word ", 40) + "end", strings.Repeat("it's: ", 40) + "end", strings.Repeat("x", 200) + " y", "0b1 of", "12:30:45 is",
	} {
		f.Add(text, "name", 1)
	}
	f.Fuzz(func(t *testing.T, text, name string, n int) {
		document := map[string]any{name: text, "b": map[string]any{"c": []any{text, n, []any{text}, map[string]any{"d": text, "e": nil}}, "f": true}}
		if got, ok := fastYAML(t, document); ok {
			if diff := cmp.Diff(byLibrary(t, []any{document}), got); diff != "" {
				t.Errorf("%q: %s", text, diff)
			}
		}
	})
}
