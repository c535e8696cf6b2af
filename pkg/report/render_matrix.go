package report

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

var matrixForms = forms[*Matrix]{
	{Table, writeMatrix},
	{Wide, writeMatrix},
	{JSON, writeJSON[*Matrix]},
	{YAML, writeYAML[*Matrix]},
	{CSV, writeCells},
}

// MatrixFormats are the forms of a matrix, the usual one first.
func MatrixFormats() []Format { return matrixForms.names() }

// Render writes the matrix in the form that the style asks for.
func (m *Matrix) Render(w io.Writer, style Style) error { return matrixForms.write(w, m, style) }

// How much of a matrix the table shows; -o wide shows all. On a terminal it is as many servers as fit beside the
// names of the clients, and at least a few.
const (
	shownServers = 20
	leastServers = 3
	shownClients = 30
)

func (m *Matrix) serversShown(style Style) int {
	if style.Width == 0 {
		return shownServers
	}
	name, column := 0, len("P+")+columnGap
	for _, p := range m.Clients {
		name = max(name, utf8.RuneCountInString(Clean(p.name(m.By))))
	}
	return min(shownServers, max(leastServers, (style.width()-name-columnGap-len("rest"))/column))
}

// letters are what a cell shows: the worst of its calls, in the order of the legend.
var letters = []struct {
	verdict      handshake.Verdict
	letter, word string
}{
	{handshake.MTLS, "M", "mTLS"},
	{handshake.Plaintext, "P", "plaintext"},
	{handshake.TLS, "T", "other TLS"},
	{handshake.AppTLS, "T", "other TLS"},
	{handshake.Denied, "D", "denied"},
	{handshake.Fails, "X", "fails"},
	{unreachable, "0", "leads nowhere"},
	{handshake.Unknown, "?", "unknown"},
}

func letterOf(v handshake.Verdict) string {
	for _, l := range letters {
		if l.verdict == v {
			return l.letter
		}
	}
	return "?"
}

// drawing is a matrix while it is drawn.
type drawing struct {
	*Matrix
	Style
	clients, servers axis
	cells            map[[2]int]*Cell // by row and column
}

// axis are the parties along one side: those that have a line of their own, and after them one
// that the rest share.
type axis struct {
	shown []Party
	rest  int
	index map[kube.Ref]int
}

func (s *Style) axis(parties []Party, limit int) axis {
	a := axis{shown: parties, index: map[kube.Ref]int{}}
	if s.Format != Wide && len(parties) > limit+1 { // one more is no longer than saying so
		a.shown, a.rest = parties[:limit], len(parties)-limit
	}
	for i, p := range parties {
		a.index[p.Ref] = min(i, len(a.shown))
	}
	return a
}

// writeMatrix draws a row for each client and a numbered column for each server, the worst of
// both first. What does not fit is folded into one row and one column, each cell the worst.
func writeMatrix(w io.Writer, m *Matrix, style Style) error {
	if len(m.Cells) == 0 {
		_, err := fmt.Fprintln(w, noEdges)
		return errors.Join(err, sayUnlisted(w, m.Unlisted, style))
	}
	d := &drawing{m, style, style.axis(m.Clients, shownClients), style.axis(m.Servers, m.serversShown(style)), map[[2]int]*Cell{}}
	d.fold()
	g := grid{header: []string{"CLIENT"}}
	for i := range d.servers.shown {
		g.header = append(g.header, strconv.Itoa(i+1))
	}
	if d.servers.rest > 0 {
		g.header = append(g.header, "rest")
	}
	for i, c := range d.clients.shown {
		g.rows = append(g.rows, d.row(i, c.name(m.By), len(g.header)-1))
	}
	if d.clients.rest > 0 {
		g.rows = append(g.rows, d.row(len(d.clients.shown), "and "+plural(d.clients.rest, "more client"), len(g.header)-1))
	}
	if err := g.write(w, style); err != nil {
		return err
	}
	d.legend(w)
	return sayUnlisted(w, m.Unlisted, style)
}

