package report

import (
	"io"
	"strings"

	"github.com/clipperhouse/displaywidth"
)

// columnGap is what stands between two columns.
const columnGap = 2

// grid is a table as kubectl prints it: no lines, two spaces between columns, left aligned, no
// spaces at the end of a line. Its cells are clean text, possibly painted.
type grid struct {
	header []string
	rows   [][]string
}

// write prints the table; without rows it prints nothing.
func (g grid) write(w io.Writer, noHeaders bool) error {
	if len(g.rows) == 0 {
		return nil
	}
	lines := g.rows
	if !noHeaders {
		lines = append([][]string{g.header}, lines...)
	}
	widths := columnWidths(lines)
	var out strings.Builder
	for _, cells := range lines {
		gap := 0 // what the cells before leave free: written only when something follows
		for i, cell := range cells {
			if cell != "" {
				out.WriteString(strings.Repeat(" ", gap))
				out.WriteString(cell)
				gap = 0
			}
			gap += widths[i] - cellWidth(cell) + columnGap
		}
		out.WriteByte('\n')
	}
	_, err := io.WriteString(w, out.String())
	return err
}

func columnWidths(lines [][]string) []int {
	widths := make([]int, len(lines[0]))
	for _, cells := range lines {
		for i, cell := range cells {
			widths[i] = max(widths[i], cellWidth(cell))
		}
	}
	return widths
}

// cellWidth is how many columns of a terminal a cell takes: two for a wide character, none for colour.
func cellWidth(cell string) int {
	return displaywidth.Options{ControlSequences: true}.String(cell)
}
