package report

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Clean makes text from a cluster safe to show: what a terminal would obey and what a reader
// could not see is written out as an escape. These are control characters (ANSI sequences, line
// breaks), bytes that are not UTF-8, and invisible or direction-changing characters, with which a
// name could look like another one (CVE-2021-42574). Every other text stays as it is.
//
// It is the only way from evidence to a terminal.
func Clean(s string) string {
	if isClean(s) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[0])
		case !unsafe(r):
			b.WriteRune(r)
		case r < 0x80:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r <= 0xffff:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
		s = s[size:]
	}
	return b.String()
}

// CleanLines cleans every line of a text, and keeps the lines.
func CleanLines(s string) []string {
	lines := strings.Split(strings.TrimRight(s, "\n"), "\n")
	for i, line := range lines {
		lines[i] = Clean(line)
	}
	return lines
}

// cleanText cleans a text of several lines.
func cleanText(s string) string { return strings.Join(CleanLines(s), "\n") }

func isClean(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, unsafe)
}

// unsafe reports control characters (C0, DEL, C1), format characters (Cf: bidi marks and
// overrides, zero-width ones, tags), line and paragraph separators, and private or unassigned
// characters whose looks nobody knows.
func unsafe(r rune) bool {
	return !unicode.IsPrint(r) && r != ' '
}
