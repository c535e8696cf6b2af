package cli

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/json"
	"k8s.io/client-go/util/jsonpath"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/report"
)

// jsonPathForm is -o jsonpath=TEMPLATE: of a document in JSON, what kubectl's template picks. It
// is a form of everything that has JSON. There is no go-template beside it: with text/template
// linked, the linker keeps every exported method, and the program is a fifth larger.
const jsonPathForm report.Format = "jsonpath"

// withJSONPath adds the form to a document that has JSON.
func withJSONPath(formats []report.Format) []report.Format {
	if !slices.Contains(formats, report.JSON) {
		return formats
	}
	return append(slices.Clone(formats), jsonPathForm)
}

// refused says why a form is none.
func refused(name string, formats []report.Format) error {
	if name == "go-template" {
		return fmt.Errorf("there is no go-template, which would make the program a fifth larger: use jsonpath=TEMPLATE, or -o json and a tool such as jq")
	}
	return fmt.Errorf("must be one of %s", formatList(formats))
}

// parseJSONPath reads a template, in which a key that is not there is empty, as for kubectl.
func parseJSONPath(template string) (*jsonpath.JSONPath, error) {
	if template == "" {
		return nil, fmt.Errorf("jsonpath= needs a template, for example jsonpath='{.findings[*].code}'")
	}
	path := jsonpath.New("output").AllowMissingKeys(true)
	if err := path.Parse(template); err != nil {
		return nil, fmt.Errorf("jsonpath %q: %w", template, err)
	}
	return path, nil
}

// picking renders a document as JSON and writes what a template picks of it. That comes from a
// cluster, and is cleaned for a terminal.
func picking(path *jsonpath.JSONPath, render func(io.Writer, report.Style) error) func(io.Writer, report.Style) error {
	return func(w io.Writer, style report.Style) error {
		style.Format = report.JSON
		var text bytes.Buffer
		if err := render(&text, style); err != nil {
			return err
		}
		var document any
		if err := json.Unmarshal(text.Bytes(), &document); err != nil { // whole numbers stay whole
			return err
		}
		var picked bytes.Buffer
		if err := path.Execute(&picked, document); err != nil {
			return usageError("-o json shows the fields", "%v", err)
		}
		_, err := io.WriteString(w, cleanFields(picked.String()))
		return err
	}
}

// cleanFields cleans a text, and keeps the lines and columns of the template.
func cleanFields(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		fields := strings.Split(line, "\t")
		for j, field := range fields {
			fields[j] = report.Clean(field)
		}
		lines[i] = strings.Join(fields, "\t")
	}
	return strings.Join(lines, "\n")
}
