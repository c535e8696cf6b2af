package report

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
)

// How much of a finding the table shows; -o wide shows all.
const (
	shownNames = 3
	shownHits  = 4
	shownFacts = 4
)

// findings shows what is wrong in the order in which to act. Those that only inform are one
// line each.
func (p *page) findings() error {
	for i := range p.Report.Findings {
		f := &p.Report.Findings[i]
		if i > 0 && !(p.brief(f) && p.brief(&p.Report.Findings[i-1])) {
			p.b.WriteByte('\n')
		}
		p.finding(f)
	}
	p.unexplained()
	return nil
}

// unexplained shows the calls that fail although no finding says why.
func (p *page) unexplained() {
	if len(p.Unexplained) == 0 {
		return
	}
	if len(p.Report.Findings) > 0 {
		p.b.WriteByte('\n')
	}
	text := wrap("WARN         ", "calls fail in TLS, and no check explains them")
	p.b.WriteString(p.paint(yellow, "WARN") + text[len("WARN"):])
	p.hits(p.Unexplained)
	if see := p.edges(" -o wide"); see != "" {
		p.line("see", see)
	}
}

func (p *page) brief(f *Finding) bool { return f.Severity == "info" && p.Format != Wide }

func (p *page) finding(f *Finding) {
	word, color := severityWord(f.Severity)
	first := fmt.Sprintf("%-4s %s  ", word, Clean(f.Code))
	text := wrap(first, Clean(f.Title))
	p.b.WriteString(p.paint(color, word) + strings.TrimPrefix(text, word))
	if p.brief(f) {
		return
	}
	if f.CausedBy != nil {
		p.line("cause", "a consequence of "+Clean(f.CausedBy.Code)+": mend that first")
	}
	p.hits(f.Affects)
	p.facts(f.Evidence)
	for _, x := range f.Fixes {
		p.fix(x)
	}
}

func severityWord(severity string) (word, color string) {
	switch severity {
	case "error":
		return "FAIL", red
	case "warning":
		return "WARN", yellow
	}
	return "info", ""
}

// line writes a labelled paragraph of a finding. The text is clean.
func (p *page) line(label, text string) {
	p.b.WriteString(wrap(fmt.Sprintf("     %-8s", label), text))
}

// limit is how many of a list the table shows; 0 is all.
func (p *page) limit(n int) int {
	if p.Format == Wide {
		return 0
	}
	return n
}

// facts shows the evidence, each with its layer and where it was read.
func (p *page) facts(facts []handshake.Fact) {
	label := "proof"
	shown := p.limit(shownFacts)
	for i, x := range facts {
		if shown > 0 && i == shown && len(facts) > shown+1 {
			p.line(label, fmt.Sprintf("and %d more (-o wide shows them)", len(facts)-shown))
			return
		}
		p.fact(label, x)
		label = ""
	}
}

// fact writes a fact on one line, or its value below its source, which is never broken: people
// search for it.
func (p *page) fact(label string, x handshake.Fact) {
	first := fmt.Sprintf("     %-8s%-9s", label, x.Layer)
	source, value := Clean(x.Source), Clean(x.Value)
	if line := first + source + ": " + value; utf8.RuneCountInString(line) <= lineWidth {
		p.b.WriteString(line + "\n")
		return
	}
	p.b.WriteString(first + source + "\n" + wrap(strings.Repeat(" ", len(first)+2), value))
}

// fix shows a remedy: commands and manifests stand on lines of their own, ready to paste.
func (p *page) fix(x Fix) {
	title := Clean(x.Title)
	if x.Risk != "" {
		title += " (risk: " + Clean(x.Risk) + ")"
	}
	p.line("fix", title)
	for _, text := range []string{p.aimed(x.Command), x.Manifest} {
		if text == "" {
			continue
		}
		for _, line := range CleanLines(text) {
			p.b.WriteString("             " + line + "\n")
		}
	}
}
