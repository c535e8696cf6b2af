package report

import (
	"cmp"
	"fmt"
	"slices"
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

// knownMark is what stands behind a finding of the baseline.
const knownMark = " (in the baseline)"

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
	p.sayUnexplained()
}

const unexplainedTitle = "calls fail in TLS, and no check explains them"

func (p *page) sayUnexplained() {
	text := p.wrap("WARN         ", unexplainedTitle)
	p.b.WriteString(p.paint(yellow, "WARN") + text[len("WARN"):])
	p.hits(p.Unexplained)
	if see := p.edges(" -o wide"); see != "" {
		p.line("see", see)
	}
}

// findingText is a finding as the terminal shows it, for the forms that hold text.
func (r *Report) findingText(f *Finding, style Style) string {
	p := newPage(r, style.plain())
	p.finding(f)
	return p.b.String()
}

func (r *Report) unexplainedText(style Style) string {
	p := newPage(r, style.plain())
	p.sayUnexplained()
	return p.b.String()
}

// brief reports whether a finding is told in one line: one that only informs, or is known.
func (p *page) brief(f *Finding) bool { return (f.Severity == "info" || f.Known) && p.Format != Wide }

func (p *page) finding(f *Finding) {
	word, color := severityWord(f.Severity)
	first := fmt.Sprintf("%-4s %s  ", word, Clean(f.Code))
	title := Clean(f.Title)
	if f.CausedBy != nil && p.brief(f) {
		title += "; a consequence of " + Clean(f.CausedBy.Code)
	}
	if f.Known {
		title += knownMark
	}
	text := p.wrap(first, title)
	p.b.WriteString(p.paint(color, word) + strings.TrimPrefix(text, word))
	if p.brief(f) {
		p.refusers(f)
		return
	}
	if f.Field != "" {
		p.line("where", Clean(f.Subject.String()+" "+f.Field))
	}
	if f.CausedBy != nil {
		p.line("cause", "a consequence of "+Clean(f.CausedBy.Code)+": mend that first")
	}
	p.origin(f.Origin)
	p.file(f)
	if since := f.inForce(); since != "" {
		p.line("proxy", since)
	}
	p.hits(f.Affects)
	p.remedies(f) // before the proof, which takes a screen of its own
	p.facts(f.Evidence)
}

// file names the line of a file that a finding blames, where it is known.
func (p *page) file(f *Finding) {
	if f.Location != nil {
		p.line("file", f.Location.String())
	}
}

// remedies shows what mends a finding, or which finding above needs the very same.
func (p *page) remedies(f *Finding) {
	if same := p.sameFixes(f); same >= 0 {
		first := p.mended[same]
		p.line("fix", Clean("the same as for "+first.Code+" "+first.Subject.String()+" above"))
		return
	}
	p.fixes(f.Fixes)
}

// sameFixes returns the place in p.mended of the first finding with the very same fixes, or -1, and adds f to them.
func (p *page) sameFixes(f *Finding) int {
	i := slices.IndexFunc(p.mended, func(x *Finding) bool { return len(x.Fixes) > 0 && slices.Equal(x.Fixes, f.Fixes) })
	p.mended = append(p.mended, f)
	return i
}

// refusers says below a finding of one line where to look at what denies its calls.
func (p *page) refusers(f *Finding) {
	denied := slices.ContainsFunc(f.Affects, func(a Affected) bool { return a.Verdict == handshake.Denied })
	if !denied || f.Known {
		return
	}
	label := "see"
	for i, x := range f.Fixes {
		if !x.Look || i > 0 && !x.Also { // the first, with its parts
			break
		}
		fmt.Fprintf(&p.b, "     %-8s%s\n", label, Clean(p.aimed(x.Command)))
		label = ""
	}
}

func (p *page) fixes(list []Fix) {
	for i, x := range list {
		p.fix(cmp.Or(x.joint(i), "fix"), x)
	}
}

// joint is how a fix stands to those before it in a list: instead of them, or with the last; "" for the first.
func (x *Fix) joint(i int) string {
	switch {
	case i == 0:
		return ""
	case x.Also:
		return "and"
	}
	return "or"
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
	p.b.WriteString(p.wrap(fmt.Sprintf("     %-8s", label), text))
}

// limit is how many of a list the table shows; 0 is all.
func (p *page) limit(n int) int {
	if p.Format == Wide {
		return 0
	}
	return n
}

// facts shows the evidence, each with its layer and where it was read. Where the connections
// themselves are shown, their proof is not repeated.
func (p *page) facts(facts []handshake.Fact) {
	label := "proof"
	if p.Scope.To != "" {
		facts = p.newFacts(facts)
	}
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

func (p *page) newFacts(facts []handshake.Fact) []handshake.Fact {
	var out []handshake.Fact
	for _, x := range facts {
		if !p.proven[x] {
			out = append(out, x)
		}
		p.proven[x] = true
	}
	return out
}

// fact writes a fact on one line, or its value below its source, which is never broken: people
// search for it.
func (p *page) fact(label string, x handshake.Fact) {
	first := fmt.Sprintf("     %-8s%-9s", label, x.Layer)
	source, value := Clean(x.Source), Clean(x.Value)
	if line := first + source + ": " + value; utf8.RuneCountInString(line) <= p.width() {
		p.b.WriteString(line + "\n")
		return
	}
	p.b.WriteString(first + source + "\n" + p.wrap(strings.Repeat(" ", len(first)+2), value))
}

// fix shows a remedy behind a label: commands and manifests stand on lines of their own, ready to paste.
func (p *page) fix(label string, x Fix) {
	title := Clean(x.Title)
	if x.Risk != "" {
		title += " (risk: " + Clean(x.Risk) + ")"
	}
	p.line(label, title)
	for _, text := range []string{p.aimed(x.Command), x.Manifest} {
		if text == "" {
			continue
		}
		for _, line := range CleanLines(text) {
			p.b.WriteString("             " + line + "\n")
		}
	}
}
