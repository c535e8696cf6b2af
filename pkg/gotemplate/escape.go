package gotemplate

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// escaping makes a function of what escapes a text: its arguments are printed first.
func escaping(escape func(string) string) func([]any) (any, error) {
	return func(args []any) (any, error) {
		printed := make([]any, len(args))
		for i, arg := range args {
			printed[i] = printable(arg)
		}
		return escape(fmt.Sprint(printed...)), nil
	}
}

func escapeHTML(text string) string {
	return strings.NewReplacer("\x00", "\uFFFD", `"`, "&#34;", `'`, "&#39;", "&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(text)
}

func escapeJS(text string) string {
	var b strings.Builder
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		switch {
		case r == '\\' || r == '\'' || r == '"':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ' || strings.ContainsRune("<>&=", r):
			fmt.Fprintf(&b, `\u%04X`, r)
		case r < utf8.RuneSelf || unicode.IsPrint(r):
			b.WriteString(text[:size])
		default:
			fmt.Fprintf(&b, `\u%04X`, r)
		}
		text = text[size:]
	}
	return b.String()
}
