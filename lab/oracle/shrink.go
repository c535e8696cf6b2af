package oracle

import (
	"encoding/json"
	"slices"
)

// Shrink makes a case as small as it gets while still returns true of it: first whole objects
// go (delta debugging), then single fields of Istio's own. What was valid stays valid.
func Shrink(c Case, still func(Case) bool) Case {
	c = shrinkList(c, func(list []Object) bool { return still(list) })
	for changed := true; changed; {
		changed = false
		for n := range c {
			if !c[n].istio() {
				continue
			}
			smaller := shrinkObject(c, n, still)
			changed = changed || size(smaller[n]) < size(c[n])
			c = smaller
		}
	}
	return c
}

// shrinkList drops ever smaller runs of elements (ddmin).
func shrinkList[T any](list []T, still func([]T) bool) []T {
	for run := max(1, len(list)/2); run >= 1; run /= 2 {
		for at := 0; at < len(list); {
			if smaller := slices.Delete(slices.Clone(list), at, min(at+run, len(list))); still(smaller) {
				list = smaller
			} else {
				at += run
			}
		}
	}
	return list
}

// shrinkObject drops what it can of one object.
func shrinkObject(c Case, n int, still func(Case) bool) Case {
	for at := 0; ; at++ {
		smaller := slices.Clone(c)
		o, ok := without(c[n], at)
		if !ok {
			return c
		}
		smaller[n] = o
		if (o.valid() || !c[n].valid()) && still(smaller) {
			c, at = smaller, at-1
		}
	}
}

// without returns a copy that lacks the field or element number at, counted depth first; false
// when there are no more.
func without(o Object, at int) (Object, bool) {
	var out map[string]any
	raw, err := json.Marshal(o)
	if err != nil || json.Unmarshal(raw, &out) != nil {
		return nil, false
	}
	w := &walker{left: at}
	w.value(out, true)
	return out, w.done
}

// walker drops one field.
type walker struct {
	left int
	done bool
}

// value returns what is left of a value.
func (w *walker) value(v any, top bool) any {
	switch v := v.(type) {
	case map[string]any:
		w.fields(v, top)
	case []any:
		return w.elements(v)
	}
	return v
}

func (w *walker) fields(m map[string]any, top bool) {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		if top && (k == "apiVersion" || k == "kind") || k == "name" || k == "namespace" || k == "creationTimestamp" {
			continue
		}
		if !(top && k == "metadata") && w.here() {
			delete(m, k)
		} else if !w.done {
			m[k] = w.value(m[k], false)
		}
		if w.done {
			return
		}
	}
}

func (w *walker) elements(list []any) []any {
	for n := range list {
		if w.here() {
			return slices.Delete(list, n, n+1)
		}
		list[n] = w.value(list[n], false)
		if w.done {
			return list
		}
	}
	return list
}

// here reports whether this is the one to drop.
func (w *walker) here() bool {
	w.done = w.left == 0
	w.left--
	return w.done
}

func size(o Object) int {
	raw, err := json.Marshal(o)
	if err != nil {
		return 0
	}
	return len(raw)
}
