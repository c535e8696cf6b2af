package report

import (
	"fmt"
	"io"
)

// Format names a form of output.
type Format string

// The forms. Table, Wide, Markdown and HTML are for people, the others for programs.
const (
	Table       Format = "table"
	Wide        Format = "wide"
	JSON        Format = "json"
	YAML        Format = "yaml"
	Markdown    Format = "markdown"    // a ticket
	JUnit       Format = "junit"       // test results, for CI servers
	SARIF       Format = "sarif"       // static analysis results 2.1.0, for code scanning
	OpenReports Format = "openreports" // resources of openreports.io/v1alpha1, for kubectl apply
	CSV         Format = "csv"         // a table for spreadsheets
	Name        Format = "name"        // what to look at, as kubectl takes it; nothing that is suppressed
)

// A form is a way to write one kind of document.
type form[D any] struct {
	name  Format
	write func(io.Writer, D, Style) error
}

// forms are all ways to write one kind of document, the usual one first. A new form is a
// function, its test, and a line in such a table.
type forms[D any] []form[D]

func (fs forms[D]) names() []Format {
	names := make([]Format, len(fs))
	for i, f := range fs {
		names[i] = f.name
	}
	return names
}

func (fs forms[D]) write(w io.Writer, document D, style Style) error {
	for _, f := range fs {
		if f.name == style.Format {
			return f.write(w, document, style)
		}
	}
	return fmt.Errorf("there is no form %q of it; there are %v", style.Format, fs.names())
}

var reportForms = forms[*Report]{
	{Table, writePage},
	{Wide, writePage},
	{JSON, writeJSON[*Report]},
	{YAML, writeYAML[*Report]},
	{Markdown, writeTicket},
	{JUnit, writeJUnit},
	{SARIF, writeSARIF},
	{OpenReports, writeOpenReports},
	{CSV, writeResources},
	{Name, writeNames},
	{HTML, writeHTML},
}

// Formats are the forms of a Report, the usual one first.
func Formats() []Format { return reportForms.names() }

// Render writes the report in the form that the style asks for.
func (r *Report) Render(w io.Writer, style Style) error { return reportForms.write(w, r, style) }
