package report

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestClean(t *testing.T) {
	tests := map[string]struct{ in, want string }{
		"a name":          {"frontend-7b9f6-k2m4q", "frontend-7b9f6-k2m4q"},
		"other alphabets": {"größe 日本 →", "größe 日本 →"},
		"empty":           {"", ""},
		"colour":          {"\x1b[31mred", `\x1b[31mred`},
		"window title":    {"\x1b]0;owned\a", `\x1b]0;owned\x07`},
		"line breaks":     {"a\r\nb\tc", `a\x0d\x0ab\x09c`},
		"backspace":       {"STRICT\b\b\bx", `STRICT\x08\x08\x08x`},
		"delete":          {"\x7f", `\x7f`},
		"C1 control":      {"\u009b31m", `\u009b31m`},
		"bidi override":   {"user\u202eedcba", `user\u202eedcba`},
		"bidi isolate":    {"\u2066a\u2069", `\u2066a\u2069`},
		"zero width":      {"ad\u200bmin", `ad\u200bmin`},
		"byte order mark": {"\ufeffx", `\ufeffx`},
		"line separator":  {"a\u2028b", `a\u2028b`},
		"tag characters":  {"a\U000e0041", `a\U000e0041`},
		"invalid UTF-8":   {"a\xffb\xc3", `a\xffb\xc3`},
		"replacement":     {"a\ufffdb", "a\ufffdb"},
		"no-break space":  {"a\u00a0b", `a\u00a0b`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := Clean(test.in); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestCleanLines(t *testing.T) {
	got := CleanLines("spec:\n  host: a\x1b[0m\n\n")
	if want := "spec:\n  host: a\\x1b[0m"; strings.Join(got, "\n") != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func FuzzClean(f *testing.F) {
	for _, seed := range []string{"a", "\x1b[31m", "\u202e", "\xff\xfe", "日本", "a\nb"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := Clean(s)
		if !utf8.ValidString(got) {
			t.Fatalf("%q became invalid: %q", s, got)
		}
		for _, r := range got {
			if !unicode.IsPrint(r) {
				t.Fatalf("%q kept %U", s, r)
			}
		}
		if again := Clean(got); again != got {
			t.Fatalf("%q changes when it is cleaned twice: %q", got, again)
		}
		if s != "" && got == "" {
			t.Fatalf("%q vanished", s)
		}
	})
}
