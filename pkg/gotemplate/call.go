package gotemplate

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"text/template/parse"
)

// A function is one of those that templates can call.
type function struct {
	fixed    int  // how many arguments it needs
	variadic bool // it takes more
	text     bool // the first argument is a string
	call     func(args []any) (any, error)
}

// builtins are the functions of text/template, and exists and base64decode of kubectl
// (k8s.io/cli-runtime/pkg/printers). and, or and call are done where functions are called.
func builtins() map[string]function {
	return map[string]function{
		"and":  {fixed: 1, variadic: true},
		"or":   {fixed: 1, variadic: true},
		"call": {fixed: 1, variadic: true, call: callNothing},
		"not":  {fixed: 1, call: func(args []any) (any, error) { return !truth(args[0]), nil }},

		"len":   {fixed: 1, call: length},
		"index": {fixed: 1, variadic: true, call: index},
		"slice": {fixed: 1, variadic: true, call: slice},

		"print":   {variadic: true, call: func(args []any) (any, error) { return fmt.Sprint(args...), nil }},
		"println": {variadic: true, call: func(args []any) (any, error) { return fmt.Sprintln(args...), nil }},
		"printf":  {fixed: 1, variadic: true, text: true, call: printf},

		"html":     {variadic: true, call: escaping(escapeHTML)},
		"js":       {variadic: true, call: escaping(escapeJS)},
		"urlquery": {variadic: true, call: escaping(url.QueryEscape)},

		"eq": {fixed: 1, variadic: true, call: eqAny},
		"ne": {fixed: 2, call: comparing(func(a, b any) (bool, error) { equal, err := eq(a, b); return !equal, err })},
		"lt": {fixed: 2, call: comparing(lt)},
		"le": {fixed: 2, call: comparing(le)},
		"gt": {fixed: 2, call: comparing(func(a, b any) (bool, error) { less, err := le(a, b); return !less, err })},
		"ge": {fixed: 2, call: comparing(func(a, b any) (bool, error) { less, err := lt(a, b); return !less, err })},

		"exists":       {fixed: 1, variadic: true, call: func(args []any) (any, error) { return exists(args[0], args[1:]...), nil }},
		"base64decode": {fixed: 1, text: true, call: base64decode},
	}
}

// call calls a function. The error of a call is at its command.
func (s *state) call(dot any, name *parse.IdentifierNode, cmd parse.Node, args []parse.Node, last []any) (any, error) {
	s.node = name
	f := s.functions[name.Ident]
	switch n := len(args) + len(last); {
	case f.variadic && n < f.fixed:
		return nil, s.errorf("wrong number of args for %s: want at least %d got %d", name.Ident, f.fixed, n)
	case !f.variadic && n != f.fixed:
		return nil, s.errorf("wrong number of args for %s: want %d got %d", name.Ident, f.fixed, n)
	}
	if name.Ident == "and" || name.Ident == "or" {
		return s.decide(dot, name.Ident == "or", args, last)
	}
	values := make([]any, 0, len(args)+len(last))
	for i, arg := range args {
		value, err := s.operand(dot, arg)
		if err != nil {
			return nil, err
		}
		values = append(values, known(value))
		if err := s.textFirst(f, i, values); err != nil {
			return nil, err
		}
	}
	for _, value := range last {
		values = append(values, known(value))
		if err := s.textFirst(f, len(values)-1, values); err != nil {
			return nil, err
		}
	}
	result, err := f.call(values)
	if err != nil {
		s.node = cmd
		return nil, s.errorf("error calling %s: %w", name.Ident, err)
	}
	return result, nil
}

func (s *state) textFirst(f function, i int, values []any) error {
	if _, ok := values[i].(string); f.text && i == 0 && !ok {
		return s.errorf("wrong type for value; expected string; got %T", values[0])
	}
	return nil
}

// decide is "and" and "or": the first argument that decides, else the last one. Those behind it are not looked at.
func (s *state) decide(dot any, or bool, args []parse.Node, last []any) (any, error) {
	var value any
	for _, arg := range args {
		var err error
		if value, err = s.operand(dot, arg); err != nil || truth(value) == or {
			return value, err
		}
	}
	for _, piped := range last {
		value = piped
	}
	return value, nil
}

// truth is what if, with, and, or and not take for true: all but null, false, 0 and what is empty.
func truth(value any) bool {
	switch v := value.(type) {
	case nil, absent:
		return false
	case bool:
		return v
	case string:
		return v != ""
	case []any:
		return len(v) > 0
	case map[string]any:
		return len(v) > 0
	case complex128:
		return v != 0
	case float64:
		return v != 0
	}
	n, _ := integer(value)
	return n != 0
}

// integer is a whole number of any type that a template meets.
func integer(value any) (int64, bool) {
	switch n := value.(type) {
	case int:
		return int64(n), true
	case int64:
		return n, true
	case uint8: // a letter of a text
		return int64(n), true
	}
	return 0, false
}

func callNothing(args []any) (any, error) {
	return nil, fmt.Errorf("JSON holds no function to call, and %v is none", args[0])
}

func printf(args []any) (any, error) {
	format, _ := args[0].(string)
	return fmt.Sprintf(format, args[1:]...), nil
}

func base64decode(args []any) (any, error) {
	text, _ := args[0].(string)
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("base64 decode failed: %w", err)
	}
	return string(data), nil
}
