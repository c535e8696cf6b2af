package envoy

import (
	"bytes"
	"errors"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

// maxWrapping is how deep a dump may be wrapped in objects of others: egctl puts it below
// namespace and name.
const maxWrapping = 3

// documents reads the JSON values of an input; there may be several in a row.
func (d *Decoder) documents(r *reader) {
	for r.err == nil {
		if r.kind() == 0 {
			if _, err := r.dec.ReadToken(); !errors.Is(err, io.EOF) {
				r.fail(err)
			}
			return
		}
		d.document(r, maxWrapping)
	}
}

// document reads one JSON value: a dump, a list of resources, or a string that holds a dump.
func (d *Decoder) document(r *reader, depth int) {
	switch r.kind() {
	case '{':
		d.object(r, depth)
	case '[':
		d.array(r)
	case '"':
		d.encoded(r, depth)
	default:
		d.stray = d.stray || r.kind() != 'n'
		r.skip()
	}
}

// encoded reads a dump that was encoded as a JSON string.
func (d *Decoder) encoded(r *reader, depth int) {
	text := bytes.Clone(r.text())
	d.stray = true
	if trimmed := bytes.TrimSpace(text); depth == 0 || len(trimmed) == 0 || (trimmed[0] != '{' && trimmed[0] != '[') {
		return
	}
	inner := newReader(bytes.NewBuffer(text), r.in)
	d.document(inner, depth-1)
	if inner.err != nil {
		r.fail(inner.err)
	}
	r.noteAll(inner.notes)
	r.v2 = r.v2 || inner.v2
}

// object reads a JSON object of which only its members tell what it is.
func (d *Decoder) object(r *reader, depth int) {
	if !r.open('{') {
		return
	}
	if r.kind() == '"' {
		first := r.key()
		if string(first) == "@type" {
			d.typedConfig(r, messageName(r.str()))
			return
		}
		d.documentField(r, string(r.snake(first)), depth)
	}
	r.members(func(key []byte) { d.documentField(r, string(key), depth) })
}

// documentField reads one member of an object that is a dump, or wraps one.
func (d *Decoder) documentField(r *reader, k string, depth int) {
	if l, ok := lists[k]; ok {
		d.see(KindConfigDump)
		d.readList(r, k, l)
		return
	}
	if read, ok := members[k]; ok && r.kind() == read.kind {
		read.do(d, r)
		return
	}
	d.suspect(k, r.kind())
	d.stray = true
	if r.kind() == '{' && depth > 0 && !opaque[k] {
		d.object(r, depth-1)
		return
	}
	r.skip()
}

// suspect remembers that a member belongs to another program's output. The first that is
// sure of it counts.
func (d *Decoder) suspect(name string, kind jsontext.Kind) {
	mark, ok := foreign[name]
	if ok && mark.fits(kind) && (d.foreign == nil || d.foreign.What == bootstrapFile.What) {
		d.foreign = &mark.err
	}
}

// array reads a list of which only the items tell what they are.
func (d *Decoder) array(r *reader) {
	last := itemFunc(nil)
	r.list(func() { last = d.untyped(r, last) })
}
