package envoy

import (
	"bytes"
	"path/filepath"
	"testing"
)

// TestRedactKeepsTheModel: a proxy is judged alike before and after redaction, and a recording, from
// which Envoy has dropped the keys already, stays as it is but for its layout.
func TestRedactKeepsTheModel(t *testing.T) {
	for _, folder := range captures(t) {
		t.Run(filepath.Base(folder), func(t *testing.T) {
			t.Parallel()
			before, after := NewDecoder(nil), NewDecoder(nil)
			for _, name := range []string{"config_dump", "clusters", "certs", "stats", "server_info"} {
				text := captured(t, folder, name)
				redacted, err := redactBytes(text)
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				decodePart(t, before, name, text)
				decodePart(t, after, name, redacted)
			}
			compareQuickly(t, before.Proxy(), before.Proxy(), after.Proxy())
		})
	}
}

func decodePart(t testing.TB, d *Decoder, name string, text []byte) {
	t.Helper()
	read := map[string]func(*bytes.Reader) error{
		"config_dump": func(r *bytes.Reader) error { return d.ConfigDump(r) },
		"clusters":    func(r *bytes.Reader) error { return d.Clusters(r) },
		"certs":       func(r *bytes.Reader) error { return d.Certs(r) },
		"stats":       func(r *bytes.Reader) error { return d.Stats(r) },
		"server_info": func(r *bytes.Reader) error { return d.ServerInfo(r) },
	}
	if err := read[name](bytes.NewReader(text)); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// TestRedactPlantedKeys puts a key into every place of a recording that holds text or bytes, one
// after the other in turn, and looks for it afterwards.
func TestRedactPlantedKeys(t *testing.T) {
	key := testKey(t)
	text := captured(t, captures(t)[0], "config_dump")
	for _, tt := range []struct{ name, with string }{
		{"as text", `"` + escape(t, key) + `"`},
		{"in base64", `"` + encode(key) + `"`},
	} {
		planted := bytes.ReplaceAll(text, []byte(`"`+redactedBytes+`"`), []byte(tt.with))
		planted = bytes.ReplaceAll(planted, []byte(`"STRICT_DNS"`), []byte(tt.with))
		planted = bytes.ReplaceAll(planted, []byte(`"client"`), []byte(tt.with))
		out, err := redactBytes(planted)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Equal(planted, text) {
			t.Fatalf("%s: nothing was planted", tt.name)
		}
		assertNoSecret(t, string(out))
	}
}
