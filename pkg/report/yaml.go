package report

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"slices"

	"go.yaml.in/yaml/v2"
	kjson "k8s.io/apimachinery/pkg/util/json"
)

// writeYAML makes YAML from the JSON, so that both say the same: names sorted, whole numbers whole. The lists
// at the top are written item by item, as the library makes a tree and a list of events of all that it is given.
func writeYAML[D any](w io.Writer, document D, _ Style) error {
	return yamlDocument(w, document, "", nil)
}

// edgesYAML writes an EdgeList, making one edge at a time.
func edgesYAML(w io.Writer, c connections, style Style) error {
	head := Edges(c.snapshot, nil)
	head.Only = c.only
	if len(c.edges) == 0 {
		return writeYAML(w, head, style)
	}
	return yamlDocument(w, head, "edges", func(out *bufio.Writer) error {
		for _, e := range c.edges {
			text, err := json.Marshal(edge(e))
			if err != nil {
				return err
			}
			if err := yamlItem(out, text); err != nil {
				return err
			}
		}
		return nil
	})
}

// yamlDocument writes a document, one list of which may come from elsewhere.
func yamlDocument(w io.Writer, document any, list string, items func(*bufio.Writer) error) error {
	text, err := json.Marshal(document)
	if err != nil {
		return err
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil {
		return err
	}
	out := bufio.NewWriterSize(w, 64<<10)
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if name == list {
			out.WriteString(name + ":\n") //nolint:errcheck // Flush tells
			err = items(out)
		} else {
			err = yamlMember(out, name, members[name])
		}
		if err != nil {
			return err
		}
	}
	return out.Flush()
}

func yamlMember(w *bufio.Writer, name string, value json.RawMessage) error {
	var items []json.RawMessage
	if value[0] != '[' || json.Unmarshal(value, &items) != nil || len(items) == 0 {
		var content any
		if err := kjson.Unmarshal(value, &content); err != nil {
			return err
		}
		return libraryYAML(w, map[string]any{name: content})
	}
	w.WriteString(name + ":\n") //nolint:errcheck // Flush tells
	for _, item := range items {
		if err := yamlItem(w, item); err != nil {
			return err
		}
	}
	return nil
}

// yamlItem writes an item of a list at the top. The library would take several times as long and as much memory, and
// has the rest. JSON is read as JSON: a parser of YAML is slow, too.
func yamlItem(w *bufio.Writer, item json.RawMessage) error {
	var content any
	if err := kjson.Unmarshal(item, &content); err != nil {
		return err
	}
	text := bytes.NewBuffer(w.AvailableBuffer())
	if (&yamlWriter{b: text}).list([]any{content}, 0) {
		_, err := w.Write(text.Bytes())
		return err
	}
	return libraryYAML(w, []any{content})
}

func libraryYAML(w io.Writer, content any) error {
	text, err := yaml.Marshal(content)
	if err != nil {
		return err
	}
	_, err = w.Write(text)
	return err
}
