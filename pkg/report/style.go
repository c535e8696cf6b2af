package report

import "unicode/utf8"

// Style says how a document is shown.
type Style struct {
	Format Format
	// Color marks states by colour too. It never carries meaning alone.
	Color bool
	// NoHeaders leaves out the headers of tables.
	NoHeaders bool
	// Width is how many columns the terminal has; 0 for another one, or none.
	Width int
	// Program is how the user runs us, for the commands that the report suggests.
	Program string
	// Again says how the user reached the evidence.
	Again Again
	// Gate says which findings fail the run: forms for CI servers mark them so.
	Gate Gate
}

// The colours: SGR parameters of the eight base colours, which every terminal theme keeps readable.
const (
	red    = "31"
	green  = "32"
	yellow = "33"
	cyan   = "36"
)

const colorReset = "\x1b[0m"

// width is what lines are made to fit into: commands and proofs need 80 columns.
func (s Style) width() int {
	if s.Width == 0 {
		return lineWidth
	}
	return max(s.Width, 80)
}

func (s Style) wrap(first, text string) string {
	return Wrap(s.width(), first, utf8.RuneCountInString(first), text)
}

// hang is wrap with the further lines indented by four spaces whatever stands first.
func (s Style) hang(first, text string) string { return Wrap(s.width(), first, 4, text) }

// fold is hang on a terminal, and a line of its own elsewhere.
func (s Style) fold(text string) string {
	if s.Width == 0 {
		return text + "\n"
	}
	return s.hang("", text)
}

// paint colours a word that is clean already.
func (s Style) paint(color, word string) string {
	if !s.Color || color == "" || word == "" {
		return word
	}
	return "\x1b[" + color + "m" + word + colorReset
}

// plain is the style of a terminal's text within another form.
func (s Style) plain() Style {
	s.Format, s.Color, s.Width = Table, false, 0
	return s
}
