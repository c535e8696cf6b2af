package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
)

// Catalogue lists all checks, a line each.
func Catalogue(w io.Writer, checks []*diagnose.Check, style Style) error {
	g := grid{header: []string{"CODE", "NAME", "SEVERITY", "WHAT"}}
	for _, c := range checks {
		g.rows = append(g.rows, []string{string(c.Code), c.Name, string(c.Severity), c.Title})
	}
	return g.write(w, style)
}

// Explain shows the long text of a check.
func Explain(w io.Writer, c *diagnose.Check, style Style) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s   %s\n", c.Code, c.Name, c.Severity)
	b.WriteString(style.wrap("", c.Title))
	section(&b, style, "Meaning", c.Doc.Meaning)
	section(&b, style, "Symptoms", c.Doc.Symptoms...)
	section(&b, style, "Proven by", c.Doc.Detection)
	byHand(&b, style, c.Doc.ByHand)
	section(&b, style, "Not this", c.Doc.NotThis)
	section(&b, style, "Fix", c.Doc.Fix)
	links := make([]string, len(c.Doc.References))
	for i, ref := range c.Doc.References {
		links[i] = diagnose.Link(ref)
	}
	section(&b, style, "References", links...)
	_, err := io.WriteString(w, b.String())
	return err
}

// indent is as wide as the longest label of a section, and a space.
const indent = "           "

// section writes paragraphs, the first beside its label.
func section(b *strings.Builder, style Style, label string, paragraphs ...string) {
	first := "\n" + fmt.Sprintf("%-*s", len(indent), label)
	for _, text := range paragraphs {
		b.WriteString(first[:len(first)-len(indent)] + style.wrap(first[len(first)-len(indent):], text))
		first = indent
	}
}

// byHand writes commands, each in a line of its own to be copied, and what they show.
func byHand(b *strings.Builder, style Style, looks []diagnose.Look) {
	first := fmt.Sprintf("\n%-*s", len(indent), "By hand")
	for _, l := range looks {
		b.WriteString(first + l.Command + "\n" + style.wrap(indent+"  ", l.Shows))
		first = indent
	}
}

// Likely shows the causes of which a pasted text is a sign, the likeliest first. The checks are the catalogue.
func Likely(w io.Writer, seen []diagnose.Seen, checks []*diagnose.Check, style Style) error {
	var b strings.Builder
	next := ""
	for _, s := range seen {
		if s.Next == "" && len(s.Codes) == 0 {
			continue // others have named its causes
		}
		b.WriteString(Wrap(style.width(), "", 2, fmt.Sprintf("%q: %s", Clean(s.Text), s.Means)))
		if s.Next != "" {
			b.WriteString(style.wrap("  ", "not mutual TLS: see "+s.Next))
		}
		for _, code := range s.Codes {
			b.WriteString(likelyLine(code, checks, style))
			if next == "" {
				next = fmt.Sprintf("Next: %s explain %s\n", style.Program, code)
			}
		}
		b.WriteByte('\n')
	}
	_, err := io.WriteString(w, strings.TrimSuffix(b.String(), "\n")+newParagraph(next))
	return err
}

func newParagraph(text string) string {
	if text == "" {
		return ""
	}
	return "\n" + text
}

func likelyLine(code diagnose.Code, checks []*diagnose.Check, style Style) string {
	for _, c := range checks {
		if c.Code == code {
			return style.wrap(fmt.Sprintf("  %s %-30s ", c.Code, c.Name), c.Title)
		}
	}
	return ""
}
