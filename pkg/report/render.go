package report

import (
	"encoding/json"
	"io"
	"strings"
	"unicode/utf8"

	"sigs.k8s.io/yaml"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
)

// Render writes the report in the form that the style asks for.
func (r *Report) Render(w io.Writer, style Style) error {
	switch style.Format {
	case JSON, YAML:
		return writeDocument(w, r, style.Format)
	}
	p := page{Report: r, Style: style, proven: map[handshake.Fact]bool{}}
	if err := p.write(); err != nil {
		return err
	}
	_, err := io.WriteString(w, p.b.String())
	return err
}

// page is the report while it is written for people. Its parts stand in the order in which a
// person needs them: the verdict, the health of each workload, what is wrong and how to mend it,
// what could not be seen, and what to type next.
type page struct {
	*Report
	Style

	proven map[handshake.Fact]bool // facts that were shown
	b      strings.Builder
}

func (p *page) write() error {
	p.head()
	parts := []func() error{p.workloads, p.upstreams, p.calls, p.findings, p.notSeen, p.ledger, p.next}
	for _, part := range parts {
		before := p.b.Len()
		p.b.WriteByte('\n')
		if err := part(); err != nil {
			return err
		}
		if p.b.Len() == before+1 { // nothing was said: take the blank line back
			text := p.b.String()[:before]
			p.b.Reset()
			p.b.WriteString(text)
		}
	}
	return nil
}

func (p *page) head() {
	health := p.Summary.Health
	label := p.Scope.label() + ": "
	calls, basis := p.callSentence(), "("+p.basis()+")"
	first := label + health.word() + "   "
	text := p.hang(first, calls) + p.hang("  ", basis)
	if line := first + calls + "   " + basis; utf8.RuneCountInString(line) <= p.width() {
		text = line + "\n"
	}
	p.b.WriteString(label + p.paint(health.color(), health.word()) + strings.TrimPrefix(text, label+health.word()))
	if out := p.Edges.Outside; out.Total > 0 && !p.speaksOfOutside() {
		p.b.WriteString(p.hang("  ", "callers without a proxy: "+out.sentence()))
	}
}

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
