package report

import (
	"bytes"
	"io"
	"strings"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"
)

// grid is a table as kubectl prints it: no lines, two spaces between columns, left aligned.
// Its cells are clean text, possibly painted.
type grid struct {
	header []string
	rows   [][]string
}

// columnGap is how many spaces stand between columns.
const columnGap = 2

// write prints the table; without rows it prints nothing. On a terminal that is too narrow for it, it hangs.
func (g grid) write(w io.Writer, style Style) error {
	if len(g.rows) == 0 {
		return nil
	}
	if !g.fits(style) {
		_, err := io.WriteString(w, g.hung(style))
		return err
	}
	var padded bytes.Buffer
	t := tablewriter.NewTable(&padded, tablewriter.WithRenderer(kubectlRenderer()), tablewriter.WithConfig(kubectlConfig()))
	if !style.NoHeaders {
		t.Header(g.header)
	}
	if err := t.Bulk(g.rows); err != nil {
		return err
	}
	if err := t.Render(); err != nil {
		return err
	}
	return trimLines(w, padded.String())
}

func kubectlRenderer() tw.Renderer {
	return renderer.NewBlueprint(tw.Rendition{
		Borders:  tw.BorderNone,
		Symbols:  tw.NewSymbols(tw.StyleNone),
		Settings: tw.Settings{Separators: tw.SeparatorsNone, Lines: tw.LinesNone},
	})
}

// kubectlConfig is given whole: an option that is given later replaces a whole cell config.
func kubectlConfig() tablewriter.Config {
	cell := tw.CellConfig{
		Formatting: tw.CellFormatting{AutoFormat: tw.Off, AutoWrap: tw.WrapNone},
		Alignment:  tw.CellAlignment{Global: tw.AlignLeft},
		Padding:    tw.CellPadding{Global: tw.Padding{Right: strings.Repeat(" ", columnGap), Overwrite: true}},
	}
	return tablewriter.Config{Header: cell, Row: cell, Behavior: tw.Behavior{TrimSpace: tw.Off}}
}

// trimLines drops the spaces that fill every line up to the width of the table.
func trimLines(w io.Writer, text string) error {
	var out strings.Builder
	for line := range strings.Lines(text) {
		out.WriteString(trimLine(strings.TrimSuffix(line, "\n")))
		out.WriteByte('\n')
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// trimLine knows that behind the spaces of a painted cell the table resets the colour once more.
func trimLine(line string) string {
	for {
		line = strings.TrimRight(line, " ")
		rest, ok := strings.CutSuffix(line, colorReset)
		if !ok || !strings.HasSuffix(rest, " ") && !strings.HasSuffix(rest, colorReset) {
			return line
		}
		line = rest
	}
}
