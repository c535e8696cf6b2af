package report

import (
	"slices"
	"strings"
)

// factored is a table without those of some columns that say the same in every row, and a line that says it once. Of
// names that only begin alike, as identities of one trust domain, what stands before the first slash goes.
func (g grid) factored(style Style, columns ...string) (grid, string) {
	if len(g.rows) < 2 {
		return g, ""
	}
	var said, drop []string
	out := grid{header: g.header, rows: make([][]string, len(g.rows))}
	for i, row := range g.rows {
		out.rows[i] = slices.Clone(row)
	}
	for i, name := range g.header {
		if !slices.Contains(columns, name) {
			continue
		}
		if first := g.rows[0][i]; g.every(i, func(cell string) bool { return cell == first }) {
			said, drop = append(said, name+" "+first), append(drop, name)
			continue
		}
		prefix, _, ok := strings.Cut(g.rows[0][i], "/")
		if prefix += "/"; ok && g.every(i, func(cell string) bool { return strings.HasPrefix(cell, prefix) }) {
			said = append(said, name+" "+prefix+"…")
			for _, row := range out.rows {
				row[i] = strings.TrimPrefix(row[i], prefix)
			}
		}
	}
	for _, name := range drop {
		i := slices.Index(out.header, name)
		out.header = slices.Delete(slices.Clone(out.header), i, i+1)
		for j, row := range out.rows {
			out.rows[j] = slices.Delete(row, i, i+1)
		}
	}
	if len(said) == 0 {
		return out, ""
	}
	return out, style.fold("in every row: " + strings.Join(said, ", "))
}

// every reports whether something holds for all cells of a column.
func (g grid) every(column int, holds func(string) bool) bool {
	return !slices.ContainsFunc(g.rows, func(row []string) bool { return !holds(row[column]) })
}
