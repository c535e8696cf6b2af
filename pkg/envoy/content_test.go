package envoy

import (
	"reflect"
	"slices"
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/certs"
)

// TestContentSeesEveryField: two contexts that differ in any field of CommonTlsContext must not
// be taken for one. A field added to the model without its content fails here.
func TestContentSeesEveryField(t *testing.T) {
	outer := map[string]bool{ // of UpstreamTlsContext and DownstreamTlsContext, read around the common part
		"SNI": true, "AutoHostSNI": true, "AutoSANValidation": true, "RequireClientCertificate": true,
	}
	empty := (&TLSContext{}).content()
	check := func(name string, c *TLSContext) {
		if c.content() == empty {
			t.Errorf("%s does not change the content", name)
		}
	}
	context := reflect.TypeFor[TLSContext]()
	for i := range context.NumField() {
		if name := context.Field(i).Name; name != "Validation" && !outer[name] {
			c := &TLSContext{}
			fill(reflect.ValueOf(c).Elem().Field(i))
			check(name, c)
		}
	}
	for _, f := range slices.Concat(reflect.VisibleFields(reflect.TypeFor[Validation]()), pinFields()) {
		if f.Type.Kind() == reflect.Struct { // its own fields follow
			continue
		}
		c := &TLSContext{}
		fill(reflect.ValueOf(&c.Validation).Elem().FieldByIndex(f.Index))
		check("Validation."+f.Name, c)
	}
}

// pinFields are those of Validation.Pins, as seen from there.
func pinFields() []reflect.StructField {
	pins, _ := reflect.TypeFor[Validation]().FieldByName("Pins")
	fields := reflect.VisibleFields(pins.Type)
	for i := range fields {
		fields[i].Index = slices.Concat(pins.Index, fields[i].Index)
	}
	return fields
}

// TestContentIsUnambiguous: values that would read alike when strung together stay apart.
func TestContentIsUnambiguous(t *testing.T) {
	pairs := [][2]TLSContext{
		{{ALPN: []string{"a", "b"}}, {ALPN: []string{"ab"}}},
		{{ALPN: []string{"a"}}, {Ciphers: []string{"a"}}},
		{{Validation: Validation{Demands: Demands{Pins: certs.Pins{Hashes: []string{"a"}}}}}, {Validation: Validation{Demands: Demands{Pins: certs.Pins{Keys: []string{"a"}}}}}},
		{{Validation: accepting("exact")}, {Validation: accepting("prefix")}},
	}
	for _, p := range pairs {
		if p[0].content() == p[1].content() {
			t.Errorf("%+v and %+v have one content", p[0], p[1])
		}
	}
}

func accepting(kind string) Validation {
	return Validation{Demands: Demands{SANs: []certs.Matcher{{Kind: kind, Value: "a"}}}}
}

// fill sets a field to something that is not zero.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Uint32:
		v.SetUint(3)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(reflect.ValueOf("td"), reflect.Zero(v.Type().Elem()))
	}
}
