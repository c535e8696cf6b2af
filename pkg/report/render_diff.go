package report

import (
	"fmt"
	"io"
	"strings"
)

var diffForms = forms[*Diff]{
	{Table, writeDiff},
	{Wide, writeDiff},
	{JSON, writeJSON[*Diff]},
	{YAML, writeYAML[*Diff]},
	{Markdown, writeDiffTicket},
}

// DiffFormats are the forms of a difference, the usual one first.
func DiffFormats() []Format { return diffForms.names() }

// Render writes the difference in the form that the style asks for.
func (d *Diff) Render(w io.Writer, style Style) error { return diffForms.write(w, d, style) }

// shownCalls is how many calls of each kind the table shows; -o wide shows all.
const shownCalls = 15

// diffPage is a difference while it is written for people.
type diffPage struct {
	*Diff
	*page
}

func writeDiff(w io.Writer, d *Diff, style Style) error {
	r := &Report{Scope: d.After.Scope, CapturedAt: d.After.CapturedAt}
	if d.Findings != nil {
		r.Suppressions = &Suppressions{Suppressed: d.Findings.Suppressed}
	}
	p := diffPage{d, newPage(r, style)}
	p.head()
	p.findings()
	if err := p.calls(); err != nil {
		return err
	}
	_, err := io.WriteString(w, p.b.String())
	return err
}

// head is what changed in one line, and what was compared.
func (p *diffPage) head() {
	p.b.WriteString(p.hang(p.After.Scope.label()+"   ", p.Diff.sentence()))
	p.b.WriteString(p.hang("  ", "before: "+p.Before.said()))
	p.b.WriteString(p.hang("  ", "after:  "+p.After.said()))
	if before, after := p.Before.CapturedAt, p.After.CapturedAt; !before.IsZero() && !after.IsZero() && after.Before(before) {
		p.b.WriteString(p.hang("  ", "! before is the later one: to see what has changed since, swap the two"))
	}
	if p.Before.Scope.label() != p.After.Scope.label() {
		p.b.WriteString(p.hang("  ", "! the sides speak of different things: "+p.Before.Scope.label()+", and "+p.After.Scope.label()))
	}
	p.suppressions()
}

func (s *DiffSide) said() string {
	said := Clean(s.Name) + ", " + captureTime(s.CapturedAt)
	if len(s.Unlisted) > 0 {
		said += ", without the list of " + Clean(strings.Join(s.Unlisted, ", ")) + ": connections may be missing"
	}
	return said
}

// sentence counts what became of findings and calls: "findings: 1 new, 2 as before".
func (d *Diff) sentence() string {
	var parts []string
	if f := d.Findings; f != nil {
		parts = append(parts, "findings: "+tally(
			count{len(f.New), "new"}, count{len(f.Fixed), "fixed"}, count{len(f.Changed), "changed"},
			count{len(f.Unseen), "unseen"}, count{len(f.Suppressed), "suppressed"}, count{f.Unchanged, "as before"}))
	}
	if c := d.Calls; c != nil {
		parts = append(parts, "calls: "+tally(
			count{len(c.Worse), "worse"}, count{len(c.Better), "better"}, count{len(c.Other), "fare otherwise"}, count{len(c.Unseen), "unknown now"},
			count{c.New, "new"}, count{c.Gone, "gone"}, count{c.Missing, "not listed"}, count{c.Unchanged, "as before"}))
	}
	return strings.Join(parts, "; ")
}

// count is "2 fixed".
type count struct {
	n    int
	what string
}

// tally lists the counts that are not 0.
func tally(counts ...count) string {
	var parts []string
	for _, c := range counts {
		if c.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", c.n, c.what))
		}
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, ", ")
}

