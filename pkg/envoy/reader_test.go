package envoy

import (
	"net/netip"
	"strings"
	"testing"
	"time"
)

// scalarOf reads one JSON value with one of the reader's methods; it must leave no error and
// stand at the end.
func scalarOf[T any](t *testing.T, text string, read func(*reader) T) T {
	t.Helper()
	r := newReader(strings.NewReader(text), NewInterner())
	v := read(r)
	if r.err != nil {
		t.Errorf("%s: %v", text, r.err)
	}
	if r.kind() != 0 {
		t.Errorf("%s: not read to its end", text)
	}
	return v
}

func TestNumbers(t *testing.T) {
	for text, want := range map[string]uint64{
		`8080`: 8080, `"8080"`: 8080, `1.0`: 1, `"1e3"`: 1000, `18446744073709551615`: 1<<64 - 1, `{"value":7}`: 7,
		`null`: 0, `-1`: 0, `"NaN"`: 0, `true`: 0, `[1]`: 0, `{}`: 0, `1e40`: 0,
	} {
		if got := scalarOf(t, text, (*reader).u64); got != want {
			t.Errorf("u64(%s) = %d, want %d", text, got, want)
		}
	}
	if got := scalarOf(t, `4294967296`, (*reader).u32); got != 1<<32-1 {
		t.Errorf("u32 is not cut: %d", got)
	}
}

func TestBooleans(t *testing.T) {
	for text, want := range map[string]bool{`true`: true, `"true"`: true, `false`: false, `null`: false, `1`: false, `{"value":true}`: true, `{}`: false} {
		if got := scalarOf(t, text, (*reader).wrapped); got != want {
			t.Errorf("wrapped(%s) = %v", text, got)
		}
	}
}

func TestDurations(t *testing.T) {
	for text, want := range map[string]time.Duration{
		`"0s"`: 0, `"1.5s"`: 1500 * time.Millisecond, `"0.000000001s"`: 1, `null`: 0, `"1"`: 0, `""`: 0, `"xs"`: 0,
		`"315576000000s"`: 1<<63 - 1,
	} {
		if got := scalarOf(t, text, (*reader).duration); got != want {
			t.Errorf("duration(%s) = %v, want %v", text, got, want)
		}
	}
}

func TestEnums(t *testing.T) {
	for text, want := range map[string]string{`"B"`: "B", `1`: "B", `"1"`: "B", `0`: "A", `9`: "9", `"NOVEL"`: "NOVEL", `null`: ""} {
		if got := scalarOf(t, text, func(r *reader) string { return r.enum("A", "B") }); got != want {
			t.Errorf("enum(%s) = %q, want %q", text, got, want)
		}
	}
}

func TestStrings(t *testing.T) {
	for text, want := range map[string]string{
		`"a"`: "a", `"a\u0041\n\""`: "aA\n\"", `""`: "", `null`: "", `12`: "12", `{"a":1}`: "", "\"\xff\"": "\xff",
		`"` + strings.Repeat("x", 300) + `"`: strings.Repeat("x", 300),
	} {
		if got := scalarOf(t, text, (*reader).str); got != want {
			t.Errorf("str(%s) = %q, want %q", text, got, want)
		}
	}
}

func TestTimes(t *testing.T) {
	for text, want := range map[string]time.Time{`"2026-11-23T12:00:00Z"`: testTime(), `"2026-11-23T13:00:00.000+01:00"`: testTime(), `"soon"`: {}, `null`: {}} {
		if got := scalarOf(t, text, (*reader).time); !got.Equal(want) {
			t.Errorf("time(%s) = %v", text, got)
		}
	}
}

func TestPrefixes(t *testing.T) {
	for text, want := range map[string]netip.Prefix{
		`{"address_prefix":"10.0.0.0","prefix_len":8}`:   netip.MustParsePrefix("10.0.0.0/8"),
		`{"addressPrefix":"::","prefixLen":{"value":0}}`: netip.MustParsePrefix("::/0"),
		`{"address_prefix":"10.0.0.0","prefix_len":33}`:  {},
		`{"address_prefix":"host"}`:                      {},
		`null`:                                           {},
	} {
		if got := scalarOf(t, text, func(r *reader) netip.Prefix { p, _ := r.cidr(); return p }); got != want {
			t.Errorf("cidr(%s) = %v", text, got)
		}
	}
}

