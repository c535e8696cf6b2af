package report

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/renderer/html"
)

// github renders Markdown as GitHub does, HTML included.
func github(t *testing.T, text string) string {
	t.Helper()
	var b strings.Builder
	md := goldmark.New(goldmark.WithExtensions(extension.GFM), goldmark.WithRendererOptions(html.WithUnsafe()))
	if err := md.Convert([]byte(text), &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// hostileTexts would be markup, HTML, a link or a mention if they were not escaped.
var hostileTexts = []string{
	"<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "</details></summary>", "[x](javascript:alert(1))", "![x](https://x/y.png)",
	"`x` ``` ````", "**bold** _it_ ~~no~~", "| a | b |", "https://evil.example/", "www.evil.example", "a@evil.example", "@everyone #1", "&lt;b&gt;", `\<b\>`,
	"\n\n# heading\n- item", "<!-- x", "$x$", "```\n</details>\n<b>", "[^1]", "[ ] x", "http://a", "x\r\n\r\n<b>",
}

// TestTicketEscapes: text from a cluster is text in a ticket, and adds no element to it.
func TestTicketEscapes(t *testing.T) {
	plain := elements(github(t, render(t, named("x"), Style{Format: Markdown})))
	for _, text := range hostileTexts {
		got := github(t, render(t, named(text), Style{Format: Markdown}))
		if diff := cmp.Diff(plain, elements(got)); diff != "" {
			t.Errorf("%q changes the page (-plain +got):\n%s\n%s", text, diff, got)
		}
		if strings.Contains(codeElement.ReplaceAllString(got, ""), "@e") {
			t.Errorf("%q mentions somebody: %s", text, got)
		}
	}
}

var codeElement = regexp.MustCompile(`(?s)<code.*?</code>`)

// named is the sample with a text of the cluster's in every place.
func named(text string) *Report {
	r := sample()
	r.Scope.Namespaces = []string{text}
	f := &r.Findings[0]
	f.Title, f.Subject.Name, f.Subject.Namespace, f.Subject.Kind = text, text, text, text
	f.Evidence[0].Value, f.Evidence[0].Source, f.Fixes[0].Title, f.Fixes[0].Command, f.Fixes[0].Manifest = text, text, text, text, text
	r.Workloads[0].Ref.Name = text
	r.Coverage.Gaps[0].Message = text
	return r
}

// elements are the tags of a page, in their order.
func elements(page string) []string {
	var out []string
	for {
		_, rest, ok := strings.Cut(page, "<")
		if !ok {
			return out
		}
		tag, rest, _ := strings.Cut(rest, ">")
		if !strings.HasPrefix(tag, "!--") {
			out = append(out, tag)
		}
		page = rest
	}
}

// TestTicketFits: however much is wrong, a ticket has its size, and says what it leaves out.
func TestTicketFits(t *testing.T) {
	r := sample()
	first := r.Findings[0]
	for i := range 400 {
		f := first
		f.Subject.Name = fmt.Sprintf("rule-%d", i)
		r.Findings = append(r.Findings, f)
	}
	r.Findings[3].Title = strings.Repeat("@", 50_000)
	r.Scope.Namespaces = []string{strings.Repeat("@", 50_000)}
	for range 2000 {
		r.Workloads = append(r.Workloads, r.Workloads[0])
	}
	style := Style{Format: Markdown, Again: Again{Scope: strings.Repeat(" deploy/x", 10_000)}}
	got := render(t, r, style)
	if len(got) > maxTicket {
		t.Errorf("it has %d bytes", len(got))
	}
	for _, want := range []string{"Left out, as a ticket has room for 60 KB: ", " of the table, the details of ", "the table of 2004 workloads", "rule-1 "} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in the ticket, which ends with %s", want, got[len(got)-500:])
		}
	}
	if whole := render(t, sample(), Style{Format: Markdown}); strings.Contains(whole, "Left out") {
		t.Errorf("something is left out of a small one: %s", whole)
	}
}
