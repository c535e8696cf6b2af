package envoy

import (
	"bytes"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// any reads a google.protobuf.Any: field is called for every member but @type, with the
// message's full name. A google.protobuf.Any's @type normally comes first; where it does
// not, the members are put in order first. The name is "" when there is no @type.
func (r *reader) any(field func(typ string, key []byte)) (typ string) {
	if !r.open('{') {
		return ""
	}
	typ, reordered := r.typeFirst()
	r.members(func(key []byte) { field(typ, key) })
	if reordered {
		r.restore()
	}
	return typ
}

// typeFirst reads the @type of an object that was entered.
func (r *reader) typeFirst() (typ string, reordered bool) {
	if r.kind() == '}' || r.err != nil {
		return "", false
	}
	key := r.key()
	if string(key) == "@type" {
		return messageName(r.str()), false
	}
	return r.reorder(string(key)), true
}

// reorder reads the rest of an object whose first member's name was read, finds its @type,
// and makes the reader go on in a copy of the other members.
func (r *reader) reorder(first string) (typ string) {
	members := []byte{'{'}
	for key := first; r.err == nil; key = string(r.key()) {
		if value := r.raw(); key == "@type" {
			typ = messageName(r.in.str(bytes.Trim(value, `"`)))
		} else {
			members = appendMember(members, key, value)
		}
		if r.kind() == '}' {
			break
		}
	}
	r.close()
	r.outer = append(r.outer, r.dec)
	r.dec = jsontext.NewDecoder(bytes.NewBuffer(append(members, '}')), lenient()...)
	if r.err == nil {
		r.open('{')
	}
	return typ
}

func appendMember(dst []byte, key string, value []byte) []byte {
	if len(dst) > 1 {
		dst = append(dst, ',')
	}
	dst, _ = jsontext.AppendQuote(dst, key)
	return append(append(dst, ':'), value...)
}

// restore goes back to the decoder that reorder left.
func (r *reader) restore() {
	last := len(r.outer) - 1
	r.dec, r.outer = r.outer[last], r.outer[:last]
}

// messageName is the full name of a message, without the host of its type URL.
func messageName(url string) string {
	return url[strings.LastIndexByte(url, '/')+1:]
}

// anyOf reads an extension's config in its three historical forms: typed_config (an Any),
// config (a Struct, v2), and a TypedStruct that names the type beside the value.
// field is called with the name of the message that the members belong to.
func (r *reader) anyOf(field func(typ string, key []byte)) (typ string) {
	inner := ""
	outer := r.any(func(typ string, key []byte) {
		if !isTypedStruct(typ) {
			field(typ, key)
			return
		}
		switch string(key) {
		case "type_url":
			inner = messageName(r.str())
		case "value":
			r.object(func(key []byte) { field(inner, key) })
		default:
			r.skip()
		}
	})
	if inner != "" {
		return inner
	}
	return outer
}

func isTypedStruct(typ string) bool {
	return typ == "udpa.type.v1.TypedStruct" || typ == "xds.type.v3.TypedStruct"
}
