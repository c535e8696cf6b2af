package fuzz

import (
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Shrink makes a case as small as it gets while still is true of it: first whole items go (delta
// debugging), then fields and elements of the specs of Istio's objects. Still is never asked about the case itself.
func Shrink(c Case, still func(Case) bool) Case {
	c.Items = shrinkList(c.Items, func(items []Item) bool { return still(c.having(items)) })
	for again := true; again; {
		again = false
		for n := range c.Items {
			smaller, dropped := shrinkItem(c, n, still)
			again = again || dropped
			c = smaller
		}
	}
	return c
}

func (c Case) having(items []Item) Case {
	c.Items = items
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

// shrinkItem drops from one item's spec what it can, and says whether that was anything.
func shrinkItem(c Case, n int, still func(Case) bool) (smaller Case, dropped bool) {
	if !c.Items[n].istio() {
		return c, false
	}
	for at := 0; ; at++ {
		items := slices.Clone(c.Items)
		var there bool
		if items[n].Manifest, there = without(items[n].Manifest, at); !there {
			return c, dropped
		}
		if tried := c.having(items); still(tried) {
			c, at, dropped = tried, at-1, true
		}
	}
}

// without is a copy of the object that lacks the field or element number at of its spec, counted
// depth first; there is false when it has not so many.
func without(o *unstructured.Unstructured, at int) (smaller *unstructured.Unstructured, there bool) {
	smaller = o.DeepCopy()
	spec, ok := smaller.Object["spec"].(fields)
	if !ok {
		return nil, false
	}
	w := walker{left: at}
	w.value(spec)
	return smaller, w.done
}

// walker drops one field.
type walker struct {
	left int
	done bool
}

// value is what is left of a value.
func (w *walker) value(v any) any {
	switch v := v.(type) {
	case fields:
		w.fields(v)
	case []any:
		return w.elements(v)
	}
	return v
}

func (w *walker) fields(m fields) {
	for _, k := range slices.Sorted(maps.Keys(m)) {
		if w.here() {
			delete(m, k)
		} else if !w.done {
			m[k] = w.value(m[k])
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
		list[n] = w.value(list[n])
		if w.done {
			return list
		}
	}
	return list
}

// here is true when this is the one to drop.
func (w *walker) here() bool {
	w.done = w.left == 0
	w.left--
	return w.done
}
