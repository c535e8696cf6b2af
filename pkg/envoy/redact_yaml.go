package envoy

import (
	"regexp"
	"strings"
)

// yamlField is a field with its indentation, its name and what follows it in the line.
var yamlField = regexp.MustCompile(`^(\s*(?:- )*)["']?([A-Za-z_]+)["']?:(?:\s+(.*))?$`)

// startField redacts a YAML field whose name says that it holds a secret, and remembers it when
// its content stands in the lines below.
func (l *lineCleaner) startField(text string) string {
	m := yamlField.FindStringSubmatchIndex(text)
	if m == nil || ruleFor(text[m[4]:m[5]]).place.mode != deep {
		return text
	}
	if m[6] < 0 || blockScalar.MatchString(text[m[6]:]) {
		l.field = m[3] + 1
		return text
	}
	return text[:m[6]] + `"` + redacted + `"`
}

// blockScalar is what stands before text in the lines below.
var blockScalar = regexp.MustCompile(`^(?:[|>][+-]?\d*)?\s*$`)

// insideField redacts the lines that are indented deeper than the secret's name. It reports
// false for the first line that is not.
func (l *lineCleaner) insideField(text, end string) (string, bool) {
	if text != "" && indent(text) < l.field {
		l.field = 0
		return "", false
	}
	m := yamlField.FindStringSubmatchIndex(text)
	switch {
	case m == nil:
		return "", true
	case m[6] < 0, ruleFor(text[m[4]:m[5]]).harmless:
		return text + end, true
	case ruleFor(text[m[4]:m[5]]).place.bytes:
		return text[:m[6]] + redactedBytes + end, true
	}
	return text[:m[6]] + `"` + redacted + `"` + end, true
}

// indent is how far a line stands in; a list item stands below the field that it belongs to.
func indent(text string) int {
	in := len(text) - len(strings.TrimLeft(text, " \t"))
	if strings.HasPrefix(text[in:], "- ") {
		in++
	}
	return in
}
