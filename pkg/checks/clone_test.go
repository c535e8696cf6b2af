package checks

import (
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/bundle"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// recordings are those that were read: func() (*mesh.Evidence, error) by name.
var recordings sync.Map

// evidence is a recording that the test may spoil. Each is read once, a copy costs far less.
func evidence(t testing.TB, name string) *mesh.Evidence {
	t.Helper()
	read, _ := recordings.LoadOrStore(name, sync.OnceValues(func() (*mesh.Evidence, error) {
		return bundle.Open(t.Context(), filepath.Join("../../testdata/captures", name+".tar.gz"), strings.NewReader(""))
	}))
	ev, err := read.(func() (*mesh.Evidence, error))()
	if err != nil {
		t.Fatal(err)
	}
	whole := ev.Resources
	ev = cloner{}.copy(reflect.ValueOf(ev)).Interface().(*mesh.Evidence)
	ev.Resources = without(ev.Resources, func(k kube.Kind) bool { return !whole.HasRead(k.ID()) })
	return ev
}

// without is the same resources, as if some kinds had not been read.
func without(res *kube.Resources, drop func(kube.Kind) bool) *kube.Resources {
	kept := new(kube.Resources)
	from, to := reflect.ValueOf(res).Elem(), reflect.ValueOf(kept).Elem()
	for i := range from.NumField() {
		if to.Field(i).CanSet() {
			to.Field(i).Set(from.Field(i))
		}
	}
	for _, k := range kube.Kinds() {
		if res.HasRead(k.ID()) && !drop(k) {
			kept.MarkRead(k.ID())
		}
	}
	return kept
}

// cloner copies what exported fields of the project's types lead to, and holds the copies made: what
// is shared stays shared. Values of other packages (certificates, times) are never changed.
type cloner map[origin]reflect.Value

type origin struct {
	at  uintptr
	typ reflect.Type
}

func (c cloner) copy(v reflect.Value) reflect.Value {
	switch v.Kind() {
	case reflect.Pointer:
		return c.pointer(v)
	case reflect.Slice:
		return c.slice(v)
	case reflect.Map:
		return c.mapping(v)
	case reflect.Struct:
		return c.structure(v)
	}
	return v
}

func ours(t reflect.Type) bool {
	return strings.HasPrefix(t.PkgPath(), "github.com/mtls-doctor/")
}

func (c cloner) pointer(v reflect.Value) reflect.Value {
	if v.IsNil() || !ours(v.Type().Elem()) && v.Type().Elem().PkgPath() != "" {
		return v
	}
	key := origin{v.Pointer(), v.Type()}
	if _, ok := c[key]; !ok {
		c[key] = reflect.New(v.Type().Elem())
		c[key].Elem().Set(c.copy(v.Elem()))
	}
	return c[key]
}

func (c cloner) slice(v reflect.Value) reflect.Value {
	if v.IsNil() {
		return v
	}
	out := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
	reflect.Copy(out, v)
	if shares(v.Type().Elem()) {
		for i := range v.Len() {
			out.Index(i).Set(c.copy(v.Index(i)))
		}
	}
	return out
}

func (c cloner) mapping(v reflect.Value) reflect.Value {
	if v.IsNil() {
		return v
	}
	out := reflect.MakeMapWithSize(v.Type(), v.Len())
	for each := v.MapRange(); each.Next(); {
		out.SetMapIndex(each.Key(), c.copy(each.Value()))
	}
	return out
}

func (c cloner) structure(v reflect.Value) reflect.Value {
	if !ours(v.Type()) && v.Type().PkgPath() != "" {
		return v
	}
	deep := deepFields(v.Type())
	if len(deep) == 0 {
		return v
	}
	out := reflect.New(v.Type()).Elem()
	out.Set(v)
	for _, i := range deep {
		out.Field(i).Set(c.copy(v.Field(i)))
	}
	return out
}

// deep are the fields of each type that a plain copy of a value would share: they lead to something that can change.
var deep sync.Map // [reflect.Type][]int

func deepFields(t reflect.Type) []int {
	if known, ok := deep.Load(t); ok {
		return known.([]int)
	}
	var out []int
	for i := range t.NumField() {
		if f := t.Field(i); f.IsExported() && shares(f.Type) {
			out = append(out, i)
		}
	}
	deep.Store(t, out)
	return out
}

func shares(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		return true
	case reflect.Struct:
		return (ours(t) || t.PkgPath() == "") && len(deepFields(t)) > 0
	}
	return false
}

// TestSpoiledCopies: what a test does to a recording does not reach the next one.
func TestSpoiledCopies(t *testing.T) {
	first := record(t, healthy)
	first.reissue()
	first.proxy("shop/server").Listeners[0].Name = "spoiled"
	first.Resources.Pods[0].Labels["spoiled"] = "true"
	first.unread("pods.core")
	again := evidence(t, healthy)
	ev, err := bundle.Open(t.Context(), filepath.Join("../../testdata/captures", healthy+".tar.gz"), strings.NewReader(""))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(again, ev) {
		t.Error("a copy is not what was read")
	}
}
