package report

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
)

func TestYAMLLooksLike(t *testing.T) {
	document := struct {
		Text  map[string]string `json:"text"`
		Lists []any             `json:"lists"`
		Empty []any             `json:"empty"`
		Inner map[string]any    `json:"inner"`
	}{
		Text: map[string]string{
			"manifest": "kind: X\nspec:\n  a: b\n\n  c: d\n", "command": "a \\\n  b", "no": "no", "port": "80", "colon": "a: b", "comment": "a #b",
			"url": "https://x.y:80/z", "wide": "a → b", "hidden": "a\u202eb", "trailing": "a \nb", "path": "/etc/ssl", "tab": "a\n\tb",
		},
		Lists: []any{map[string]any{"b": 1, "a": true}, []any{1, []any{}}, nil, 1e21},
		Inner: map[string]any{"object": map[string]any{}, "list": []string{"a\nb"}},
	}
	want := `empty: null
inner:
  list:
  - |-
    a
    b
  object: {}
lists:
- a: true
  b: 1
- - 1
  - []
- null
- 1e+21
text:
  colon: "a: b"
  command: |-
    a \
      b
  comment: "a #b"
  hidden: "a\u202eb"
  manifest: |
    kind: X
    spec:
      a: b

      c: d
  "no": "no"
  path: /etc/ssl
  port: "80"
  tab: "a\n\tb"
  trailing: "a \nb"
  url: https://x.y:80/z
  wide: "a → b"
`
	if diff := cmp.Diff(want, asYAML(t, document)); diff != "" {
		t.Error(diff)
	}
}

func asYAML(t testing.TB, document any) string {
	t.Helper()
	var b strings.Builder
	if err := writeYAML(&b, document, Style{}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestEdgesYAML: written one by one, edges are the same document.
func TestEdgesYAML(t *testing.T) {
	d := diagnosis(t, "../../testdata/captures/03-dr-disable-vs-strict.tar.gz")
	for _, some := range [][]*handshake.Edge{nil, d.Edges()[:3]} {
		var b strings.Builder
		if err := edgesYAML(&b, connections{snapshot: d.Snapshot, edges: some}, Style{}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(asYAML(t, Edges(d.Snapshot, some)), b.String()); diff != "" {
			t.Errorf("%d edges: %s", len(some), diff)
		}
	}
}

// FuzzYAML: whatever the text is, as a name, as a value and in a list, parsers read it back.
func FuzzYAML(f *testing.F) {
	for _, s := range []string{
		"", " ", "a", "a\nb", "a\n", "\na", "a\n\n", "a\n\nb", " a\nb", "a\n b", "a \nb", "no", "~", "- a", "a: b", "a:", ":", "a #b", "#", "1", "1e3",
		"0x1f", "1:20", "2026-01-01", "\t", "\x00", "\x7f", "\u0085", "\u2028", "\ufeff", "\\", `"`, "'", "{", "[a]", "|", ">", "%", "@", "`", "!a", "&a", "*a",
		"?", "? a", "<<", "=", "a\r\nb", "---", "a\n---\nb", "a\n...\nb", "😀", strings.Repeat("long ", 300),
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		s = strings.ToValidUTF8(s, "?")
		want := map[string]any{"value": s, "list": []any{s, []any{s}, map[string]any{s: s}}, "name": map[string]any{s: s}}
		text := asYAML(t, want)
		var got map[string]any
		if err := yaml.UnmarshalStrict([]byte(text), &got); err != nil {
			t.Fatalf("%v:\n%s", err, text)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s:\n%s", diff, text)
		}
	})
}
