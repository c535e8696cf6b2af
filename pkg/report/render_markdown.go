package report

import (
	"fmt"
	"html"
	"io"
	"strings"
	"time"
)

// maxTicket is the size that a ticket may have, in bytes: GitHub takes 65,536 characters.
const maxTicket = 60_000

// writeTicket writes the report as Markdown for a ticket: the verdict and a line for each
// finding, and the details folded. What does not fit is left out whole, the least important
// first, and the ticket says so.
func writeTicket(w io.Writer, r *Report, style Style) error {
	t := ticket{Report: r, style: style}
	t.head()
	t.list()
	t.details()
	if err := t.workloads(); err != nil {
		return err
	}
	if err := t.changes(); err != nil {
		return err
	}
	t.notSeen()
	t.foot()
	_, err := io.WriteString(w, t.b.String())
	return err
}

type ticket struct {
	*Report
	style Style
	b     strings.Builder
	cut   []string // what was left out
}

const (
	footRoom = 4000 // kept for what stands below the details
	maxTitle = 300  // characters of one line of the head or the foot
)

// fits reports whether the ticket has room for a text.
func (t *ticket) fits(text string) bool { return t.b.Len()+len(text) <= maxTicket-footRoom }

func (t *ticket) head() {
	fmt.Fprintf(&t.b, "## %s: %s\n\n%s\n\n", md(clip(t.Scope.label(), maxTitle)), t.Summary.Health.word(), md(t.callSentence()))
	if out := t.EdgeSummary.Outside; out.Total > 0 && !t.speaksOfOutside() {
		fmt.Fprintf(&t.b, "Callers without a proxy: %s\n\n", md(out.sentence()))
	}
	fmt.Fprintf(&t.b, "%s\n\n", md(t.basis()))
	for _, line := range t.suppressionLines(shownNames) {
		fmt.Fprintf(&t.b, "%s\n\n", md(clip(line, maxTitle)))
	}
	if n := t.NotMTLS; n != nil {
		fmt.Fprintf(&t.b, "**mTLS is not the cause**: %s. Look at\n\n", md(clip(n.Basis, maxTitle)))
		for _, look := range n.Next {
			fmt.Fprintf(&t.b, "- %s\n", md(clip(look, maxTitle)))
		}
		t.b.WriteByte('\n')
	}
}

// list is the table of findings. It takes at most half of the ticket.
func (t *ticket) list() {
	if len(t.Findings)+len(t.Unexplained) == 0 {
		t.b.WriteString("No findings.\n\n")
		return
	}
	t.b.WriteString("| | code | resource | what is wrong |\n|---|---|---|---|\n")
	left := 0
	for _, f := range t.Findings {
		word, _ := severityWord(f.Severity)
		title := md(f.Title)
		if f.Known {
			title += knownMark
		}
		row := fmt.Sprintf("| %s | %s | %s | %s |\n", word, md(f.Code), md(f.Subject.String()), title)
		if t.b.Len()+len(row) > maxTicket/2 {
			left++
			continue
		}
		t.b.WriteString(row)
	}
	if left > 0 {
		t.cut = append(t.cut, plural(left, "finding")+" of the table")
	}
	if len(t.Unexplained) > 0 {
		fmt.Fprintf(&t.b, "| WARN | | | %s |\n", unexplainedTitle)
	}
	t.b.WriteByte('\n')
}

func (t *ticket) details() {
	left := 0
	for i := range t.Findings {
		f := &t.Findings[i]
		if f.Severity == "info" || f.Known {
			continue // the table says it all
		}
		word, _ := severityWord(f.Severity)
		if !t.fold(word+" "+f.Code+": "+f.Title, t.findingText(f, t.style)) {
			left++
		}
	}
	if len(t.Unexplained) > 0 && !t.fold("WARN: "+unexplainedTitle, t.unexplainedText(t.style)) {
		left++
	}
	if left > 0 {
		t.cut = append(t.cut, "the details of "+plural(left, "finding"))
	}
}

