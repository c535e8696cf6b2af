package gotemplate

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"text/template/parse"
)

// maxDepth is how deep templates may call each other: one that calls itself for ever is an error.
const maxDepth = 10_000

// state is a template while it is executed.
type state struct {
	trees     map[string]*parse.Tree
	tree      *parse.Tree
	functions map[string]function
	w         io.Writer
	node      parse.Node // where we are, for errors
	vars      []variable // those declared last hide others of their name
	depth     int
}

type variable struct {
	name  string
	value any
}

func (s *state) pop(mark int) { s.vars = s.vars[:mark] }

func (s *state) lookup(name string) (*variable, error) {
	for i := len(s.vars) - 1; i >= 0; i-- {
		if s.vars[i].name == name {
			return &s.vars[i], nil
		}
	}
	return nil, s.errorf("undefined variable: %s", name)
}

func (s *state) assign(name string, value any) error {
	v, err := s.lookup(name)
	if err == nil {
		v.value = value
	}
	return err
}

// errorf is an error at the node where we are, in the words of text/template.
func (s *state) errorf(format string, args ...any) error {
	location, context := s.tree.ErrorContext(s.node)
	return fmt.Errorf("template: %s: executing %q at <%s>: %w", location, s.tree.Name, context, fmt.Errorf(format, args...))
}

func (s *state) walk(dot any, node parse.Node) error {
	s.node = node
	switch node := node.(type) {
	case *parse.ListNode:
		return s.walkList(dot, node)
	case *parse.TextNode:
		_, err := s.w.Write(node.Text)
		return err
	case *parse.ActionNode:
		return s.walkAction(dot, node)
	case *parse.IfNode:
		return s.walkBranch(dot, &node.BranchNode)
	case *parse.WithNode:
		return s.walkBranch(dot, &node.BranchNode)
	case *parse.RangeNode:
		return s.walkRange(dot, node)
	case *parse.TemplateNode:
		return s.walkTemplate(dot, node)
	case *parse.BreakNode:
		return errBreak
	case *parse.ContinueNode:
		return errContinue
	}
	return s.errorf("unknown node: %s", node)
}

func (s *state) walkList(dot any, list *parse.ListNode) error {
	for _, node := range list.Nodes {
		if err := s.walk(dot, node); err != nil {
			return err
		}
	}
	return nil
}

// walkAction keeps the variables that an action declares: they live until the next {{end}}.
func (s *state) walkAction(dot any, node *parse.ActionNode) error {
	value, err := s.pipeline(dot, node.Pipe)
	if err != nil || len(node.Pipe.Decl) > 0 {
		return err
	}
	_, err = fmt.Fprint(s.w, printable(value))
	return err
}

// printable is what an action prints of a value.
func printable(value any) any {
	if known(value) == nil {
		return "<no value>"
	}
	return value
}

// walkBranch walks if and with, of which the latter sets the dot.
func (s *state) walkBranch(dot any, node *parse.BranchNode) error {
	defer s.pop(len(s.vars))
	value, err := s.pipeline(dot, node.Pipe)
	switch {
	case err != nil:
		return err
	case truth(value) && node.NodeType == parse.NodeWith:
		return s.walk(value, node.List)
	case truth(value):
		return s.walk(dot, node.List)
	case node.ElseList != nil:
		return s.walk(dot, node.ElseList)
	}
	return nil
}

func (s *state) walkRange(dot any, node *parse.RangeNode) error {
	defer s.pop(len(s.vars))
	value, err := s.pipeline(dot, node.Pipe)
	if err != nil {
		return err
	}
	items, err := s.items(value, node.Pipe)
	if err != nil {
		return err
	}
	ran := false
	for key, item := range items {
		ran = true
		err := s.iterate(key, item, node)
		if errors.Is(err, errBreak) {
			return nil
		}
		if err != nil && !errors.Is(err, errContinue) {
			return err
		}
	}
	if ran || node.ElseList == nil {
		return nil
	}
	if err := s.walk(dot, node.ElseList); !errors.Is(err, errBreak) { // which leaves this range, not the one around it
		return err
	}
	return nil
}

// items are what a range goes through: a list, a map by its sorted keys, or the numbers below one.
func (s *state) items(value any, pipe *parse.PipeNode) (iter.Seq2[any, any], error) {
	switch value := value.(type) {
	case absent:
		return func(func(any, any) bool) {}, nil
	case []any:
		return func(yield func(any, any) bool) {
			for i, item := range value {
				if !yield(i, item) {
					return
				}
			}
		}, nil
	case map[string]any:
		return func(yield func(any, any) bool) {
			for _, key := range slices.Sorted(maps.Keys(value)) {
				if !yield(key, value[key]) {
					return
				}
			}
		}, nil
	case int, int64, uint8:
		if len(pipe.Decl) > 1 {
			return nil, s.errorf("can't use %v to iterate over more than one variable", value)
		}
		return below(value), nil
	}
	return nil, s.errorf("range can't iterate over %v", value)
}

// below are the numbers from 0 to before n, of n's type.
func below(n any) iter.Seq2[any, any] {
	return func(yield func(any, any) bool) {
		switch n := n.(type) {
		case int:
			count(n, yield)
		case int64:
			count(n, yield)
		case uint8:
			count(n, yield)
		}
	}
}

func count[N int | int64 | uint8](n N, yield func(any, any) bool) {
	for i := N(0); i < n; i++ {
		if !yield(nil, i) {
			return
		}
	}
}

// iterate walks the body of a range once. Of two variables the first is the key; one alone is the item.
func (s *state) iterate(key, item any, node *parse.RangeNode) error {
	defer s.pop(len(s.vars))
	values := []any{key, item}
	decl := node.Pipe.Decl
	values = values[2-len(decl):]
	for i, v := range decl {
		if !node.Pipe.IsAssign {
			s.vars[len(s.vars)-len(decl)+i].value = values[i]
		} else if err := s.assign(v.Ident[0], values[i]); err != nil {
			return err
		}
	}
	return s.walk(item, node.List)
}

// walkTemplate calls a template, which sees its argument and none of our variables.
func (s *state) walkTemplate(dot any, node *parse.TemplateNode) error {
	tree := s.trees[node.Name]
	if tree == nil {
		return s.errorf("template %q not defined", node.Name)
	}
	if s.depth == maxDepth {
		return s.errorf("templates call each other more than %d times deep", maxDepth)
	}
	argument, err := s.pipeline(dot, node.Pipe)
	if err != nil {
		return err
	}
	called := *s
	called.tree, called.depth, called.vars = tree, s.depth+1, []variable{{"$", argument}}
	return called.walk(argument, tree.Root)
}
