package report

import (
	"encoding/json"
	"io"

	"sigs.k8s.io/yaml"
)

// writeDocument writes a document for programs. YAML is made from the JSON, so that both say the same.
func writeDocument(w io.Writer, v any, f Format) error {
	if f == YAML {
		out, err := yaml.Marshal(v)
		if err != nil {
			return err
		}
		_, err = w.Write(out)
		return err
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