func (t *ticket) workloads() error {
	p := newPage(t.Report, t.style.plain())
	if err := p.workloads(); err != nil {
		return err
	}
	if err := p.calls(); err != nil {
		return err
	}
	title := plural(len(t.Workloads), "workload")
	if t.Scope.To != "" {
		title = "The connections"
	}
	if p.b.Len() > 0 && !t.fold(title, p.b.String()) {
		t.cut = append(t.cut, "the table of "+plural(len(t.Workloads), "workload"))
	}
	return nil
}

func (t *ticket) changes() error {
	p := newPage(t.Report, t.style.plain())
	if err := p.changes(); err != nil || t.Changes == nil {
		return err
	}
	if !t.fold("Changed since "+t.Changes.Since.Format(time.DateTime)+"Z: "+plural(len(t.Changes.Resources), "resource"), p.b.String()) {
		t.cut = append(t.cut, "what changed")
	}
	return nil
}

func (t *ticket) notSeen() {
	p := newPage(t.Report, t.style.plain())
	if err := p.notSeen(); err != nil || p.b.Len() == 0 {
		return
	}
	if !t.fold("Not seen, and so neither ok nor wrong: "+plural(len(t.unseen()), "reason"), p.b.String()) {
		t.cut = append(t.cut, "what was not seen")
	}
}

// foot says what was left out, and how to see it again.
func (t *ticket) foot() {
	if len(t.cut) > 0 {
		fmt.Fprintf(&t.b, "Left out, as a ticket has room for %d KB: %s. `-o json` has everything.\n\n", maxTicket/1000, strings.Join(t.cut, ", "))
	}
	again := t.style.Program
	if t.style.Again.Recorded {
		again += " demo"
	}
	if full := again + t.style.Again.Evidence + t.style.Again.Scope; len(full) <= maxTitle {
		again = full
	}
	fmt.Fprintf(&t.b, "Made by %s", codeSpan(again))
	if f := newPage(t.Report, t.style).worst(); f != nil {
		fmt.Fprintf(&t.b, "; %s says more", codeSpan(t.style.Program+" explain "+clip(f.Code, maxTitle)))
	}
	t.b.WriteString(".\n")
}

// fold adds a text that opens on a click, if there is room for it.
func (t *ticket) fold(title, text string) bool {
	fence := strings.Repeat("`", max(3, longestRun(text)+1))
	block := fmt.Sprintf("<details><summary>%s</summary>\n\n%stext\n%s\n%s\n\n</details>\n\n",
		htmlText(title), fence, strings.TrimRight(text, "\n"), fence)
	if !t.fits(block) {
		return false
	}
	t.b.WriteString(block)
	return true
}

// md is text within a line of Markdown that stands for itself: no markup, no HTML, no link and no
// mention of somebody, for which GitHub and GitLab look in a text after its markup.
func md(s string) string { return mdEscapes.Replace(Clean(s)) }

var mdEscapes = strings.NewReplacer(
	`\`, `\\`, "`", "\\`", `*`, `\*`, `_`, `\_`, `[`, `\[`, `]`, `\]`, `|`, `\|`, `~`, `\~`, `$`, `\$`,
	`<`, `&lt;`, `>`, `&gt;`, `&`, `&amp;`,
	`://`, `:\//`, `www.`, `www\.`,
	`@`, `@<!-- -->`, `#`, `#<!-- -->`,
)

// htmlText is md for the inside of an HTML element, where Markdown does not reach.
func htmlText(s string) string {
	return strings.ReplaceAll(html.EscapeString(Clean(s)), "@", "@<!-- -->")
}

// clip shortens a text to a number of characters.
func clip(s string, n int) string {
	letters := []rune(s)
	if len(letters) <= n {
		return s
	}
	return string(letters[:n-1]) + "…"
}

// codeSpan is text in the fixed-width font, as it is.
func codeSpan(s string) string {
	s = Clean(s)
	fence := strings.Repeat("`", longestRun(s)+1)
	if longestRun(s) > 0 {
		return fence + " " + s + " " + fence
	}
	return fence + s + fence
}

// longestRun is the length of the longest run of backticks.
func longestRun(s string) int {
	longest, run := 0, 0
	for _, r := range s {
		if r != '`' {
			run = 0
			continue
		}
		run++
		longest = max(longest, run)
	}
	return longest
}
