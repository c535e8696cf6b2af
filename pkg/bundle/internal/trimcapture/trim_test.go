package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFilterJSON(t *testing.T) {
	tests := map[string]struct{ in, want string }{
		"server info":       {`{"version": "1", "node": {"id": "a", "extensions": [{"name": "x"}]}}`, `{"version":"1"}`},
		"bootstrap":         {`{"configs":[{"bootstrap":{"node":{"extensions":[1],"id":"a"}}},{"node":{"extensions":1}}]}`, `{"configs":[{"bootstrap":{"node":{"id":"a"}}},{"node":{"extensions":1}}]}`},
		"managed fields":    {`{"items":[{"metadata":{"managedFields":[{"manager":"m","fieldsV1":{"f:spec":{}}}]}}]}`, `{"items":[{"metadata":{"managedFields":[{"manager":"m"}]}}]}`},
		"numbers stay":      {`[1.50, 1e3, 12345678901234567890]`, `[1.50,1e3,12345678901234567890]`},
		"last applied":      {`{"items":[{"metadata":{"annotations":{"a":"b","kubectl.kubernetes.io/last-applied-configuration":"{}"}}}]}`, `{"items":[{"metadata":{"annotations":{"a":"b"}}}]}`},
		"text with escapes": {`{"a":"\u003cb\u003e\n"}`, `{"a":"\u003cb\u003e\n"}`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			if err := filterJSON(&out, strings.NewReader(test.in), unread); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, strings.TrimSpace(out.String())); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFilterJSONRefuses(t *testing.T) {
	for _, in := range []string{"", "{", `{"a":}`, "{} {}", `["a"`} {
		if err := filterJSON(&bytes.Buffer{}, strings.NewReader(in), unread); err == nil {
			t.Errorf("%q: no error", in)
		}
	}
}

func capture(t *testing.T) []byte {
	t.Helper()
	var buf bytes.Buffer
	err := writeFiles(&buf, []file{
		{"x/truth.json", []byte(`{"pairs": []}`)},
		{"x/README.md", []byte("what happened\n")},
		{"x/bundle/proxies/shop/a/proxy.log", []byte("the answers")},
		{"x/bundle/proxies/shop/a/server_info.json", []byte(`{"version":"1","command_line_options":{"mode":"Serve"}}`)},
		{"x/bundle/manifest.json", []byte(`{"kind": "Bundle"}`)},
		{"x/bundle/kubernetes/nodes.core.json", []byte(`{}`)},
	})
	if err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func TestTrim(t *testing.T) {
	tests := map[string]struct {
		bundleOnly bool
		want       []file
	}{
		"capture": {false, []file{
			{"x/README.md", []byte("what happened\n")},
			{"x/bundle/manifest.json", []byte("{\"kind\":\"Bundle\"}\n")},
			{"x/bundle/proxies/shop/a/server_info.json", []byte("{\"version\":\"1\",\"command_line_options\":{}}\n")},
			{"x/truth.json", []byte(`{"pairs": []}`)},
		}},
		"bundle alone": {true, []file{
			{"manifest.json", []byte("{\"kind\":\"Bundle\"}\n")},
			{"proxies/shop/a/server_info.json", []byte("{\"version\":\"1\",\"command_line_options\":{}}\n")},
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			if err := trim(&out, bytes.NewReader(capture(t)), test.bundleOnly); err != nil {
				t.Fatal(err)
			}
			got, err := readFiles(&out)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(file{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRunIsRepeatable(t *testing.T) {
	dir := t.TempDir()
	full := filepath.Join(dir, "full.tar.gz")
	if err := os.WriteFile(full, capture(t), 0o600); err != nil {
		t.Fatal(err)
	}
	var made [2][]byte
	for i := range made {
		out := t.TempDir()
		var stdout, stderr bytes.Buffer
		if code := run([]string{"-o", out, full}, &stdout, &stderr); code != 0 {
			t.Fatalf("exit %d: %s", code, &stderr)
		}
		made[i], _ = os.ReadFile(filepath.Join(out, "full.tar.gz"))
	}
	if len(made[0]) == 0 || !bytes.Equal(made[0], made[1]) {
		t.Error("the same capture gave other bytes the second time")
	}
	if code := run([]string{"-o", dir, full}, io.Discard, io.Discard); code != 0 {
		t.Errorf("exit %d for a folder that holds the input", code)
	}
	if inPlace, _ := os.ReadFile(full); !bytes.Equal(inPlace, made[0]) {
		t.Error("the capture took its own place with other bytes")
	}
}

func TestRunFails(t *testing.T) {
	var stdout, stderr bytes.Buffer
	if code := run([]string{"-o", t.TempDir(), "no-such-file"}, &stdout, &stderr); code != 1 || !strings.Contains(stderr.String(), "no-such-file") {
		t.Errorf("exit %d, %q", code, &stderr)
	}
	if code := run([]string{"-x"}, &stdout, &stderr); code != 2 {
		t.Errorf("exit %d for an unknown flag, want 2", code)
	}
}
