package report

// Format is a form of output.
type Format string

// The forms. Table and Wide are for people, the others for programs.
const (
	Table Format = "table"
	Wide  Format = "wide"
	JSON  Format = "json"
	YAML  Format = "yaml"
)

// Style says how a document is shown.
type Style struct {
	Format Format
	// Color marks states by colour too. It never carries meaning alone.
	Color bool
	// NoHeaders leaves out the headers of tables.
	NoHeaders bool
	// Program is how the user runs us, for the commands that the report suggests.
	Program string
	// Again says how the user reached the evidence.
	Again Again
}

// The colours: SGR parameters of the eight base colours, which every terminal theme keeps readable.
const (
	red    = "31"
	green  = "32"
	yellow = "33"
	cyan   = "36"
)

const colorReset = "\x1b[0m"

// paint colours a word that is clean already.
func (s Style) paint(color, word string) string {
	if !s.Color || color == "" || word == "" {
		return word
	}
	return "\x1b[" + color + "m" + word + colorReset
}
