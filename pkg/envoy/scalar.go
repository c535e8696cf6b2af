package envoy

import (
	"bytes"
	"encoding/base64"
	"net/netip"
	"strconv"
	"time"
)

// str reads a string that is kept once however often it occurs.
func (r *reader) str() string { return r.in.str(r.scalar()) }

// scalar is text, but skips objects and arrays.
func (r *reader) scalar() []byte {
	if k := r.kind(); k == '{' || k == '[' {
		r.open('"') // notes it and skips it
		return nil
	}
	return r.text()
}

func (r *reader) strs() []string {
	var out []string
	r.list(func() { out = append(out, r.str()) })
	return out
}

func (r *reader) boolean() bool { return string(r.scalar()) == "true" }

// wrapped reads a bool or a google.protobuf.BoolValue, which some printers write as an object.
func (r *reader) wrapped() bool {
	if r.kind() != '{' {
		return r.boolean()
	}
	value := false
	r.object(func([]byte) { value = r.boolean() })
	return value
}

func (r *reader) u64() uint64 {
	if r.kind() == '{' { // a wrapper message
		var n uint64
		r.object(func([]byte) { n = r.u64() })
		return n
	}
	text := string(r.scalar())
	if n, err := strconv.ParseUint(text, 10, 64); err == nil {
		return n
	}
	f, err := strconv.ParseFloat(text, 64) // 1.0 and 1e3 are legal for integers
	if err == nil && 0 <= f && f < 1<<64 {
		return uint64(f)
	}
	return 0
}

func (r *reader) u32() uint32 {
	n := r.u64()
	if n > 1<<32-1 {
		return 1<<32 - 1
	}
	return uint32(n)
}

// percent reads a type.v3.Percent; Envoy cuts it to a whole number.
func (r *reader) percent() *uint32 {
	whole := new(uint32)
	r.object(func(key []byte) {
		if string(key) != "value" {
			r.skip()
			return
		}
		if f, err := strconv.ParseFloat(string(r.scalar()), 64); err == nil && 0 < f && f <= 100 {
			*whole = uint32(f)
		}
	})
	return whole
}

// enum reads an enum by name or number; names holds the values from 0.
func (r *reader) enum(names ...string) string {
	text := r.scalar()
	if i, err := strconv.Atoi(string(text)); err == nil && 0 <= i && i < len(names) {
		return names[i]
	}
	return r.in.str(text)
}

// duration reads "1.5s". Values beyond a time.Duration are cut to its limits.
func (r *reader) duration() time.Duration {
	text := r.scalar()
	if len(text) == 0 || text[len(text)-1] != 's' {
		return 0
	}
	d, err := time.ParseDuration(string(text))
	if err != nil && text[0] != '-' {
		seconds, bad := strconv.ParseFloat(string(text[:len(text)-1]), 64)
		if bad == nil && seconds > 0 {
			return 1<<63 - 1
		}
	}
	return d
}

// time reads a timestamp; old releases print other forms, which count as unknown.
func (r *reader) time() time.Time {
	t, err := time.Parse(time.RFC3339Nano, string(r.scalar()))
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}

// decode64 decodes base64 in the standard or the URL alphabet, padded or not; nil when it is
// neither. It overwrites text.
func decode64(text []byte) []byte {
	text = bytes.TrimRight(text, "=")
	for i, c := range text {
		switch c {
		case '-':
			text[i] = '+'
		case '_':
			text[i] = '/'
		}
	}
	n, err := base64.RawStdEncoding.Decode(text, text)
	if err != nil {
		return nil
	}
	return text[:n]
}

// cidr reads a core.v3.CidrRange; ok is false when it is not one.
func (r *reader) cidr() (prefix netip.Prefix, ok bool) {
	var address string
	var length uint32
	r.object(func(key []byte) {
		switch string(key) {
		case "address_prefix":
			address = string(r.scalar())
		case "prefix_len":
			length = r.u32()
		default:
			r.skip()
		}
	})
	addr, err := netip.ParseAddr(address)
	if err != nil || int(length) > addr.BitLen() {
		return netip.Prefix{}, false
	}
	return netip.PrefixFrom(addr, int(length)), true
}
