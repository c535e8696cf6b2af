package report

import (
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

// How much of a matrix the table shows; -o wide shows all.
const (
	shownServers = 20
	shownClients = 30
)

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
	return "."
}

// sheetOfCells is a matrix while it is drawn.
type sheetOfCells struct {
	*Matrix
	Style
	cells map[[2]kube.Ref]*Cell
}

// writeMatrix draws a row for each client and a numbered column for each server, the worst of
// both first. What does not fit is folded into one row and one column, each cell the worst.
func writeMatrix(w io.Writer, m *Matrix, style Style) error {
	if len(m.Cells) == 0 {
		_, err := fmt.Fprintln(w, noEdges)
		return err
	}
	s := &sheetOfCells{m, style, map[[2]kube.Ref]*Cell{}}
	for i := range m.Cells {
		s.cells[[2]kube.Ref{m.Cells[i].Client, m.Cells[i].Server}] = &m.Cells[i]
	}
	clients, otherClients := s.shown(m.Clients, shownClients)
	servers, otherServers := s.shown(m.Servers, shownServers)
	g := grid{header: []string{"CLIENT"}}
	for i := range servers {
		g.header = append(g.header, strconv.Itoa(i+1))
	}
	if len(otherServers) > 0 {
		g.header = append(g.header, "rest")
	}
	for _, c := range clients {
		g.rows = append(g.rows, s.row(c.name(m.By), []Party{c}, servers, otherServers))
	}
	if len(otherClients) > 0 {
		g.rows = append(g.rows, s.row("and "+plural(len(otherClients), "more client"), otherClients, servers, otherServers))
	}
	if err := g.write(w, style.NoHeaders); err != nil {
		return err
	}
	s.legend(w, servers, otherServers)
	return nil
}

// shown splits parties into those that have a row or column, and those that share one.
func (s *sheetOfCells) shown(parties []Party, limit int) (shown, rest []Party) {
	if s.Format == Wide || len(parties) <= limit+1 {
		return parties, nil
	}
	return parties[:limit], parties[limit:]
}

func (s *sheetOfCells) row(name string, clients, servers, rest []Party) []string {
	row := []string{Clean(name)}
	for _, server := range servers {
		row = append(row, s.cell(clients, []Party{server}))
	}
	if len(rest) > 0 {
		row = append(row, s.cell(clients, rest))
	}
	return row
}

// cell is the letter of the worst call, with "+" when others fare otherwise.
func (s *sheetOfCells) cell(clients, servers []Party) string {
	all := Cell{}
	for _, client := range clients {
		for _, server := range servers {
			if c := s.cells[[2]kube.Ref{client.Ref, server.Ref}]; c != nil {
				all.Calls = all.Calls.and(c.Calls)
				if rank(c.Worst) > rank(all.Worst) {
					all.Worst = c.Worst
				}
			}
		}
	}
	text := s.paint(verdictColor(all.Worst), letterOf(all.Worst))
	if all.mixed() {
		text += "+"
	}
	return text
}

// legend names the columns and the letters that occur.
func (s *sheetOfCells) legend(w io.Writer, servers, rest []Party) {
	fmt.Fprintln(w)
	columns := make([]string, 0, len(servers)+1)
	for i, p := range servers {
		columns = append(columns, strconv.Itoa(i+1)+" "+Clean(p.name(s.By)))
	}
	if len(rest) > 0 {
		columns = append(columns, fmt.Sprintf("rest: %s (-o wide shows them)", plural(len(rest), "more server")))
	}
	fmt.Fprint(w, columnList(columns, s.width()))
	var words []string
	for _, l := range letters {
		word := l.letter + " " + l.word
		if s.occurs(l.verdict) && !slices.Contains(words, word) {
			words = append(words, word)
		}
	}
	fmt.Fprintf(w, "\n%s; + others fare better; . no call\n", strings.Join(words, ", "))
	fmt.Fprintf(w, "%s\n", s.Calls.sentence())
}

func (s *sheetOfCells) occurs(v handshake.Verdict) bool {
	return slices.ContainsFunc(s.Cells, func(c Cell) bool { return c.Worst == v })
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
