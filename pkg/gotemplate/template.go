// Package gotemplate executes templates of text/template over JSON, as kubectl's -o go-template
// does.
//
// The standard library parses them; only what walks the parsed tree is ours. text/template itself
// calls methods by names that it reads at run time, for which the linker keeps every exported
// method of the program, 11 MB of them. JSON has no methods. What a template prints here, and
// where it fails, is what text/template of Go 1.26 does with the same values, and a test compares
// the two; but templates call each other 10,000 times deep at the most, and not 100,000 times.
package gotemplate

import (
	"errors"
	"io"
	"text/template/parse"
)

// Template is a parsed template with all that it defines.
type Template struct {
	name  string
	trees map[string]*parse.Tree
}

// Parse reads a template. The name stands in errors: "template: NAME:1:5: …".
func Parse(name, text string) (*Template, error) {
	known := map[string]any{}
	for function := range builtins() {
		known[function] = true
	}
	trees, err := parse.Parse(name, text, "", "", known)
	if err != nil {
		return nil, err
	}
	return &Template{name, trees}, nil
}

// Execute writes what a template makes of a JSON document: nil, bool, string, int64, float64,
// []any and map[string]any. A key that is not there prints "<no value>", and so does every key of
// it. The error says where in the template it arose; until then the output is written.
func (t *Template) Execute(w io.Writer, document any) error {
	if document == nil {
		document = absent{}
	}
	s := &state{trees: t.trees, tree: t.trees[t.name], functions: builtins(), w: w, vars: []variable{{"$", document}}}
	return s.walk(document, s.tree.Root)
}

// absent is the value of a key that is not there. It prints as "<no value>", and its fields are
// absent too, while null, which is nil here, has none.
type absent struct{}

// known makes what may be absent a value of JSON, in which that is null.
func known(value any) any {
	if value == any(absent{}) {
		return nil
	}
	return value
}

// Errors by which {{break}} and {{continue}} leave the body of a range.
var (
	errBreak    = errors.New("break")
	errContinue = errors.New("continue")
)
