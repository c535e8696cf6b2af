package envoy

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/mtls-doctor/kubectl-mtls-doctor/internal/racing"
)

// rewrites turn a dump into another form that says the same.
func rewrites(t *testing.T) map[string]func(string) string {
	t.Helper()
	return map[string]func(string) string{
		"compact": func(s string) string {
			var out bytes.Buffer
			if err := json.Compact(&out, []byte(s)); err != nil {
				t.Fatal(err)
			}
			return out.String()
		},
		"camel case":       func(s string) string { return rewrite(t, s, camel, false) },
		"members reversed": func(s string) string { return rewrite(t, s, nil, true) },
		"numbers as strings": func(s string) string {
			return regexp.MustCompile(`("[a-z_]*port[a-z_]*": )([0-9]+)`).ReplaceAllString(s, `$1"$2"`)
		},
		"yaml": func(s string) string {
			out, err := yaml.JSONToYAML([]byte(s))
			if err != nil {
				t.Fatal(err)
			}
			return string(out)
		},
		"a JSON string":   strconv.Quote,
		"wrapped":         func(s string) string { return `{"shop":{"client-1":` + s + `}}` },
		"byte order mark": func(s string) string { return "\xef\xbb\xbf" + s },
	}
}

// TestDecodingDoesNotDependOnTheForm is about Any with @type last, either key spelling and
// every wrapping: all forms of a dump give the same proxy.
func TestDecodingDoesNotDependOnTheForm(t *testing.T) {
	dumps := recorded(t)
	for _, name := range racing.Some([]string{"authz-server", "dr-disable-client", "nack-server"}) {
		text := dumps[name]
		want := mustDump(t, text)
		for form, to := range rewrites(t) {
			t.Run(name+"/"+form, func(t *testing.T) {
				got, kind, err := DecodeAny(strings.NewReader(to(text)), nil)
				if err != nil || kind != KindConfigDump {
					t.Fatalf("DecodeAny: kind %s, %v", kind, err)
				}
				diff(t, "proxy", want, got)
			})
		}
	}
}

var snakeName = regexp.MustCompile(`^[a-z]+(_[a-z0-9]+)+$`)

// camel spells the names of fields as istioctl does; keys of maps look different.
func camel(name string) string {
	if !snakeName.MatchString(name) {
		return name
	}
	parts := strings.Split(name, "_")
	for i, p := range parts[1:] {
		parts[i+1] = strings.ToUpper(p[:1]) + p[1:]
	}
	return strings.Join(parts, "")
}

// rewrite renames the members of all objects and puts them in alphabetical or reversed order.
func rewrite(t *testing.T, text string, rename func(string) string, reversed bool) string {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	writeValue(t, &out, v, rename, reversed)
	return out.String()
}

func writeValue(t *testing.T, out *bytes.Buffer, v any, rename func(string) string, reversed bool) {
	t.Helper()
	switch v := v.(type) {
	case map[string]any:
		keys := sortedKeys(v) // "@type" sorts first, reversed it comes last
		if reversed {
			slices.Reverse(keys)
		}
		out.WriteByte('{')
		for i, key := range keys {
			if i > 0 {
				out.WriteByte(',')
			}
			name := key
			if rename != nil {
				name = rename(key)
			}
			out.WriteString(strconv.Quote(name) + ":")
			writeValue(t, out, v[key], rename, reversed)
		}
		out.WriteByte('}')
	case []any:
		out.WriteByte('[')
		for i, item := range v {
			if i > 0 {
				out.WriteByte(',')
			}
			writeValue(t, out, item, rename, reversed)
		}
		out.WriteByte(']')
	default:
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(text)
	}
}
