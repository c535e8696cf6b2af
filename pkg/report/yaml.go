package report

import (
	"bufio"
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
	text, err := json.Marshal(document)
	if err != nil {
		return err
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil {
		return err
	}
	out := bufio.NewWriter(w)
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if err := yamlMember(out, name, members[name]); err != nil {
			return err
		}
	}
	return out.Flush()
}

func yamlMember(w *bufio.Writer, name string, value json.RawMessage) error {
	var items []json.RawMessage
	if value[0] != '[' || json.Unmarshal(value, &items) != nil || len(items) == 0 {
		return yamlPart(w, value, func(content any) any { return map[string]any{name: content} })
	}
	w.WriteString(name + ":\n") //nolint:errcheck // Flush tells
	for _, item := range items {
		if err := yamlPart(w, item, func(content any) any { return []any{content} }); err != nil {
			return err
		}
	}
	return nil
}

// yamlPart reads the JSON as JSON: a parser of YAML takes several times as long and as much memory.
func yamlPart(w io.Writer, value json.RawMessage, within func(content any) any) error {
	var content any
	if err := kjson.Unmarshal(value, &content); err != nil {
		return err
	}
	text, err := yaml.Marshal(within(content))
	if err != nil {
		return err
	}
	_, err = w.Write(text)
	return err
}
