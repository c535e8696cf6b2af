package report

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// The forms of a graph.
const (
	DOT     Format = "dot"     // Graphviz
	Mermaid Format = "mermaid" // drawn by GitHub and GitLab in a fenced block
)

var graphForms = forms[*Matrix]{
	{DOT, writeDOT},
	{Mermaid, writeMermaid},
}

// GraphFormats are the forms of a graph, the usual one first.
func GraphFormats() []Format { return graphForms.names() }

// RenderGraph writes the matrix as a graph: a node for each party, an arrow for each cell. Solid
// is mTLS, dashed is not encrypted by the mesh, bold fails, dotted is unknown; the label says it
// too.
func (m *Matrix) RenderGraph(w io.Writer, style Style) error { return graphForms.write(w, m, style) }

// nodes numbers the parties in the order of the matrix, clients first.
func (m *Matrix) nodes() (order []Party, ids map[kube.Ref]string) {
	ids = map[kube.Ref]string{}
	for _, list := range [][]Party{m.Clients, m.Servers} {
		for _, p := range list {
			if ids[p.Ref] == "" {
				ids[p.Ref] = "n" + strconv.Itoa(len(ids)+1)
				order = append(order, p)
			}
		}
	}
	return order, ids
}

// label is what stands at an arrow: "mTLS", "fails 2 of 3".
func (c *Cell) label() string {
	word := string(c.Worst)
	if n := c.Calls.of(c.Worst); c.mixed() {
		word = fmt.Sprintf("%s %d of %d", word, n, c.Calls.Total)
	}
	return word
}

// of counts the calls with a verdict.
func (t Traffic) of(v handshake.Verdict) int {
	switch v {
	case handshake.MTLS:
		return t.MTLS
	case handshake.Plaintext:
		return t.Plaintext
	case handshake.TLS, handshake.AppTLS:
		return t.TLS
	case handshake.Unknown:
		return t.Unknown
	case unreachable:
		return t.Unreachable
	case handshake.Denied:
		return t.Denied
	}
	return t.Fails - t.Denied
}

func writeDOT(w io.Writer, m *Matrix, _ Style) error {
	var b strings.Builder
	b.WriteString("digraph mtls {\n  rankdir=LR;\n  node [shape=box, fontname=\"sans-serif\"];\n  edge [fontname=\"sans-serif\", fontsize=10];\n")
	order, ids := m.nodes()
	for _, p := range order {
		style := ""
		if p.NoProxy {
			style = ", style=dashed"
		}
		fmt.Fprintf(&b, "  %s [label=%s%s];\n", ids[p.Ref], dotText(p.name(m.By)), style)
	}
	for i := range m.Cells {
		c := &m.Cells[i]
		fmt.Fprintf(&b, "  %s -> %s [label=%s, %s];\n", ids[c.Client], ids[c.Server], dotText(c.label()), dotStyle(c.Worst))
	}
	b.WriteString("}\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// dotText is a quoted string of the DOT language; backslashes would begin an escape of a label.
func dotText(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(Clean(s)) + `"`
}

func dotStyle(v handshake.Verdict) string {
	switch v {
	case handshake.MTLS:
		return `style=solid, color="#1a7f37"`
	case handshake.Fails, handshake.Denied:
		return `style=bold, color="#cf222e", arrowhead=tee`
	case handshake.Unknown:
		return `style=dotted, color="#57606a"`
	}
	return `style=dashed, color="#9a6700"`
}

// maxMermaid is how many arrows mermaid draws unless its page is configured otherwise (maxEdges).
const maxMermaid = 500

// writeMermaid writes the arrows that fare worst, if there are more than mermaid draws.
func writeMermaid(w io.Writer, m *Matrix, _ Style) error {
	var b strings.Builder
	b.WriteString("flowchart LR\n")
	cells := m.Cells
	if len(cells) > maxMermaid {
		fmt.Fprintf(&b, "  %%%% the %d worst of %d arrows: mermaid draws no more; --by namespace has fewer\n", maxMermaid, len(cells))
		cells = cells[:maxMermaid]
	}
	drawn := map[kube.Ref]bool{}
	for _, c := range cells {
		drawn[c.Client], drawn[c.Server] = true, true
	}
	order, ids := m.nodes()
	for _, p := range order {
		if drawn[p.Ref] {
			fmt.Fprintf(&b, "  %s[%s]\n", ids[p.Ref], mermaidText(p.name(m.By)))
		}
	}
	var failing []string
	for i := range cells {
		c := &cells[i]
		fmt.Fprintf(&b, "  %s %s|%s| %s\n", ids[c.Client], mermaidArrow(c.Worst), mermaidText(c.label()), ids[c.Server])
		if c.Worst == handshake.Fails || c.Worst == handshake.Denied {
			failing = append(failing, strconv.Itoa(i))
		}
	}
	if len(failing) > 0 {
		fmt.Fprintf(&b, "  linkStyle %s stroke:#cf222e,color:#cf222e\n", strings.Join(failing, ","))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// mermaidText is a quoted text, in which mermaid takes entities for characters that end it.
func mermaidText(s string) string {
	return `"` + strings.NewReplacer("#", "#35;", "`", "#96;", `"`, "#quot;", "&", "#amp;", "<", "#lt;", ">", "#gt;").Replace(Clean(s)) + `"`
}

func mermaidArrow(v handshake.Verdict) string {
	switch v {
	case handshake.MTLS:
		return "-->"
	case handshake.Fails, handshake.Denied:
		return "==x"
	}
	return "-.->"
}
