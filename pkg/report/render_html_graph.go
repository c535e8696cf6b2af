package report

import (
	"fmt"
	"strconv"
	"unicode/utf8"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// How much a graph can hold before nobody reads it; the matrix holds all.
const maxGraphNodes, maxGraphEdges = 60, 250

// Measures of the drawing, in pixels.
const (
	graphWidth = 900
	nodeHeight = 26
	nodeStep   = 42
	letterWide = 7
)

func (p *webPage) drawsGraph() bool {
	if p.matrix == nil {
		return false
	}
	m := p.matrix
	return len(m.Cells) > 0 && len(m.Cells) <= maxGraphEdges && len(m.Clients)+len(m.Servers) <= maxGraphNodes
}

// box is a party of the drawing.
type box struct {
	name       string
	x, y, wide int
}

// boxes lays out one side of the drawing in the order of the matrix. A party that calls and is
// called stands on both sides: where nearly everybody may call everybody, layers would be a knot.
func (m *Matrix) boxes(parties []Party, right bool) map[kube.Ref]*box {
	out := map[kube.Ref]*box{}
	for i, p := range parties {
		name := Clean(p.name(m.By))
		b := &box{name: name, x: 10, y: 10 + i*nodeStep, wide: utf8.RuneCountInString(name)*letterWide + 20}
		if right {
			b.x = graphWidth - 10 - b.wide
		}
		out[p.Ref] = b
	}
	return out
}

// graph draws the matrix: callers at the left, the called at the right. All that it shows is in
// the matrix too, which a keyboard and a screen reader reach: the drawing is hidden from them.
func (p *webPage) graph() g.Node {
	if !p.drawsGraph() {
		return nil
	}
	m := p.matrix
	clients, servers := m.boxes(m.Clients, false), m.boxes(m.Servers, true)
	edges := make([]g.Node, 0, len(m.Cells))
	for i := len(m.Cells) - 1; i >= 0; i-- { // the worst on top
		edges = append(edges, arrow(i, &m.Cells[i], clients[m.Cells[i].Client], servers[m.Cells[i].Server]))
	}
	height := 10 + max(len(m.Clients), len(m.Servers))*nodeStep
	return part("graph", "Graph",
		h.P(h.Class("soft"), g.Text("Solid is mTLS, dashed is not encrypted by the mesh, bold fails, dotted is unknown. The matrix says the same.")),
		scrolling("The drawing", h.SVG(h.Aria("hidden", "true"), h.Width(strconv.Itoa(graphWidth)), h.Height(strconv.Itoa(height)),
			g.Group(edges),
			each(m.Clients, func(c Party) g.Node { return clients[c.Ref].draw() }),
			each(m.Servers, func(s Party) g.Node { return servers[s.Ref].draw() }))))
}

func (b *box) draw() g.Node {
	number := strconv.Itoa
	return g.El("g",
		g.El("rect", h.Class("node"), g.Attr("x", number(b.x)), g.Attr("y", number(b.y)), h.Width(number(b.wide)), h.Height(number(nodeHeight)), g.Attr("rx", "5")),
		g.El("text", g.Attr("x", number(b.x+10)), g.Attr("y", number(b.y+17)), g.Text(b.name)))
}

// arrow draws a cell, with a wider path below the pointer that takes its clicks.
func arrow(i int, c *Cell, from, to *box) g.Node {
	x1, y1, x2, y2 := from.x+from.wide, from.y+nodeHeight/2, to.x, to.y+nodeHeight/2
	bend := (x2 - x1) / 3
	line := fmt.Sprintf("M%d %dC%d %d %d %d %d %d", x1, y1, x1+bend, y1, x2-bend, y2, x2-6, y2)
	return g.El("g", h.Class("edge "+verdictClass(c.Worst)), g.Attr("data-c", strconv.Itoa(i)),
		g.El("title", g.Text(from.name+" → "+to.name+": "+c.label())),
		g.El("path", g.Attr("d", line)),
		g.El("path", h.Class("head"), g.Attr("d", fmt.Sprintf("M%d %dl-7 -4v8z", x2, y2))),
		g.El("path", h.Class("hit"), g.Attr("d", line)))
}
