package gotemplate

import (
	"errors"
	"fmt"
)

// A kind is what values are compared by: of two kinds, none is less or equal.
type kind int

const (
	otherKind kind = iota // lists, maps and null
	boolKind
	complexKind
	intKind
	floatKind
	stringKind
)

func kindOf(value any) kind {
	switch value.(type) {
	case bool:
		return boolKind
	case complex128:
		return complexKind
	case int, int64, uint8:
		return intKind
	case float64:
		return floatKind
	case string:
		return stringKind
	}
	return otherKind
}

func comparing(compare func(a, b any) (bool, error)) func([]any) (any, error) {
	return func(args []any) (any, error) { return compare(args[0], args[1]) }
}

// eqAny reports whether the first argument equals one of the others.
func eqAny(args []any) (any, error) {
	if len(args) == 1 {
		return nil, errors.New("missing argument for comparison")
	}
	for _, other := range args[1:] {
		if equal, err := eq(args[0], other); equal || err != nil {
			return equal, err
		}
	}
	return false, nil
}

func eq(a, b any) (bool, error) {
	of := kindOf(a)
	switch {
	case a == nil || b == nil:
		return a == nil && b == nil, nil
	case of != kindOf(b):
		return false, incompatible(a, b)
	case of == otherKind:
		return false, fmt.Errorf("non-comparable type %T", a)
	case of == intKind:
		return compareIntegers(a, b) == 0, nil
	}
	return a == b, nil
}

func lt(a, b any) (bool, error) {
	of, other := kindOf(a), kindOf(b)
	if min(of, other) <= complexKind {
		return false, errors.New("invalid type for comparison")
	}
	if of != other {
		return false, incompatible(a, b)
	}
	switch a := a.(type) {
	case string:
		return a < b.(string), nil
	case float64:
		return a < b.(float64), nil
	}
	return compareIntegers(a, b) < 0, nil
}

func le(a, b any) (bool, error) {
	if less, err := lt(a, b); less || err != nil {
		return less, err
	}
	return eq(a, b)
}

func compareIntegers(a, b any) int {
	x, _ := integer(a)
	y, _ := integer(b)
	switch {
	case x < y:
		return -1
	case x > y:
		return 1
	}
	return 0
}

func incompatible(a, b any) error {
	return fmt.Errorf("incompatible types for comparison: %T and %T", a, b)
}
