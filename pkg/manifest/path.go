package manifest

import (
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// steps are the parts of a field "spec.egress[0].hosts" or "metadata.annotations[a.b/c]": keys, and numbers of items.
func steps(field string) []string {
	var out []string
	for field != "" {
		end := strings.IndexAny(field, ".[")
		switch {
		case end < 0:
			return append(out, field)
		case field[end] == '.' && end > 0:
			out = append(out, field[:end])
		case field[end] == '[':
			if end > 0 {
				out = append(out, field[:end])
			}
			inside, rest, _ := strings.Cut(field[end+1:], "]")
			out = append(out, inside)
			field = rest
			continue
		}
		field = field[end+1:]
	}
	return out
}

// follow goes down a path as far as it leads: the line that it comes to, and how many steps that took.
func follow(n *yaml.Node, path []string) (line, depth int) {
	line = n.Line
	for i, step := range path {
		if n.Kind == yaml.ScalarNode {
			return embedded(n, path[i:], line, i)
		}
		at, value := child(n, step)
		if value == nil {
			return line, i
		}
		line, n = at.Line, value
	}
	return line, len(path)
}

// embedded follows a path on in YAML that is a block of text, as the mesh config in its ConfigMap, whose first line is
// that below its key.
func embedded(n *yaml.Node, path []string, line, depth int) (int, int) {
	var doc yaml.Node
	if n.Style != yaml.LiteralStyle || yaml.Unmarshal([]byte(n.Value), &doc) != nil || len(doc.Content) == 0 {
		return line, depth
	}
	inside, steps := follow(doc.Content[0], path)
	if steps == 0 {
		return line, depth
	}
	return n.Line + inside, depth + steps
}

// child is what a step leads to, and where it stands: the key of a value, or the item itself. Nil when there is none.
func child(n *yaml.Node, step string) (at, value *yaml.Node) {
	switch n.Kind {
	case yaml.AliasNode:
		return child(n.Alias, step)
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == step {
				return n.Content[i], n.Content[i+1]
			}
		}
	case yaml.SequenceNode:
		if i, err := strconv.Atoi(step); err == nil && i >= 0 && i < len(n.Content) {
			return n.Content[i], n.Content[i]
		}
	}
	return nil, nil
}
