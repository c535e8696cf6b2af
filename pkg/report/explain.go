package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
)

// Catalogue lists all checks, a line each.
func Catalogue(w io.Writer, checks []*diagnose.Check) error {
	g := grid{header: []string{"CODE", "NAME", "SEVERITY", "WHAT"}}
	for _, c := range checks {
		g.rows = append(g.rows, []string{string(c.Code), c.Name, string(c.Severity), c.Title})
	}
	return g.write(w, false)
}

// Explain shows the long text of a check.
func Explain(w io.Writer, c *diagnose.Check) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s   %s\n", c.Code, c.Name, c.Severity)
	b.WriteString(wrap("", c.Title))
	paragraph := func(label, text string) {
		if text != "" {
			b.WriteString("\n" + wrap(fmt.Sprintf("%-10s ", label), text))
		}
	}
	paragraph("Meaning", c.Doc.Meaning)
	for i, s := range c.Doc.Symptoms {
		if i == 0 {
			paragraph("Symptoms", s)
		} else {
			b.WriteString(wrap(strings.Repeat(" ", 11), s))
		}
	}
	paragraph("Proven by", c.Doc.Detection)
	paragraph("Not this", c.Doc.NotThis)
	paragraph("Fix", c.Doc.Fix)
	paragraph("References", strings.Join(c.Doc.References, ", "))
	_, err := io.WriteString(w, b.String())
	return err
}
