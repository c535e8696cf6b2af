package envoy

import (
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

// What stands in the place of a secret: as Envoy itself writes it, and the same in base64
// where the schema has bytes.
const (
	redacted      = "[redacted]"
	redactedBytes = "W3JlZGFjdGVkXQ=="
)

// Redact copies admin JSON from r to w and drops, while it reads, what must never leave a
// cluster: private keys (by field, and by their PEM wherever it stands, plain or base64),
// session ticket keys, passwords, tokens, generic secrets, values of authorization and cookie
// headers, credentials in URLs. Envoy redacts fields that its schema marks as sensitive; it
// cannot know those in Lua, Wasm and node metadata, in headers, and in files that other tools wrote.
//
// Only the secret is replaced, by "[redacted]". Certificates, SDS names, file paths and numbers
// stay as they are, to the digit, and so the decoded Proxy is the same before and after. Copying
// holds one string at a time, never the dump; a dump that is itself one JSON string is one string.
//
// The error names the byte offset of what is not JSON. What was written before it holds no part
// of a secret, but is not complete: discard it.
func Redact(w io.Writer, r io.Reader) error {
	c := &copier{
		in:    jsontext.NewDecoder(r, copyOptions()...),
		out:   jsontext.NewEncoder(w, copyOptions()...),
		names: map[string]nameRule{},
	}
	if err := c.document(place{}); err != nil {
		return redactError(c.in, err)
	}
	return nil
}

// copyOptions make a copy faithful: what a decoder of the original would see, one of the copy sees.
func copyOptions() []jsontext.Options {
	return []jsontext.Options{
		jsontext.AllowDuplicateNames(true),
		jsontext.AllowInvalidUTF8(true),
		jsontext.PreserveRawStrings(true),
	}
}

// redactError keeps the offset and leaves out what the input says there.
func redactError(in *jsontext.Decoder, err error) error {
	offset := in.InputOffset()
	if syntax, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		offset, err = syntax.ByteOffset, syntax.Err
	}
	return fmt.Errorf("redact: admin JSON at byte %d: %w", offset, err)
}

// copier copies one JSON value and knows at each place what has to be dropped.
type copier struct {
	in  *jsontext.Decoder
	out *jsontext.Encoder
	// names remembers the rule of each member name, as a dump has few distinct ones.
	names map[string]nameRule
	// nesting counts JSON inside JSON strings.
	nesting int
	changed bool
}

// place is what is known about a value from where it stands.
type place struct {
	mode secrecy
	// bytes: the schema has bytes here, written in base64.
	bytes bool
	// jwk: within a JSON Web Key set, whose private members have one-letter names.
	jwk bool
	// labels: within names that people gave, which hide nothing.
	labels bool
	// credential: within a list of API keys.
	credential bool
	// keep says which text may stay inside a secret: a path, the name of a variable.
	keep func(string) bool
	// numbers: numbers are secret too.
	numbers bool
}

// secrecy says how much of a value is secret.
type secrecy uint8

const (
	public  secrecy = iota
	source          // a DataSource: its inline members
	shallow         // a string or a list of strings; of an object its inline members
	deep            // every string below, but for what place.keep says
)

var errTrailing = errors.New("more follows after the end of the JSON value; give one document at a time")

// document copies the only value and refuses what stands behind it.
func (c *copier) document(at place) error {
	if err := c.value(at); err != nil {
		if errors.Is(err, io.EOF) {
			return io.ErrUnexpectedEOF
		}
		return err
	}
	if _, err := c.in.ReadToken(); err == nil {
		return errTrailing
	} else if !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

func (c *copier) value(at place) error {
	switch c.in.PeekKind() {
	case '{':
		return c.object(at)
	case '[':
		return c.array(at)
	}
	raw, err := c.in.ReadValue()
	if err != nil {
		return err
	}
	return c.scalar(raw, at)
}

// scalar writes a string, number or literal, or what replaces it.
func (c *copier) scalar(raw jsontext.Value, at place) error {
	switch raw.Kind() {
	case '"':
		return c.text(raw, at)
	case '0':
		if at.mode == deep && at.numbers {
			return c.replace(raw, at)
		}
	}
	return c.out.WriteValue(raw)
}

func (c *copier) text(raw jsontext.Value, at place) error {
	if at.mode >= shallow {
		return c.replace(raw, at)
	}
	if !at.bytes && at.keep == nil && !suspicious(raw) {
		return c.out.WriteValue(raw)
	}
	was := unquote(raw)
	now := c.clean(was, at)
	if now == was {
		return c.out.WriteValue(raw)
	}
	c.changed = true
	return c.out.WriteToken(jsontext.String(now))
}

// replace writes what stands for a secret; an empty one stays empty.
func (c *copier) replace(raw jsontext.Value, at place) error {
	stand := `"` + redacted + `"`
	if at.bytes {
		stand = `"` + redactedBytes + `"`
	}
	if string(raw) == `""` || string(raw) == stand {
		return c.out.WriteValue(raw)
	}
	c.changed = true
	return c.out.WriteValue(jsontext.Value(stand))
}

func (c *copier) array(at place) error {
	if err := c.copyToken(); err != nil {
		return err
	}
	for c.in.PeekKind() != ']' {
		if err := c.value(at.container()); err != nil {
			return err
		}
	}
	return c.copyToken()
}

func (c *copier) copyToken() error {
	token, err := c.in.ReadToken()
	if err != nil {
		return err
	}
	return c.out.WriteToken(token)
}

// unquote gives the text of a JSON string that the decoder has accepted; bytes that are not
// UTF-8 become U+FFFD.
func unquote(raw jsontext.Value) string {
	text, _ := jsontext.AppendUnquote(nil, raw)
	return string(text)
}
