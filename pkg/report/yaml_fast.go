package report

import (
	"bytes"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// yamlWriter writes values in block style as the library does, in a fraction of the time. Its methods are false, and
// what was written worthless, for what they leave to the library: text that is not printable, looks like something
// else than text, or has lines; fractions; names that are no words.
//
// What stands below a value is indented by two more spaces, but for the dashes of a list below its name.
type yamlWriter struct {
	b      *bytes.Buffer
	column int // of scalars
}

// yamlWidth is how long a line may be until the next space breaks it.
const yamlWidth = 80

func (y *yamlWriter) indent(n int) {
	for range n {
		y.b.WriteByte(' ')
	}
}

// item writes what stands behind the dash of a list.
func (y *yamlWriter) item(value any, indent int) bool {
	switch v := value.(type) {
	case map[string]any:
		if len(v) > 0 {
			return y.members(v, indent+2)
		}
	case []any:
		if len(v) > 0 {
			return y.list(v, indent+2)
		}
	}
	y.column = indent + 2
	return y.scalar(value, indent+2)
}

// list writes the items of a list, the first where we are.
func (y *yamlWriter) list(items []any, indent int) bool {
	for i, item := range items {
		if i > 0 {
			y.indent(indent)
		}
		y.b.WriteString("- ")
		if !y.item(item, indent) {
			return false
		}
	}
	return true
}

// members writes the members of a map, the first where we are.
func (y *yamlWriter) members(all map[string]any, indent int) bool {
	for i, name := range slices.Sorted(maps.Keys(all)) {
		if strings.ContainsFunc(name, noLetter) || name == "" || len(name) > 100 || yamlWord(name) {
			return false
		}
		if i > 0 {
			y.indent(indent)
		}
		y.b.WriteString(name + ":")
		if !y.member(all[name], indent, len(name)) {
			return false
		}
	}
	return true
}

func (y *yamlWriter) member(value any, indent, name int) bool {
	switch v := value.(type) {
	case map[string]any:
		if len(v) > 0 {
			y.b.WriteByte('\n')
			y.indent(indent + 2)
			return y.members(v, indent+2)
		}
	case []any:
		if len(v) > 0 {
			y.b.WriteByte('\n')
			y.indent(indent)
			return y.list(v, indent)
		}
	}
	y.b.WriteByte(' ')
	y.column = indent + name + 2
	return y.scalar(value, indent+2)
}

// noLetter reports what names do not have that sort as their letters do, and need no quotes.
func noLetter(r rune) bool { return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') }

// yamlWord reports words that mean something else than text.
func yamlWord(s string) bool {
	if len(s) > len("false") {
		return false
	}
	switch strings.ToLower(s) {
	case "y", "n", "yes", "no", "on", "off", "true", "false", "null":
		return true
	}
	return false
}

// scalar writes a value without members and ends its line.
func (y *yamlWriter) scalar(value any, indent int) bool {
	ok := true
	switch v := value.(type) {
	case nil:
		y.b.WriteString("null")
	case bool:
		y.b.WriteString(strconv.FormatBool(v))
	case int64:
		y.b.WriteString(strconv.FormatInt(v, 10))
	case map[string]any:
		y.b.WriteString("{}")
	case []any:
		y.b.WriteString("[]")
	case string:
		ok = y.text(v, indent)
	default:
		return false
	}
	y.b.WriteByte('\n')
	return ok
}

// yamlFigures is text that begins with a figure and that nobody takes for a number or a time: it has words behind it,
// or is an address.
var yamlFigures = regexp.MustCompile(`^[0-9](.* [a-z]{2}|[0-9]*\.[0-9]+\.[0-9]+\.[0-9]+(:[0-9]+)?$)`)

func yamlText(s string) bool {
	return !noLetter(rune(s[0])) && !yamlWord(s) || yamlFigures.MatchString(s)
}

// text writes a text as it is, or in single quotes where it would mean something else.
func (y *yamlWriter) text(s string, indent int) bool {
	if s == "" {
		y.b.WriteString(`""`)
		return true
	}
	if !yamlText(s) || strings.ContainsFunc(s, yamlSpecial) || strings.Contains(s, "  ") || s[len(s)-1] == ' ' {
		return false
	}
	if strings.Contains(s, ": ") || strings.Contains(s, " #") || s[len(s)-1] == ':' {
		y.b.WriteByte('\'')
		y.column++
		y.folded(strings.ReplaceAll(s, "'", "''"), indent)
		y.b.WriteByte('\'')
		return true
	}
	y.folded(s, indent)
	return true
}

// yamlSpecial are the characters that the library writes as escapes, and some that it does not.
func yamlSpecial(r rune) bool {
	return r < ' ' || r > '~' && (!unicode.IsPrint(r) || r > 0xd7ff)
}

// folded writes a text, broken at the first space behind the width.
func (y *yamlWriter) folded(s string, indent int) {
	for i, more := 0, true; more; i++ {
		var word string
		word, s, more = strings.Cut(s, " ")
		switch {
		case i == 0:
		case y.column > yamlWidth:
			y.b.WriteByte('\n')
			y.indent(indent)
			y.column = indent
		default:
			y.b.WriteByte(' ')
			y.column++
		}
		y.b.WriteString(word)
		y.column += utf8.RuneCountInString(word)
	}
}
