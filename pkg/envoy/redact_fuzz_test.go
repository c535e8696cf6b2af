package envoy

import (
	"bytes"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

// FuzzRedact: whatever comes in, a copy is JSON of the same shape, a second copy changes nothing,
// no key block survives, and what is not JSON is an error.
func FuzzRedact(f *testing.F) {
	for _, c := range redactCases {
		f.Add([]byte(plant(f, c.in)))
	}
	for _, text := range keptCases {
		f.Add([]byte(plant(f, text)))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		once, err := redactBytes(in)
		if valid := isOneDocument(in); valid != (err == nil) {
			t.Fatalf("valid %v, error %v", valid, err)
		}
		if err != nil {
			return
		}
		if !isOneDocument(once) {
			t.Fatalf("copy is not JSON: %q", once)
		}
		assertNoKeyBlock(t, once)
		if got, want := skeleton(t, once), skeleton(t, in); got != want {
			t.Fatalf("shape %s, was %s", got, want)
		}
		if twice, err := redactBytes(once); err != nil || !bytes.Equal(once, twice) {
			t.Fatalf("second copy differs: %q, then %q (%v)", once, twice, err)
		}
	})
}

func redactBytes(in []byte) ([]byte, error) {
	var out bytes.Buffer
	err := Redact(&out, bytes.NewReader(in))
	return out.Bytes(), err
}

func isOneDocument(text []byte) bool {
	return jsontext.Value(text).IsValid(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
}

// assertNoKeyBlock looks at every string as a reader of the copy would see it.
func assertNoKeyBlock(t *testing.T, out []byte) {
	t.Helper()
	in := jsontext.NewDecoder(bytes.NewReader(out), copyOptions()...)
	for {
		token, err := in.ReadToken()
		if err != nil {
			return
		}
		if token.Kind() == '"' && keyBegin.MatchString(token.String()) {
			t.Fatalf("a key begins in %q", token.String())
		}
	}
}

// skeleton counts containers, literals and numbers; members may change places, and numbers below a
// password become text.
func skeleton(t *testing.T, text []byte) string {
	t.Helper()
	counts := map[jsontext.Kind]int{}
	in := jsontext.NewDecoder(bytes.NewReader(text), copyOptions()...)
	for {
		token, err := in.ReadToken()
		if err != nil {
			break
		}
		kind := token.Kind()
		if kind == '0' {
			kind = '"'
		}
		counts[kind]++
	}
	var out strings.Builder
	for _, k := range []jsontext.Kind{'{', '[', '"', 't', 'f', 'n'} {
		out.WriteString(strings.Repeat(string(rune(k)), counts[k]))
	}
	return out.String()
}
