package report

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// hangIndent is how far the other cells stand to the right of the first one's line.
const hangIndent = 2

// fits reports whether a table is as narrow as the terminal. -o wide is as wide as it needs to be, and so is what
// nobody looks at on a terminal.
func (g grid) fits(style Style) bool {
	if style.Width == 0 || style.Format == Wide {
		return true
	}
	sum := -columnGap
	for _, n := range g.widths(visible) {
		sum += n + columnGap
	}
	return sum <= style.width()
}

// hung is a table in fewer columns: what the first cell says stands on a line of its own, once for all rows below
// that share it, and the other cells wrap. Nothing is left out.
func (g grid) hung(style Style) string {
	widths := g.shrunk(style.width() - hangIndent)
	var b strings.Builder
	write := func(row []string) { b.WriteString(hungRow(row, widths)) }
	if !style.NoHeaders && len(g.header) > 0 {
		b.WriteString(strings.Join(wrapCell(g.header[0], style.width()), "\n") + "\n")
		write(g.header)
	}
	above := ""
	for _, row := range g.rows {
		if row[0] != above {
			b.WriteString(strings.Join(wrapCell(row[0], style.width()), "\n") + "\n")
		}
		above = row[0]
		write(row)
	}
	return b.String()
}

// hungRow writes the cells of a row behind the first, each in as many lines as it needs.
func hungRow(row []string, widths []int) string {
	var cells [][]string
	height := 0
	for i, cell := range row[1:] {
		cells = append(cells, wrapCell(cell, widths[i+1]))
		height = max(height, len(cells[i]))
	}
	var b strings.Builder
	for line := range height {
		text := strings.Repeat(" ", hangIndent)
		for i, cell := range cells {
			word := ""
			if line < len(cell) {
				word = cell[line]
			}
			text += word + strings.Repeat(" ", widths[i+1]-visible(word)+columnGap)
		}
		b.WriteString(strings.TrimRight(text, " ") + "\n")
	}
	return b.String()
}

// shrunk are the widths of the columns behind the first, in which a table is no wider than that: the widest column
// gives first. Cells break between words; where that is not enough, within them.
func (g grid) shrunk(width int) []int {
	widths := g.widths(visible)
	widths[0] = -columnGap
	for _, least := range []func(string) int{longestWord, longestPart, oneLetter} {
		floors := g.widths(least)
		for {
			sum, widest := -columnGap, 0
			for i, n := range widths {
				sum += n + columnGap
				if i > 0 && n > floors[i] && (widest == 0 || n > widths[widest]) {
					widest = i
				}
			}
			if sum <= width {
				return widths
			}
			if widest == 0 {
				break
			}
			widths[widest]--
		}
	}
	return widths
}

// widths are the largest sizes of the cells of each column.
func (g grid) widths(size func(string) int) []int {
	var out []int
	for _, row := range append([][]string{g.header}, g.rows...) {
		for i, cell := range row {
			if i == len(out) {
				out = append(out, 0)
			}
			out[i] = max(out[i], size(cell))
		}
	}
	return out
}

// painted is what colours a word, and takes no room.
var painted = regexp.MustCompile(`\x1b\[[0-9;]*m`)

// visible is how many columns a cell takes.
func visible(cell string) int { return utf8.RuneCountInString(painted.ReplaceAllString(cell, "")) }

// longName is how long a word may be before it breaks rather than the words beside it.
const longName = 20

func longestWord(cell string) int {
	longest := 0
	for _, word := range strings.Fields(cell) {
		longest = max(longest, min(visible(word), longName))
	}
	return longest
}

// oneLetter is as little as a column can be.
func oneLetter(string) int { return 1 }

// longestPart is longestWord where names break behind their punctuation.
func longestPart(cell string) int {
	longest := 0
	for _, word := range strings.Fields(cell) {
		for _, part := range wordParts(word) {
			longest = max(longest, min(visible(part), longName))
		}
	}
	return longest
}

// nameParts are the parts of a name, with the punctuation behind them.
var nameParts = regexp.MustCompile(`[^-/.,:=+|]*[-/.,:=+|]+|[^-/.,:=+|]+$`)

// wordParts are the parts at which a word may break: a painted one never does.
func wordParts(word string) []string {
	if painted.MatchString(word) {
		return []string{word}
	}
	return nameParts.FindAllString(word, -1)
}

// wrapCell breaks a cell into lines of a width: between words, else behind punctuation, else anywhere.
func wrapCell(cell string, width int) []string {
	var lines []string
	line := ""
	add := func(part string, gap int) {
		if line != "" && visible(line)+gap+visible(part) > width {
			lines, line, gap = append(lines, line), "", 0
		}
		if line != "" {
			line += strings.Repeat(" ", gap)
		}
		line += part
	}
	for _, word := range strings.Fields(cell) {
		if visible(word) <= width {
			add(word, 1)
			continue
		}
		gap := 1
		for _, part := range wordParts(word) {
			for ; visible(part) > width && !painted.MatchString(part); gap = 0 {
				letters := []rune(part)
				add(string(letters[:width]), gap)
				part = string(letters[width:])
			}
			add(part, gap)
			gap = 0
		}
	}
	return append(lines, line)
}
