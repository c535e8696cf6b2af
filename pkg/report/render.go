package report

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
)

// writePage writes the report for people.
func writePage(w io.Writer, r *Report, style Style) error {
	p := newPage(r, style)
	if err := p.write(); err != nil {
		return err
	}
	_, err := io.WriteString(w, p.b.String())
	return err
}

func newPage(r *Report, style Style) *page {
	return &page{Report: r, Style: style, proven: map[handshake.Fact]bool{}}
}

// page is the report while it is written for people. Its parts stand in the order in which a
// person needs them: the verdict, the health of each workload, what is wrong and how to mend it,
// what could not be seen, and what to type next.
type page struct {
	*Report
	Style

	proven map[handshake.Fact]bool // facts that were shown
	mended []*Finding              // findings whose fixes were shown
	b      strings.Builder
}

func (p *page) write() error {
	p.head()
	parts := []func() error{p.workloads, p.upstreams, p.calls, p.findings, p.changes, p.notMTLS, p.notSeen, p.ledger, p.next}
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
	health, word := p.Summary.Health, p.word()
	label := p.Scope.label() + ": "
	calls, basis := p.callSentence(), "("+p.basis()+")"
	first := label + word + "   "
	text := p.hang(first, calls) + p.hang("  ", basis)
	if line := first + calls + "   " + basis; utf8.RuneCountInString(line) <= p.width() {
		text = line + "\n"
	}
	p.b.WriteString(label + p.paint(health.color(), word) + strings.TrimPrefix(text, label+word))
	if b := p.Baseline; b != nil {
		line := fmt.Sprintf("baseline (%s): %s known, %d new, %d gone", captureTime(b.CapturedAt), plural(b.Known, "finding"), len(p.Findings)-b.Known, b.Fixed)
		if b.Unseen > 0 {
			line += fmt.Sprintf(", %d could not be looked for", b.Unseen)
		}
		p.b.WriteString(p.hang("  ", line))
	}
	p.suppressions()
	if out := p.EdgeSummary.Outside; out.Total > 0 && !p.speaksOfOutside() {
		p.b.WriteString(p.hang("  ", "callers without a proxy: "+out.sentence()))
	}
	if note := controlNote(p.EdgeSummary.ControlPlane); note != "" && p.Format == Wide && p.Scope.To == "" {
		p.b.WriteString(p.hang("  ", note))
	}
}

func writeJSON[D any](w io.Writer, document D, _ Style) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(document)
}
