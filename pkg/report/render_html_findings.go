package report

import (
	"slices"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
)

// findings are folded but for errors that are new: what to act on is open.
func (p *webPage) findings() g.Node {
	if len(p.Findings)+len(p.Unexplained) == 0 {
		return part("findings", "Findings", h.P(g.Text("No findings.")))
	}
	cards := make([]g.Node, 0, len(p.Findings))
	for i := range p.Findings {
		cards = append(cards, p.finding(&p.Findings[i], i < openFindings))
	}
	return part("findings", "Findings", p.filters(), g.Group(cards), p.unexplainedCard())
}

// openFindings is how many errors stand open at first: the page is to be taken in at a glance.
const openFindings = 5

// filters need the script, which shows them.
func (p *webPage) filters() g.Node {
	var namespaces []string
	for _, f := range p.Findings {
		if ns := homeOf(f.Subject); ns != "" && !slices.Contains(namespaces, ns) {
			namespaces = append(namespaces, ns)
		}
	}
	slices.Sort(namespaces)
	option := func(s string) g.Node { return h.Option(h.Value(Clean(s)), text(s)) }
	return h.Div(h.Class("filters"), g.Attr("data-script"), g.Attr("hidden"), h.Role("search"), h.Aria("label", "Filter the findings"),
		h.Label(g.Text("Severity "), h.Select(h.ID("severity"), h.Option(h.Value(""), g.Text("all")), each([]string{"error", "warning", "info"}, option))),
		h.Label(g.Text("Namespace "), h.Select(h.ID("namespace"), h.Option(h.Value(""), g.Text("all")), each(namespaces, option))),
		h.Label(g.Text("Text "), h.Input(h.ID("text"), h.Type("search"))),
		h.Span(h.ID("shown"), h.Role("status"), h.Class("soft")))
}

func (p *webPage) finding(f *Finding, first bool) g.Node {
	shown, _ := severityWord(f.Severity)
	title := f.Title
	if f.Known {
		title += knownMark
	}
	return h.Details(h.Class("finding"), g.If(first && f.Severity == "error" && !f.Known, g.Attr("open")),
		g.Attr("data-severity", Clean(f.Severity)), g.Attr("data-namespace", Clean(homeOf(f.Subject))),
		g.Attr("data-finding", Clean(f.Code+" "+f.Subject.String())),
		h.Summary(word(f.Severity, shown), g.Text(" "), h.Strong(text(f.Code)), g.Text(" "), text(title)),
		h.Div(
			h.P(h.Class("soft"), text(f.Subject.String()+" "+f.Field)),
			g.Iff(f.Location != nil, func() g.Node { return h.P(h.Class("soft"), h.Code(text(f.Location.String()))) }),
			g.Iff(f.Origin != nil, func() g.Node {
				return g.Group{
					g.If(f.Origin.since() != "", h.P(h.Class("soft"), text("Since "+f.Origin.since()))),
					g.If(f.Origin.managed() != "", h.P(text("Managed "+f.Origin.managed()+"."))),
				}
			}),
			g.If(f.inForce() != "", h.P(h.Class("soft"), text("The proxy "+f.inForce()))),
			g.Iff(f.CausedBy != nil, func() g.Node { return h.P(text("A consequence of " + f.CausedBy.Code + ": mend that first.")) }),
			g.If(len(f.Fixes) > 0, h.H3(g.Text("Fix"))), p.fixes(f.Fixes),
			g.If(len(f.Affects) > 0, h.H3(g.Text("Breaks"))), p.affected(f.Affects),
			g.If(len(f.Evidence) > 0, g.Group{h.H3(g.Text("Proof")), proof(f)})))
}

func (p *webPage) fixes(list []Fix) g.Node {
	var out g.Group
	for i, x := range list {
		out = append(out, p.fix(x.joint(i), x))
	}
	return out
}

// fix shows a remedy, and how it stands to those before it.
func (p *webPage) fix(joint string, x Fix) g.Node {
	return g.Group{
		h.P(g.If(joint != "", h.Strong(g.Text(joint+" "))), text(x.Title), g.If(x.Risk != "", h.Span(h.Class("soft"), text(" Risk: "+x.Risk)))),
		copyable(p.style.aimed(x.Command)), copyable(x.Manifest),
	}
}

// copyable is a text to paste, with a button of the script.
func copyable(s string) g.Node {
	if s == "" {
		return nil
	}
	return h.Div(h.Class("fix"), h.Pre(h.TabIndex("0"), h.Code(g.Text(cleanText(s)))),
		h.Button(h.Type("button"), g.Attr("data-copy"), g.Attr("data-script"), g.Attr("hidden"), g.Text("Copy")))
}

// maxAffected is how many pairs a finding lists.
const maxAffected = 24

func (p *webPage) affected(list []Affected) g.Node {
	rest := len(list) - maxAffected
	item := func(a Affected) g.Node { return h.Li(text(a.sentence())) }
	return h.Ul(h.Class("affected"), each(list[:min(len(list), maxAffected)], item), g.If(rest > 0, h.Li(g.Textf("and %d more", rest))))
}

// sentence is "shop/cart → checkout.shop:80: fails (plaintext-refused)".
func (a *Affected) sentence() string {
	out := ""
	if a.Client != nil {
		out = a.Client.Namespace + "/" + a.Client.Name + " → "
	}
	switch {
	case a.Host != "":
		out += hostPort(a.Host, a.Port)
	case a.Server != nil:
		out += a.Server.Namespace + "/" + a.Server.Name
	}
	if a.Verdict != "" {
		out += ": " + string(a.Verdict)
	}
	if a.Reason != "" {
		out += " (" + string(a.Reason) + ")"
	}
	return out
}

func proof(f *Finding) g.Node {
	row := func(x handshake.Fact) g.Node {
		return h.Tr(h.Td(text(string(x.Layer))), h.Td(h.Code(text(x.Source))), h.Td(h.Code(text(x.Value))))
	}
	label := Clean("Proof of " + f.Code + " " + f.Subject.String() + " " + f.Field)
	return rows(label, []string{"layer", "read from", "value"}, each(f.Evidence, row))
}

func (p *webPage) unexplainedCard() g.Node {
	if len(p.Unexplained) == 0 {
		return nil
	}
	return h.Div(h.H3(word("warning", "WARN"), g.Text(" "+unexplainedTitle)), p.affected(p.Unexplained))
}
