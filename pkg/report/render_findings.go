package report

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
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
	return nil
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
	if f.CausedBy != "" {
		p.line("cause", "a consequence of "+Clean(f.CausedBy)+": mend that first")
	}
	p.hits(f)
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

// hit is what several callers have in common.
type hit struct {
	host    string
	port    uint32
	verdict handshake.Verdict
	reason  handshake.Reason
}

// hits says who is hit, by name.
func (p *page) hits(f *Finding) {
	callers := map[hit][]string{}
	var order []hit
	var bare []string
	for _, a := range f.Affects {
		if a.Client == nil {
			if a.Server != nil {
				bare = append(bare, p.cleanRef(*a.Server))
			}
			continue
		}
		k := hit{a.Host, a.Port, a.Verdict, a.Reason}
		if callers[k] == nil {
			order = append(order, k)
		}
		if name := p.cleanRef(*a.Client); !slices.Contains(callers[k], name) {
			callers[k] = append(callers[k], name)
		}
	}
	label := "hits"
	say := func(text string) { p.line(label, text); label = "" }
	shown := p.limit(shownHits)
	for i, k := range order {
		if i == shown && len(order) > shown+1 {
			say(fmt.Sprintf("and %d more destinations (-o wide shows them)", len(order)-shown))
			break
		}
		say(k.sentence(names(callers[k], p.limit(shownNames))))
	}
	if len(bare) > 0 {
		say(names(bare, p.limit(shownNames)))
	}
}

// limit is how many of a list the table shows; 0 is all.
func (p *page) limit(n int) int {
	if p.Format == Wide {
		return 0
	}
	return n
}

func (p *page) cleanRef(r kube.Ref) string { return Clean(p.refName(r)) }

func (k hit) sentence(callers string) string {
	s := fmt.Sprintf("%s → %s:%d", callers, Clean(shortHost(k.host)), k.port)
	if k.verdict != "" {
		s += ": " + string(k.verdict)
	}
	if k.reason != "" {
		s += " (" + string(k.reason) + ")"
	}
	return s
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
	for _, text := range []string{x.Command, x.Manifest} {
		if text == "" {
			continue
		}
		for _, line := range CleanLines(text) {
			p.b.WriteString("             " + line + "\n")
		}
	}
}
