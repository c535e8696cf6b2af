package gotemplate

import (
	"strings"
	"text/template/parse"
)

// pipeline is the value of commands of which each gets the value of the one before as its last
// argument. The variables that it declares stay until somebody pops them.
func (s *state) pipeline(dot any, pipe *parse.PipeNode) (any, error) {
	if pipe == nil {
		return absent{}, nil
	}
	s.node = pipe
	var value any
	for i, cmd := range pipe.Cmds {
		var last []any
		if i > 0 {
			last = []any{value}
		}
		var err error
		if value, err = s.command(dot, cmd, last); err != nil {
			return nil, err
		}
		if value == nil {
			value = absent{}
		}
	}
	for _, v := range pipe.Decl {
		if !pipe.IsAssign {
			s.vars = append(s.vars, variable{v.Ident[0], value})
		} else if err := s.assign(v.Ident[0], value); err != nil {
			return nil, err
		}
	}
	return value, nil
}

// command is the value of a command. last holds what is piped into it, if something is.
func (s *state) command(dot any, cmd *parse.CommandNode, last []any) (any, error) {
	first := cmd.Args[0]
	args := cmd.Args[1:]
	arguments := len(args) + len(last)
	switch n := first.(type) {
	case *parse.FieldNode:
		s.node = n
		return s.fields(dot, n.Ident, arguments)
	case *parse.ChainNode:
		return s.chain(dot, n, arguments)
	case *parse.IdentifierNode:
		return s.call(dot, n, cmd, args, last)
	case *parse.VariableNode:
		return s.variable(n, arguments)
	case *parse.PipeNode: // in parentheses
		if arguments > 0 {
			return nil, s.noFunction(first)
		}
		return s.pipeline(dot, n)
	}
	s.node = first
	if arguments > 0 {
		return nil, s.noFunction(first)
	}
	if first.Type() == parse.NodeNil {
		return nil, s.errorf("nil is not a command")
	}
	return s.operand(dot, first)
}

func (s *state) noFunction(node parse.Node) error {
	return s.errorf("can't give argument to non-function %s", node)
}

// operand is the value of a word that stands as an argument, or alone.
func (s *state) operand(dot any, node parse.Node) (any, error) {
	s.node = node
	switch n := node.(type) {
	case *parse.DotNode:
		return dot, nil
	case *parse.NilNode:
		return nil, nil
	case *parse.BoolNode:
		return n.True, nil
	case *parse.StringNode:
		return n.Text, nil
	case *parse.NumberNode:
		return s.constant(n)
	case *parse.FieldNode:
		return s.fields(dot, n.Ident, 0)
	case *parse.VariableNode:
		return s.variable(n, 0)
	case *parse.PipeNode:
		return s.pipeline(dot, n)
	case *parse.IdentifierNode:
		return s.call(dot, n, n, nil, nil)
	case *parse.ChainNode:
		return s.chain(dot, n, 0)
	}
	return nil, s.errorf("can't handle %s as an argument", node)
}

// constant is a number as Go reads it where nothing says of which type it is.
func (s *state) constant(n *parse.NumberNode) (any, error) {
	hex := strings.HasPrefix(strings.ToLower(n.Text), "0x") && !strings.ContainsAny(n.Text, "pP")
	character := strings.HasPrefix(n.Text, "'")
	switch {
	case n.IsComplex:
		return n.Complex128, nil
	case n.IsFloat && !hex && !character && strings.ContainsAny(n.Text, ".eEpP"):
		return n.Float64, nil
	case n.IsInt && int64(int(n.Int64)) == n.Int64:
		return int(n.Int64), nil
	}
	return nil, s.errorf("%s overflows int", n.Text)
}

// variable is $x or $x.Field.
func (s *state) variable(n *parse.VariableNode, arguments int) (any, error) {
	s.node = n
	v, err := s.lookup(n.Ident[0])
	if err != nil {
		return nil, err
	}
	if len(n.Ident) == 1 && arguments > 0 {
		return nil, s.noFunction(n)
	}
	return s.fields(v.value, n.Ident[1:], arguments)
}

// chain is (pipeline).Field.
func (s *state) chain(dot any, n *parse.ChainNode, arguments int) (any, error) {
	s.node = n
	if n.Node.Type() == parse.NodeNil {
		return nil, s.errorf("indirection through explicit nil in %s", n)
	}
	value, err := s.operand(dot, n.Node)
	if err != nil {
		return nil, err
	}
	return s.fields(value, n.Field, arguments)
}

// fields is value.A.B. Arguments are an error, as no field is a method; those of an absent field are not looked at.
func (s *state) fields(value any, names []string, arguments int) (any, error) {
	for i, name := range names {
		last := i == len(names)-1
		switch of := value.(type) {
		case absent:
		case map[string]any:
			if last && arguments > 0 {
				return nil, s.errorf("%s is not a method but has arguments", name)
			}
			field, ok := of[name]
			if value = field; !ok {
				value = absent{}
			}
		case nil:
			return nil, s.errorf("null has no field %s", name)
		default:
			return nil, s.errorf("can't evaluate field %s in type %T", name, value)
		}
	}
	return value, nil
}