func (p *diffPage) findings() {
	if p.Diff.Findings == nil {
		p.b.WriteString("\nFindings are not compared: a side holds connections only.\n")
		return
	}
	for i := range p.Diff.Findings.New {
		f := &p.Diff.Findings.New[i]
		p.b.WriteString("\nnew\n")
		p.finding(f)
	}
	for i := range p.Diff.Findings.Changed {
		c := &p.Diff.Findings.Changed[i]
		p.b.WriteString("\nchanged: " + Clean(strings.Join(c.What, ", ")) + "\n")
		p.finding(&c.After)
	}
	if len(p.Diff.Findings.Fixed) > 0 {
		p.b.WriteString("\nfixed\n")
	}
	for _, f := range p.Diff.Findings.Fixed {
		p.b.WriteString(p.wrap("ok   "+Clean(f.Code)+"  ", Clean(f.Title)))
	}
	p.unseenFindings(p.Diff.Findings.Unseen)
}

// unseenFindings are those that are not known to be gone.
func (p *diffPage) unseenFindings(list []UnseenFinding) {
	if len(list) > 0 {
		fmt.Fprintf(&p.b, "\n%s could not be looked for\n", plural(len(list), "finding"))
	}
	for _, x := range list {
		p.b.WriteString(p.wrap("?    "+Clean(x.Finding.Code)+"  ", Clean(x.Finding.Title)))
		p.line("why", Clean(x.Why))
	}
}

func (p *diffPage) calls() error {
	if p.Calls == nil {
		p.b.WriteString("\nCalls are not compared: a side holds a report, which counts them only.\n")
		return nil
	}
	for _, part := range []struct {
		title string
		calls []ChangedCall
	}{{"CALLS THAT FARE WORSE", p.Calls.Worse}, {"CALLS THAT FARE BETTER", p.Calls.Better}, {"CALLS THAT FARE OTHERWISE", p.Calls.Other}, {"CALLS UNKNOWN NOW", p.Calls.Unseen}} {
		if err := p.callTable(part.title, part.calls); err != nil {
			return err
		}
	}
	return nil
}

func (p *diffPage) callTable(title string, calls []ChangedCall) error {
	g := grid{header: []string{title, "DESTINATION", "SERVER", "BEFORE", "AFTER", "REASON"}}
	shown := p.limit(shownCalls)
	for i := range calls {
		if shown > 0 && i == shown && len(calls) > shown+1 {
			break
		}
		c := &calls[i]
		before := "-"
		if c.Before != nil {
			before = p.paint(verdictColor(c.Before.Verdict), string(c.Before.Verdict))
		}
		destination := Server{Host: c.Host, Port: c.Port, Subset: c.Subset}
		g.rows = append(g.rows, []string{
			Clean(c.Client.name()), Clean(destination.destination()), Clean(c.Server.name()), before,
			p.paint(verdictColor(c.After.Verdict), string(c.After.Verdict)), string(c.After.Reason),
		})
	}
	if len(g.rows) > 0 {
		p.b.WriteByte('\n')
	}
	if err := g.write(&p.b, p.Style); err != nil {
		return err
	}
	if left := len(calls) - len(g.rows); left > 0 {
		fmt.Fprintf(&p.b, "and %s (-o wide shows them)\n", plural(left, "more call"))
	}
	return nil
}

func (e *CallEnd) name() string {
	if e.Workload == "" {
		return Outside
	}
	return workloadName(e.Namespace, e.Workload, e.Proxy)
}

// writeDiffTicket writes the difference as Markdown for a ticket.
func writeDiffTicket(w io.Writer, d *Diff, style Style) error {
	var text strings.Builder
	if err := writeDiff(&text, d, style.plain()); err != nil {
		return err
	}
	t := ticket{Report: &Report{}, style: style}
	fmt.Fprintf(&t.b, "## %s\n\n", md(clip(d.After.Scope.label()+", "+d.sentence(), maxTitle)))
	if !t.fold("What changed", text.String()) {
		fmt.Fprintf(&t.b, "Left out, as a ticket has room for %d KB: what changed, one by one. `-o json` has everything.\n", maxTicket/1000)
	}
	_, err := io.WriteString(w, t.b.String())
	return err
}
