package cli

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/json"
	"k8s.io/client-go/util/jsonpath"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/gotemplate"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/report"
)

// A picker writes what a template picks of a document in JSON.
type picker interface {
	Execute(w io.Writer, document any) error
}

// A pickForm is a form that picks from the JSON, as kubectl has it: NAME=TEMPLATE, or NAME-file=FILE.
// It is a form of everything that has JSON.
type pickForm struct {
	name    report.Format
	example string
	parse   func(template string) (picker, error)
}

var pickForms = []pickForm{
	{"jsonpath", "{.findings[*].code}", parseJSONPath},
	{"go-template", "{{range .findings}}{{.code}} {{end}}", parseGoTemplate},
}

const ofFile report.Format = "-file"

// withPicks adds the forms to a document that has JSON.
func withPicks(formats []report.Format) []report.Format {
	if !slices.Contains(formats, report.JSON) {
		return formats
	}
	out := slices.Clone(formats)
	for _, f := range pickForms {
		out = append(out, f.name, f.name+ofFile)
	}
	return out
}

// parsePick reads the template of a form; nil for a form that has none.
func parsePick(name, value string) (picker, error) {
	for _, f := range pickForms {
		switch report.Format(name) {
		case f.name:
			if value == "" {
				return nil, fmt.Errorf("%s= needs a template, for example %s='%s'", name, name, f.example)
			}
			return f.parse(value)
		case f.name + ofFile:
			text, err := os.ReadFile(value)
			if err != nil {
				return nil, fmt.Errorf("%s= needs the name of a file that holds a template: %w", name, err)
			}
			return f.parse(string(text))
		}
	}
	return nil, nil
}

// parseJSONPath reads a template, in which a key that is not there is empty, as for kubectl.
func parseJSONPath(template string) (picker, error) {
	path := jsonpath.New("output").AllowMissingKeys(true)
	if err := path.Parse(template); err != nil {
		return nil, fmt.Errorf("jsonpath %q: %w", template, err)
	}
	return path, nil
}

// parseGoTemplate reads a template, in which a key that is not there is "<no value>", as for kubectl.
func parseGoTemplate(template string) (picker, error) {
	t, err := gotemplate.Parse("output", template)
	if err != nil {
		return nil, fmt.Errorf("go-template %q: %w", template, err)
	}
	return t, nil
}

// picking renders a document as JSON and writes what a template picks of it. That comes from a
// cluster, and is cleaned for a terminal.
func picking(pick picker, render func(io.Writer, report.Style) error) func(io.Writer, report.Style) error {
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
		if err := pick.Execute(&picked, document); err != nil {
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