// fold joins the pairs that share a cell.
func (d *drawing) fold() {
	for i := range d.Cells {
		c := &d.Cells[i]
		k := [2]int{d.clients.index[c.Client], d.servers.index[c.Server]}
		if d.cells[k] == nil {
			d.cells[k] = &Cell{}
		}
		all := d.cells[k]
		all.Calls = all.Calls.and(c.Calls)
		if rank(c.Worst) > rank(all.Worst) {
			all.Worst = c.Worst
		}
	}
}

func (d *drawing) row(row int, name string, columns int) []string {
	out := []string{Clean(name)}
	for column := range columns {
		out = append(out, d.cell(d.cells[[2]int{row, column}]))
	}
	return out
}

// cell is the letter of the worst call, with "+" when others fare better.
func (d *drawing) cell(c *Cell) string {
	if c == nil {
		return "."
	}
	text := d.paint(verdictColor(c.Worst), letterOf(c.Worst))
	if c.mixed() {
		text += "+"
	}
	return text
}

// legend names the columns and the letters that occur.
func (d *drawing) legend(w io.Writer) {
	fmt.Fprintln(w)
	columns := make([]string, 0, len(d.servers.shown)+1)
	for i, p := range d.servers.shown {
		columns = append(columns, strconv.Itoa(i+1)+" "+Clean(p.name(d.By)))
	}
	if d.servers.rest > 0 {
		columns = append(columns, fmt.Sprintf("rest: %s (-o wide shows them)", plural(d.servers.rest, "more server")))
	}
	fmt.Fprint(w, columnList(columns, d.width()))
	var words []string
	for _, l := range letters {
		word := l.letter + " " + l.word
		if d.occurs(l.verdict) && !slices.Contains(words, word) {
			words = append(words, word)
		}
	}
	fmt.Fprint(w, "\n"+d.Style.fold(strings.Join(words, ", ")+"; + others fare better; . no call"))
	fmt.Fprint(w, d.Style.fold(d.Calls.sentence()))
	if d.Outside.Total > 0 {
		fmt.Fprint(w, d.Style.fold("callers without a proxy: "+d.Outside.sentence()))
	}
	if note := controlNote(d.ControlPlane); note != "" {
		fmt.Fprint(w, d.Style.fold(note))
	}
}

func (d *drawing) occurs(v handshake.Verdict) bool {
	return slices.ContainsFunc(d.Cells, func(c Cell) bool { return c.Worst == v })
}

// columnList writes items in as many columns as fit, from the top down.
func columnList(items []string, width int) string {
	widest := 0
	for _, item := range items {
		widest = max(widest, utf8.RuneCountInString(item))
	}
	columns := min(len(items), max(1, (width+3)/(widest+3)))
	rows := (len(items) + columns - 1) / columns
	var b strings.Builder
	for r := range rows {
		line := ""
		for i := r; i < len(items); i += rows {
			line += items[i] + strings.Repeat(" ", widest-utf8.RuneCountInString(items[i])+3)
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	return b.String()
}

// name is a party as the table shows it.
func (p Party) name(by By) string {
	if by == ByNamespace || p.Ref.Namespace == "" {
		return p.Ref.Name
	}
	name := p.Ref.Namespace + "/" + (&mesh.Workload{Ref: p.Ref}).Short()
	if p.NoProxy {
		name += " (no proxy)"
	}
	return name
}

// writeCells has a row for each cell.
func writeCells(w io.Writer, m *Matrix, style Style) error {
	out, err := newSheet(w, style, "client_namespace", "client_kind", "client", "server_namespace", "server_kind", "server",
		"worst", "calls", "mtls", "plaintext", "tls", "fails", "unknown", "nowhere")
	if err != nil {
		return err
	}
	for _, c := range m.Cells {
		t := c.Calls
		if err := out.row(homeOf(c.Client), c.Client.Kind, c.Client.Name, homeOf(c.Server), c.Server.Kind, c.Server.Name,
			c.Worst, t.Total, t.MTLS, t.Plaintext, t.TLS, t.Fails, t.Unknown, t.Unreachable); err != nil {
			return err
		}
	}
	return out.close()
}
