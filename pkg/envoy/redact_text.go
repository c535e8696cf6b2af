package envoy

import (
	"bytes"
	"encoding/base64"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// minSecret is shorter than any string that a rule changes.
const minSecret = len(`"://a:b@c"`)

// suspicious reports whether a JSON string needs a closer look. It is asked about every string of a dump.
func suspicious(raw jsontext.Value) bool {
	if len(raw) < minSecret {
		return false
	}
	if looksLikeJSON(raw[1:]) {
		return true
	}
	has := signsOf(raw)
	if has&hasEscape != 0 && (bytes.Contains(raw, []byte(`\u`)) || bytes.Contains(raw, []byte(`\/`))) {
		return true // the escape of a letter or slash can hide any mark
	}
	for i := range textRules {
		if textRules[i].mayHit(has, raw) {
			return true
		}
	}
	return false
}

// looksLikeJSON looks at the first byte that is not white space, escaped or not.
func looksLikeJSON(text []byte) bool {
	text = bytes.TrimLeft(text, " \\nrt\n\r\t")
	return len(text) > 0 && (text[0] == '{' || text[0] == '[' || text[0] == '"')
}

// clean drops the secrets inside a string.
func (c *copier) clean(s string, at place) string {
	switch {
	case at.keep != nil && !at.keep(s):
		return redacted
	case at.bytes:
		return c.cleanBytes(s, at)
	}
	if out, ok := c.cleanJSON(s, at); ok {
		return out
	}
	return cleanText(s)
}

// maxNesting is how deep JSON in strings in JSON is followed.
const maxNesting = 4

// cleanJSON redacts a document that stands inside a string: the configuration of a Wasm filter,
// a last-applied-configuration annotation, a whole dump.
func (c *copier) cleanJSON(s string, at place) (string, bool) {
	if c.nesting >= maxNesting || !looksLikeJSON([]byte(s)) {
		return "", false
	}
	var out bytes.Buffer
	inner := &copier{
		in:      jsontext.NewDecoder(strings.NewReader(s), copyOptions()...),
		out:     jsontext.NewEncoder(&out, copyOptions()...),
		names:   c.names,
		nesting: c.nesting + 1,
	}
	if err := inner.document(place{jwk: at.jwk}); err != nil {
		return "", false
	}
	if !inner.changed {
		return s, true
	}
	return strings.TrimSuffix(out.String(), "\n"), true
}

// cleanBytes looks through base64. Bytes that are not text cannot be cut, so they go as a whole.
func (c *copier) cleanBytes(s string, at place) string {
	data, ok := decodeBase64(s)
	if !ok {
		return cleanText(s)
	}
	if !isText(data) {
		if bytes.Contains(data, []byte(keyMark)) {
			return redactedBytes
		}
		return s
	}
	at.bytes = false
	if now := c.clean(string(data), at); now != string(data) {
		return base64.StdEncoding.EncodeToString([]byte(now))
	}
	return s
}

// looksLikePath accepts what an administrator writes for a file, not what a key looks like.
func looksLikePath(s string) bool {
	return len(s) <= 256 && !strings.ContainsAny(s, " \t\r\n=+") && strings.ContainsAny(s, "/.")
}

func looksLikeVariable(s string) bool { return variable.MatchString(s) }

var variable = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,63}$`)

func isText(data []byte) bool {
	return utf8.Valid(data) && bytes.IndexFunc(data, isBinary) < 0
}

func isBinary(r rune) bool { return unicode.IsControl(r) && !unicode.IsSpace(r) }
