package report

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// writeYAML makes YAML from the JSON, so that both say the same.
func writeYAML[D any](w io.Writer, document D, _ Style) error {
	y := newYAML(w)
	if err := y.object(document, 0, false); err != nil {
		return err
	}
	return y.out.Flush()
}

// yamlWriter writes JSON as YAML, token by token, the names of each mapping sorted. The libraries for YAML make a
// tree and a list of events first, which for a large mesh takes ten times as long as the JSON, and gigabytes.
type yamlWriter struct {
	out *bufio.Writer
	in  *jsontext.Decoder
	err error // the first of in
}

// yamlIndent is how far a nested mapping is indented; a sequence stands under the name that it belongs to.
const yamlIndent = 2

func newYAML(w io.Writer) *yamlWriter { return &yamlWriter{out: bufio.NewWriterSize(w, 64<<10)} }

// object writes a value whose JSON is an object; inline when its first line is begun.
func (y *yamlWriter) object(value any, indent int, inline bool) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	sorted := jsontext.Value(text)
	if err := sorted.Format(jsontext.ReorderRawObjects(true)); err != nil {
		return err
	}
	y.in = jsontext.NewDecoder(bytes.NewBuffer(sorted))
	y.token() // the opening brace
	y.mapping(indent, inline)
	return y.err
}

func (y *yamlWriter) token() jsontext.Token {
	token, err := y.in.ReadToken()
	if y.err == nil {
		y.err = err
	}
	return token
}

// ended takes the end of an object or array, if it comes next.
func (y *yamlWriter) ended() bool {
	switch y.in.PeekKind() {
	case '}', ']', 0: // 0 is an error, which the token tells
		y.token()
		return true
	}
	return false
}

func (y *yamlWriter) mapping(indent int, inline bool) {
	for ; !y.ended(); inline = false {
		y.begin(indent, inline)
		y.name(y.token().String(), indent)
		y.node(indent+yamlIndent, false)
	}
}

func (y *yamlWriter) sequence(indent int, inline bool) {
	for ; !y.ended(); inline = false {
		y.begin(indent, inline)
		y.write("-")
		y.node(indent+yamlIndent, true)
	}
}

// begin begins a line, unless it is the rest of one.
func (y *yamlWriter) begin(indent int, inline bool) {
	if !inline {
		y.write(strings.Repeat(" ", indent))
	}
}

// name writes the name of a member. Parsers look only so far for the colon of a name that is not marked.
func (y *yamlWriter) name(name string, indent int) {
	name = yamlScalar(name)
	if len(name) > 128 {
		name = "? " + name + "\n" + strings.Repeat(" ", indent)
	}
	y.write(name + ":")
}

// node writes the value behind a name, or behind a dash, whose line a collection goes on with.
func (y *yamlWriter) node(indent int, dash bool) {
	switch token := y.token(); {
	case token.Kind() == '"':
		y.string(token.String(), indent)
	case token.Kind() != '{' && token.Kind() != '[':
		y.write(" " + token.String() + "\n")
	case y.ended():
		y.write(map[jsontext.Kind]string{'{': " {}\n", '[': " []\n"}[token.Kind()])
	default:
		y.collection(token.Kind(), indent, dash)
	}
}

func (y *yamlWriter) collection(kind jsontext.Kind, indent int, dash bool) {
	if dash {
		y.write(" ")
	} else {
		y.write("\n")
	}
	switch {
	case kind == '{':
		y.mapping(indent, dash)
	case dash:
		y.sequence(indent, true)
	default:
		y.sequence(indent-yamlIndent, false)
	}
}

// string writes a text of several lines as it is, such as a manifest, and others on the line.
func (y *yamlWriter) string(s string, indent int) {
	if !isBlock(s) {
		y.write(" " + yamlScalar(s) + "\n")
		return
	}
	text, ends := strings.CutSuffix(s, "\n")
	y.write(map[bool]string{true: " |\n", false: " |-\n"}[ends])
	for line := range strings.SplitSeq(text, "\n") {
		if line != "" {
			y.write(strings.Repeat(" ", indent) + line)
		}
		y.write("\n")
	}
}

func (y *yamlWriter) write(text string) { y.out.WriteString(text) } //nolint:errcheck // Flush tells

// isBlock reports whether a text has lines, and is the same when a parser has taken its indentation away.
func isBlock(s string) bool {
	return strings.Contains(s, "\n") && strings.TrimLeft(s, " \n") == s && !strings.HasSuffix(s, "\n\n") &&
		!strings.Contains(s+"\n", " \n") && isClean(strings.ReplaceAll(s, "\n", ""))
}

// yamlScalar is a text as it stands on a line: in quotes where a parser could take it for something else. The
// escapes of Go are among YAML's.
func yamlScalar(s string) string {
	if isPlain(s) {
		return s
	}
	return strconv.Quote(s)
}

// yamlWords are what YAML 1.1 takes for a boolean or nothing, in any case.
var yamlWords = []string{"y", "n", "yes", "no", "on", "off", "true", "false", "null"}

// isPlain reports whether a text is ASCII that begins as a word or path does, and holds nothing that ends it.
func isPlain(s string) bool {
	if s == "" || !isLetter(s[0]) && s[0] != '/' || s[len(s)-1] == ' ' || s[len(s)-1] == ':' {
		return false
	}
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '#' || c == ':' && s[i+1] == ' ' {
			return false
		}
	}
	return len(s) > len("false") || !slices.ContainsFunc(yamlWords, func(word string) bool { return strings.EqualFold(s, word) })
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
