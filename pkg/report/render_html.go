package report

import (
	"crypto/sha256"
	_ "embed" // the style and the script of the page
	"encoding/base64"
	"io"
	"strconv"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
)

// HTML is one self-contained page, for people who look rather than read.
const HTML Format = "html"

//go:embed html/page.css
var pageStyle string

//go:embed html/page.js
var pageScript string

// webPage is a report while it is written as HTML. Findings, tables and the matrix are in the
// markup and can be read without the script.
type webPage struct {
	*Report
	style  Style
	matrix *Matrix          // nil when the report was read from a document
	certs  *CertificateList // likewise
	cells  map[cellKey]int  // the cells of the matrix by their parties
	edges  []*handshake.Edge
}

// writeHTML writes the page. All text of it goes through text, which cleans it, and gomponents, which escapes it.
func writeHTML(w io.Writer, r *Report, style Style) error {
	p := &webPage{Report: r, style: style}
	if r.seen != nil {
		p.draw(r.seen)
	}
	return p.write(w)
}

func (p *webPage) write(w io.Writer) error {
	data, err := p.data()
	if err != nil {
		return err
	}
	page := h.Doctype(h.HTML(
		h.Lang("en"),
		h.Head(
			h.Meta(h.Charset("utf-8")),
			h.Meta(g.Attr("http-equiv", "Content-Security-Policy"), h.Content(contentPolicy())),
			h.Meta(h.Name("viewport"), h.Content("width=device-width, initial-scale=1")),
			h.TitleEl(text(p.Scope.label()+": "+p.Summary.Health.word()+" (mtls-doctor)")),
			h.StyleEl(g.Raw(pageStyle)),
		),
		h.Body(
			h.A(h.Class("skip"), h.Href("#findings"), g.Text("To the findings")),
			p.header(), p.nav(),
			h.Main(p.counts(), p.findings(), p.changed(), p.pairs(), p.graph(), p.workloads(), p.certificates(), p.notSeen()),
			h.Script(h.ID("data"), h.Type("application/json"), g.Raw(data)),
			h.Script(g.Raw(pageScript)),
		),
	))
	return g.Group{page, g.Raw("\n")}.Render(w)
}

// contentPolicy lets the page's own style and script work, and nothing else: no network, no
// script that a name of the cluster could bring.
func contentPolicy() string {
	return "default-src 'none'; style-src '" + sourceHash(pageStyle) + "'; script-src '" + sourceHash(pageScript) +
		"'; base-uri 'none'; form-action 'none'"
}

