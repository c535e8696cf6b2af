package report

import (
	"slices"
	"strconv"
	"strings"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// seen is the mesh behind a report, for the form that draws it. A report that was read from a
// document has none.
type seen struct {
	snapshot *mesh.Snapshot
	edges    []*handshake.Edge
	in       func(*mesh.Pod) bool
}

// cellKey are the parties of a cell.
type cellKey struct{ client, server kube.Ref }

// maxMatrix is how many workloads a matrix of the page has; of more it is one of namespaces.
const maxMatrix = 300

// draw makes the matrix and the list of certificates.
func (p *webPage) draw(s *seen) {
	by := ByWorkload
	if WorkloadsOf(slices.Values(s.edges)) > maxMatrix {
		by = ByNamespace
	}
	p.hold(NewMatrix(s.snapshot, slices.Values(s.edges), by), Certificates(s.snapshot, s.in))
	p.edges = s.edges
}

func (p *webPage) hold(m *Matrix, certs *CertificateList) {
	p.matrix, p.certs, p.cells = m, certs, map[cellKey]int{}
	for i, c := range m.Cells {
		p.cells[cellKey{c.Client, c.Server}] = i
	}
}

// pairs is the matrix: a row for each client, a column for each server, the worst first.
func (p *webPage) pairs() g.Node {
	if p.matrix == nil {
		return nil
	}
	m := p.matrix
	if len(m.Cells) == 0 {
		return part("matrix", "Matrix", h.P(g.Text(noEdges)))
	}
	column := func(s Party) g.Node { return h.Th(h.Scope("col"), partyName(s, m.By)) }
	row := func(c Party) g.Node {
		cells := make([]g.Node, 0, len(m.Servers))
		for _, s := range m.Servers {
			cells = append(cells, p.cell(c, s))
		}
		return h.Tr(h.Th(h.Scope("row"), partyName(c, m.By)), g.Group(cells))
	}
	return part("matrix", "Matrix",
		h.P(g.Text("Clients by servers, the worst of the calls of each pair: "+legendOf(m)+".")),
		h.P(g.Attr("data-script"), g.Attr("hidden"), h.Class("soft"), g.Text("Choose a cell to see both sides of its calls: click, or move with the arrow keys and press Enter.")),
		scrolling("Clients by servers", h.Table(h.Class("matrix"),
			h.THead(h.Tr(h.Th(h.Scope("col"), g.Text("client")), each(m.Servers, column))),
			h.TBody(each(m.Clients, row)))),
		h.Div(h.ID("edge"), h.Role("status"), h.Aria("label", "The chosen edge"), g.Attr("hidden")))
}

// partyName is a name that the style cuts when it is very long: the cells must stay in sight.
func partyName(p Party, by By) g.Node {
	name := Clean(p.name(by))
	return h.Span(h.Title(name), g.Text(name))
}

func (p *webPage) cell(client, server Party) g.Node {
	i, ok := p.cells[cellKey{client.Ref, server.Ref}]
	if !ok {
		return h.Td()
	}
	c := &p.matrix.Cells[i]
	letter := letterOf(c.Worst)
	if c.mixed() {
		letter += "+"
	}
	return h.Td(h.Class(verdictClass(c.Worst)), g.Attr("data-c", strconv.Itoa(i)), g.Text(letter))
}

// verdictClass is how the style names a verdict.
func verdictClass(v handshake.Verdict) string {
	switch letter := letterOf(v); letter {
	case "0":
		return "n"
	case "?":
		return "u"
	default:
		return strings.ToLower(letter)
	}
}

// legendOf explains the letters that occur.
func legendOf(m *Matrix) string {
	var words []string
	for _, l := range letters {
		has := slices.ContainsFunc(m.Cells, func(c Cell) bool { return c.Worst == l.verdict })
		if w := l.letter + " " + l.word; has && !slices.Contains(words, w) {
			words = append(words, w)
		}
	}
	return strings.Join(append(words, "+ others fare better", "empty no call"), ", ")
}
