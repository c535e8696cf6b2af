package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

var traceForms = forms[connections]{
	{Table, writeTrace},
	{Wide, writeTrace},
	{JSON, streamEdges},
	{YAML, edgesYAML},
}

// TraceFormats are the forms of traced connections, the usual one first.
func TraceFormats() []Format { return traceForms.names() }

// RenderTrace writes connections step by step. The table tells replicas that behave alike once,
// and of those that work only what was chosen; Wide tells everything. Causes are what Causes makes of
// them, by which the tables explain what is not well; nil for none.
func RenderTrace(w io.Writer, s *mesh.Snapshot, edges []*handshake.Edge, causes *Report, style Style) error {
	return traceForms.write(w, connections{snapshot: s, edges: edges, causes: causes}, style)
}

// Causes holds the findings that explain connections, the consequences of others left out, in the order in which to act.
func Causes(s *mesh.Snapshot, edges []*handshake.Edge, all []*diagnose.Finding) *Report {
	explain := slices.DeleteFunc(slices.Clone(all), func(f *diagnose.Finding) bool {
		return f.CausedBy != nil || !slices.ContainsFunc(f.Edges, func(e *handshake.Edge) bool { return among(edges, e) })
	})
	return &Report{Findings: findings(s, explain)}
}

func writeTrace(w io.Writer, c connections, style Style) error {
	list := c.list()
	if len(list) == 0 {
		_, err := fmt.Fprintln(w, noEdges)
		return err
	}
	order, count, first := foldEdges(list)
	for i, k := range order {
		if i > 0 {
			fmt.Fprintln(w)
		}
		if err := traceOne(w, k, first[k], count[k], style); err != nil {
			return err
		}
	}
	_, err := io.WriteString(w, c.because(style))
	return err
}

// because names the findings that explain the connections, with their first fix, and what to type next.
func (c connections) because(style Style) string {
	if c.causes == nil {
		return ""
	}
	p := newPage(c.causes, style)
	for _, x := range c.causes.Findings {
		word, color := severityWord(x.Severity)
		p.b.WriteString("\n" + p.paint(color, word) + strings.TrimPrefix(p.wrap(fmt.Sprintf("%-4s %s  ", word, x.Code), Clean(x.Title)), word))
		p.file(&x)
		p.fixes(x.Fixes[:min(1, len(x.Fixes))])
	}
	if worst := p.worst(); worst != nil {
		fmt.Fprintf(&p.b, "\nNext: %s explain %s\n", p.Program, worst.Code)
	}
	return p.b.String()
}

func traceOne(w io.Writer, k edgeFold, e *Edge, pairs int, style Style) error {
	verdict := style.paint(verdictColor(k.verdict), string(k.verdict))
	fmt.Fprint(w, style.fold(fmt.Sprintf("%s -> %s -> %s: %s", k.client, k.destination, k.server, verdict)))
	if pairs > 1 {
		fmt.Fprint(w, style.fold(fmt.Sprintf("  %s of pods alike; this is %s to %s", plural(pairs, "pair"), Clean(e.Client.Pod), Clean(e.Server.Address))))
	}
	g := grid{}
	left := 0
	for _, s := range e.Steps {
		if style.Format == Wide || tells(s, e) {
			g.rows = append(g.rows, stepRows(s, style)...)
			left = max(left, len("x "+string(s.Side)+"  "+string(s.At)+"  "))
		}
	}
	if style.Format != Wide {
		g.rows = wrapLast(g.rows, style.width()-left)
	}
	if err := g.write(w, Style{NoHeaders: true}); err != nil { // it is folded
		return err
	}
	if len(e.Assumptions) > 0 {
		var words []string
		for _, a := range e.Assumptions {
			words = append(words, string(a))
		}
		fmt.Fprint(w, style.wrap("  assumed: ", strings.Join(words, ", ")))
	}
	return nil
}

// tells reports whether a step says anything about a connection that works: what nobody had to
// choose, and everybody expects, is left out.
func tells(s handshake.Step, e *Edge) bool {
	if !e.Verdict.Works() || len(s.Blockers) > 0 {
		return true
	}
	switch s.At {
	case handshake.StageRoute:
		return e.Route != nil
	case handshake.StageCapture, handshake.StageListener, handshake.StageFilterChain, handshake.StageEndpoint, handshake.StageWire:
		return false
	}
	return true
}

// stepRows are the line of a step, the chains that were lost where it fails, and the blockers.
func stepRows(s handshake.Step, style Style) [][]string {
	mark := "  "
	if len(s.Blockers) > 0 {
		mark = style.paint(red, "x ")
	}
	rows := [][]string{{mark + string(s.Side), string(s.At), Clean(s.Says)}}
	if len(s.Blockers) > 0 || style.Format == Wide {
		for _, c := range s.Chains {
			rows = append(rows, []string{"", "", "  " + chainWords(c)})
		}
	}
	if style.Format == Wide && s.Source != "" {
		rows = append(rows, []string{"", "", "  read from " + Clean(s.Source)})
	}
	for _, b := range s.Blockers {
		rows = append(rows, []string{"", "", style.paint(red, string(b.Reason)) + ": " + Clean(b.Why)})
	}
	return rows
}

// wrapLast folds the last column to a width. A further line stands below its first one, a little to the right.
func wrapLast(rows [][]string, width int) [][]string {
	var out [][]string
	for _, row := range rows {
		last := len(row) - 1
		text := strings.TrimLeft(row[last], " ")
		lead := row[last][:len(row[last])-len(text)]
		for i, line := range strings.Split(strings.TrimSuffix(Wrap(width, lead, len(lead)+2, text), "\n"), "\n") {
			next := make([]string, len(row))
			if i == 0 {
				copy(next, row)
			}
			next[last] = line
			out = append(out, next)
		}
	}
	return out
}

func chainWords(c handshake.Candidate) string {
	text := fmt.Sprintf("%s %s, speaks %s", Clean(c.Name), Clean(c.Matches), Clean(c.Socket))
	if c.Lost != "" {
		text += "; lost by " + c.Lost
	}
	return text
}