func TestFieldNames(t *testing.T) {
	r := newReader(strings.NewReader(""), NewInterner())
	for name, want := range map[string]string{
		"tls_context": "tls_context", "tlsContext": "tls_context", "hidden_envoy_deprecated_tls_context": "tls_context",
		"portValue": "port_value", "a": "a", "": "", "@type": "@type", "ABC": "_a_b_c",
	} {
		if got := string(r.snake([]byte(name))); got != want {
			t.Errorf("snake(%q) = %q", name, got)
		}
	}
}

func TestUnexpectedKindsAreNoted(t *testing.T) {
	p := mustDump(t, `{"dynamic_active_clusters":[{"cluster":{`+typeOf("envoy.config.cluster.v3.Cluster")+`,"name":"a","transport_socket":"tls","load_assignment":[],"name":["b"]}},"x",7]}`)
	for _, path := range []string{
		"value of an unexpected kind at dynamic_active_clusters.cluster.transport_socket",
		"value of an unexpected kind at dynamic_active_clusters.cluster.load_assignment",
		"value of an unexpected kind at dynamic_active_clusters.cluster.name",
		"value of an unexpected kind at dynamic_active_clusters",
	} {
		noted(t, p, path)
	}
}

func TestAny(t *testing.T) {
	type member struct{ typ, key, value string }
	for _, tc := range []struct {
		name, text, typ string
		want            []member
	}{
		{"type first", `{"@type":"host/a.B","x":1,"y":{"z":[]}}`, "a.B", []member{{"a.B", "x", "1"}, {"a.B", "y", `{"z":[]}`}}},
		{"type last", `{"x":1,"a\"b":2,"@type":"host/a.B"}`, "a.B", []member{{"a.B", "x", "1"}, {"a.B", `a"b`, "2"}}},
		{"type in between", `{"x":{"@type":"q"},"@type":"a.B","y":[2]}`, "a.B", []member{{"a.B", "x", `{"@type":"q"}`}, {"a.B", "y", "[2]"}}},
		{"type only", `{"@type":"host/path/a.B"}`, "a.B", nil},
		{"no type", `{"x":1}`, "", []member{{"", "x", "1"}}},
		{"empty", `{}`, "", nil},
		{"null", `null`, "", nil},
		{"TypedStruct", `{"@type":"host/udpa.type.v1.TypedStruct","type_url":"host/a.B","value":{"x":1}}`, "a.B", []member{{"a.B", "x", "1"}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newReader(strings.NewReader(`[`+tc.text+`,"after"]`), NewInterner())
			r.open('[')
			var got []member
			typ := r.anyOf(func(typ string, key []byte) {
				m := member{typ: typ, key: string(key)}
				m.value = string(r.raw())
				got = append(got, m)
			})
			after := r.str()
			if typ != tc.typ || after != "after" || r.err != nil {
				t.Errorf("type %q, then %q, error %v", typ, after, r.err)
			}
			if len(got) != len(tc.want) {
				t.Fatalf("members = %+v, want %+v", got, tc.want)
			}
			for i := range got {
				if got[i] != tc.want[i] {
					t.Errorf("member %d = %+v, want %+v", i, got[i], tc.want[i])
				}
			}
		})
	}
}

func TestDeepNestingIsAnErrorNotACrash(t *testing.T) {
	deep := strings.Repeat(`{"not_id":`, 20000)
	d := NewDecoder(nil)
	err := d.ConfigDump(strings.NewReader(dump(`{"static_listeners":[{"listener":{"filter_chains":[{"filters":[{"typed_config":{` + typeOf(networkRBAC) + `,"rules":{"policies":{"a":{"principals":[` + deep)))
	if err == nil {
		t.Error("no error")
	}
}