func sourceHash(content string) string {
	sum := sha256.Sum256([]byte(content))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// text is a text of the cluster.
func text(s string) g.Node { return g.Text(Clean(s)) }

// each maps a list to nodes.
func each[T any](list []T, node func(T) g.Node) g.Node { return g.Map(list, node) }

// part is a part of the page with its heading.
func part(id, title string, nodes ...g.Node) g.Node {
	return h.Section(h.ID(id), g.Attr("aria-labelledby", id+"-title"), h.H2(h.ID(id+"-title"), g.Text(title)), g.Group(nodes))
}

// scrolling is a region that scrolls, which a keyboard must be able to reach.
func scrolling(label string, nodes ...g.Node) g.Node {
	return h.Div(h.Class("scroll"), h.Role("region"), h.Aria("label", label+", scrolls"), h.TabIndex("0"), g.Group(nodes))
}

// word is a state: a word, and a colour that says the same.
func word(class, shown string) g.Node { return h.Span(h.Class("word "+class), g.Text(shown)) }

func (p *webPage) header() g.Node {
	health := p.Summary.Health
	outside := p.EdgeSummary.Outside
	return h.Header(
		h.H1(text(p.Scope.label()+" "), word(string(health), health.word())),
		h.P(text(p.callSentence())),
		g.If(outside.Total > 0 && !p.speaksOfOutside(), h.P(text("Callers without a proxy: "+outside.sentence()))),
		h.P(h.Class("soft"), text(p.basis())),
		each(p.suppressionLines(0), func(line string) g.Node { return h.P(h.Class("soft"), text(line)) }),
	)
}

func (p *webPage) nav() g.Node {
	link := func(id, title string) g.Node { return h.A(h.Href("#"+id), g.Text(title)) }
	return h.Nav(h.Aria("label", "Parts of the page"),
		link("findings", "Findings"),
		g.If(p.Changes != nil, link("changes", "Changes")),
		g.If(p.matrix != nil, link("matrix", "Matrix")),
		g.If(p.drawsGraph(), link("graph", "Graph")),
		link("workloads", "Workloads"),
		g.If(p.certs != nil, link("certificates", "Certificates")),
		link("unseen", "Not seen"),
		h.Span(h.Class("tools"), g.Attr("data-script"), g.Attr("hidden"),
			h.Button(h.ID("theme"), h.Type("button"), g.Text("Dark or light"))),
	)
}

func (p *webPage) counts() g.Node {
	count := func(n int, what string) g.Node { return h.Div(h.Dt(g.Text(what)), h.Dd(g.Text(strconv.Itoa(n)))) }
	s := p.Summary
	return h.Dl(h.Class("counts"),
		count(s.Errors, "errors"), count(s.Warnings, "warnings"), count(s.Infos, "notes"),
		count(s.Workloads[Fail], "workloads fail"), count(s.Workloads[Warn], "workloads warn"),
		count(s.Workloads[OK], "workloads ok"), count(s.Workloads[UnknownHealth], "workloads unknown"))
}

// rows is a table with headers for its columns.
func rows(label string, header []string, body g.Node) g.Node {
	return scrolling(label, h.Table(
		h.THead(h.Tr(each(header, func(s string) g.Node { return h.Th(h.Scope("col"), g.Text(s)) }))),
		h.TBody(body)))
}

func (p *webPage) workloads() g.Node {
	if len(p.Workloads) == 0 {
		return part("workloads", "Workloads", h.P(g.Text("No workload is in scope.")))
	}
	row := func(w Workload) g.Node {
		var codes []string
		for _, f := range w.Findings {
			code := f.Code
			if found, counts := p.named(f); found != nil && !counts {
				code += suppressedMark
			}
			codes = appendNew(codes, code)
		}
		return h.Tr(
			h.Th(h.Scope("row"), text(w.Ref.Namespace+"/"+w.Ref.Name)), h.Td(text(w.Ref.Kind)),
			h.Td(word(string(w.Health), w.Health.word())), h.Td(text(w.Policy.Mode)),
			h.Td(g.Textf("%d of %d", w.Pods.Read, w.Pods.Total)),
			h.Td(text(w.Inbound.sentence())), h.Td(text(w.Outbound.sentence())), h.Td(text(names(codes, 0))))
	}
	return part("workloads", "Workloads", rows("Workloads",
		[]string{"workload", "kind", "health", "policy", "pods read", "called", "calls", "findings"}, each(p.Workloads, row)))
}

// changed is what was made or written in the window that was asked about.
func (p *webPage) changed() g.Node {
	if p.Changes == nil {
		return nil
	}
	row := func(c Change) g.Node {
		return h.Tr(each(c.cells(), func(cell string) g.Node { return h.Td(g.Text(cell)) }))
	}
	return part("changes", "Changes", h.P(text(p.Changes.sentence())),
		g.If(len(p.Changes.Resources) > 0, rows("Changes", changeHeader, each(p.Changes.Resources, row))))
}

// notSeen says what the report does not rest on: it is never taken for healthy.
func (p *webPage) notSeen() g.Node {
	c := p.Coverage
	if len(c.Gaps)+len(c.Unknown) == 0 {
		return part("unseen", "Not seen", h.P(g.Text("All evidence that was wanted was read.")))
	}
	gaps := make([]g.Node, 0, len(c.Gaps))
	for _, x := range c.Gaps {
		gaps = append(gaps, h.Tr(h.Th(h.Scope("row"), text(x.Subject.String())), h.Td(text(x.Stage)), h.Td(text(x.Message)), h.Td(text(x.Hint))))
	}
	unknown := func(x CheckUnknown) g.Node {
		return h.Tr(h.Th(h.Scope("row"), text(x.Code)), h.Td(text(x.Subject.String())), h.Td(text(x.Why)))
	}
	return part("unseen", "Not seen",
		g.If(len(gaps) > 0, rows("Evidence that was not read", []string{"what", "stage", "why", "what helps"}, g.Group(gaps))),
		g.If(len(c.Unknown) > 0, g.Group{h.H3(g.Text("Not judged")), rows("What checks could not judge", []string{"check", "of", "why"}, each(c.Unknown, unknown))}))
}
