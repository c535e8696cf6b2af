package gotemplate

import "fmt"

func length(args []any) (any, error) {
	switch v := args[0].(type) {
	case string:
		return len(v), nil
	case []any:
		return len(v), nil
	case map[string]any:
		return len(v), nil
	}
	return nil, fmt.Errorf("len of type %T", args[0])
}

// index is args[0][args[1]][args[2]]…. What is not in a map is null.
func index(args []any) (any, error) {
	item := args[0]
	if item == nil {
		return nil, fmt.Errorf("index of null")
	}
	for _, at := range args[1:] {
		switch v := item.(type) {
		case map[string]any:
			key, ok := at.(string)
			if !ok {
				return nil, fmt.Errorf("a key is a string, not %T", at)
			}
			item = v[key]
		case []any:
			i, err := position(at, len(v)-1)
			if err != nil {
				return nil, err
			}
			item = v[i]
		case string:
			i, err := position(at, len(v)-1)
			if err != nil {
				return nil, err
			}
			item = v[i]
		default:
			return nil, fmt.Errorf("can't index item of type %T", item)
		}
	}
	return item, nil
}

// position is an index that is not negative and at most limit.
func position(at any, limit int) (int, error) {
	n, ok := integer(at)
	switch {
	case !ok:
		return 0, fmt.Errorf("cannot index slice/array with type %T", at)
	case n < 0 || n > int64(limit):
		return 0, fmt.Errorf("index out of range: %d", n)
	}
	return int(n), nil
}

// slice is args[0][args[1]:args[2]:args[3]], each of which may be left out. A list may be sliced
// beyond its length, up to its capacity, as in Go.
func slice(args []any) (any, error) {
	if len(args) > 4 {
		return nil, fmt.Errorf("too many slice indexes: %d", len(args)-1)
	}
	switch item := args[0].(type) {
	case string:
		if len(args) == 4 {
			return nil, fmt.Errorf("cannot 3-index slice a string")
		}
		at, err := bounds(args[1:], len(item), len(item))
		if err != nil {
			return nil, err
		}
		return item[at[0]:at[1]], nil
	case []any:
		at, err := bounds(args[1:], len(item), cap(item))
		if err != nil {
			return nil, err
		}
		return item[at[0]:at[1]:at[2]], nil
	}
	return nil, fmt.Errorf("can't slice item of type %T", args[0])
}

// bounds are from, to and the capacity of a slice.
func bounds(given []any, length, capacity int) ([3]int, error) {
	at := [3]int{0, length, capacity}
	for i, word := range given {
		n, err := position(word, capacity)
		if err != nil {
			return at, err
		}
		at[i] = n
	}
	if at[0] > at[1] || at[1] > at[2] {
		return at, fmt.Errorf("invalid slice index: %d, %d and %d are not in order", at[0], at[1], at[2])
	}
	return at, nil
}

// exists reports whether index would find something with these arguments, as kubectl's does: a
// bare null exists, and null as a key is the empty one.
func exists(item any, indexes ...any) bool {
	for _, at := range indexes {
		if _, isMap := item.(map[string]any); isMap && at == nil {
			at = ""
		}
		var err error
		if item, err = index([]any{item, at}); err != nil {
			return false
		}
	}
	return item != nil || len(indexes) == 0
}
