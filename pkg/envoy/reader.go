package envoy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// reader walks JSON tokens for the decoders of messages. The first error sticks: after it
// every method does nothing and returns zero, so that decoders need no error handling of
// their own and what was read before the error stays.
//
// The rules are those of proto3 JSON (protobuf.dev/programming-guides/json): null is unset,
// numbers may be strings, enums are names or numbers, both key spellings are accepted.
type reader struct {
	dec     *jsontext.Decoder
	in      *Interner
	notes   notes
	err     error
	section string // the admin section being read, for errors
	scratch []byte // the normalised key
	free    *reader
	outer   []*jsontext.Decoder // decoders to return to after a reordered Any
	v2      bool                // resources of API v2 were met
	ownRBAC bool                // the route configuration being read has RBAC rules of its own
}

// lenient makes the tokenizer accept what Envoy prints although it is not strict JSON:
// duplicate names and bytes that are not UTF-8.
func lenient() []jsontext.Options {
	return []jsontext.Options{jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)}
}

func newReader(src io.Reader, in *Interner) *reader {
	return &reader{dec: jsontext.NewDecoder(src, lenient()...), in: in}
}

// CutError says where reading stopped. What came before is kept.
type CutError struct {
	Section string // the section that was being read, "" outside of any
	Offset  int64  // in bytes from the start of the input
	Err     error
}

// Error names the place and says whether the input was cut or is malformed.
func (e *CutError) Error() string {
	what, where, cause := "broken off", "", e.Err
	var syntax *jsontext.SyntacticError
	if errors.As(e.Err, &syntax) { // its own text repeats the offset
		what, cause = "malformed", syntax.Err
	}
	if errors.Is(e.Err, io.ErrUnexpectedEOF) {
		what = "cut short"
	}
	if e.Section != "" {
		where = " in " + e.Section
	}
	return fmt.Sprintf("input is %s at byte %d%s: %v; what came before it was read", what, e.Offset, where, cause)
}

// Unwrap gives the tokenizer's or the source's error.
func (e *CutError) Unwrap() error { return e.Err }

func (r *reader) fail(err error) {
	if r.err != nil {
		return
	}
	offset := r.dec.InputOffset()
	var syntax *jsontext.SyntacticError
	if errors.As(err, &syntax) {
		offset = syntax.ByteOffset
	}
	r.err = &CutError{Section: r.section, Offset: offset, Err: err}
}

// raw reads the next value whole. The bytes are valid until the next read.
func (r *reader) raw() []byte {
	if r.err != nil {
		return nil
	}
	v, err := r.dec.ReadValue()
	if err != nil {
		r.fail(err)
		return nil
	}
	return v
}

func (r *reader) skip() {
	if r.err != nil {
		return
	}
	if err := r.dec.SkipValue(); err != nil {
		r.fail(err)
	}
}

// kind is the kind of the next token, 0 after an error.
func (r *reader) kind() jsontext.Kind {
	if r.err != nil {
		return 0
	}
	return r.dec.PeekKind()
}

// open enters an object or array. A value of another kind is skipped; unless it is null
// that is noted, because something was not understood.
func (r *reader) open(want jsontext.Kind) bool {
	switch k := r.kind(); {
	case r.err != nil:
		return false
	case k == want:
		if _, err := r.dec.ReadToken(); err != nil {
			r.fail(err)
		}
		return r.err == nil
	case k != 'n' && k != 0:
		r.note("value of an unexpected kind at " + r.where())
	}
	r.skip()
	return false
}

// where is the path of the current value without its indices.
func (r *reader) where() string {
	var parts []string
	for p := range r.dec.StackPointer().Tokens() {
		if strings.Trim(p, "0123456789") != "" {
			parts = append(parts, p)
		}
	}
	return strings.Join(parts, ".")
}

func (r *reader) close() {
	if r.err != nil {
		return
	}
	if _, err := r.dec.ReadToken(); err != nil {
		r.fail(err)
	}
}

// object calls field for each member of a message, with its name in snake_case. The name is
// valid until the next read; field must read or skip the value.
func (r *reader) object(field func(key []byte)) {
	if r.open('{') {
		r.members(field)
	}
}

func (r *reader) members(field func(key []byte)) {
	for k := r.kind(); r.err == nil && k != '}'; k = r.kind() {
		key := r.key()
		if r.err != nil {
			return
		}
		field(r.snake(key))
	}
	r.close()
}

// entries calls entry for each member of a map, with its name as written.
func (r *reader) entries(entry func(key string)) {
	if !r.open('{') {
		return
	}
	for k := r.kind(); r.err == nil && k != '}'; k = r.kind() {
		key := r.in.str(r.key())
		if r.err != nil {
			return
		}
		entry(key)
	}
	r.close()
}

// list calls item for each element of an array; item must read or skip it.
func (r *reader) list(item func()) {
	if !r.open('[') {
		return
	}
	for k := r.kind(); r.err == nil && k != ']'; k = r.kind() {
		item()
	}
	r.close()
}

func (r *reader) key() []byte { return r.text() }

// text is the next value's text: a string without quotes, or a number or bool as written.
func (r *reader) text() []byte {
	v := r.raw()
	if len(v) == 0 || v[0] == 'n' {
		return nil
	}
	if v[0] != '"' {
		return v
	}
	if bytes.IndexByte(v, '\\') < 0 {
		return v[1 : len(v)-1]
	}
	text, err := jsontext.AppendUnquote(nil, v)
	if err != nil && len(text) == 0 {
		return nil // not UTF-8: what could be unquoted is in text
	}
	return text
}

const deprecated = "hidden_envoy_deprecated_"

// snake gives a field's name as in the .proto file. istioctl and egctl print camelCase;
// Envoy 1.13 to 1.17 prefixes the fields of v2 that it still accepted.
func (r *reader) snake(key []byte) []byte {
	for i, c := range key {
		if 'A' <= c && c <= 'Z' {
			key = r.lower(key, i)
			break
		}
	}
	return bytes.TrimPrefix(key, []byte(deprecated))
}

func (r *reader) lower(key []byte, from int) []byte {
	r.scratch = append(r.scratch[:0], key[:from]...)
	for _, c := range key[from:] {
		if 'A' <= c && c <= 'Z' {
			r.scratch = append(r.scratch, '_', c+'a'-'A')
			continue
		}
		r.scratch = append(r.scratch, c)
	}
	return r.scratch
}

// sub gives a reader over bytes that were read already, for memoised subtrees.
func (r *reader) sub(raw []byte) *reader {
	s := r.free
	if s == nil {
		s = newReader(bytes.NewBuffer(raw), r.in)
	} else {
		s.dec.Reset(bytes.NewBuffer(raw), lenient()...)
	}
	r.free, s.err, s.notes, s.section, s.v2 = nil, nil, nil, r.section, false
	return s
}
