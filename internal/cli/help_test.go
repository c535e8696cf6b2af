package cli

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"
)

// TestExplainFitsATerminal reads every long text, and the lists of them. Commands and links are for pasting.
func TestExplainFitsATerminal(t *testing.T) {
	var out bytes.Buffer
	env := testEnv(strings.NewReader(""), &out, &out, func(name string) string { return map[string]string{"COLUMNS": "80"}[name] })
	env.Out, env.Err = &out, &out
	words := []string{""}
	for _, c := range completeChecks(env.Checks) {
		word, _, _ := strings.Cut(c, "\t")
		words = append(words, word)
	}
	for _, word := range words {
		out.Reset()
		if code := run(t.Context(), env, strings.Fields("explain "+word)); code != exitOK {
			t.Fatalf("explain %s: %s", word, &out)
		}
		for line := range strings.Lines(out.String()) {
			text := strings.TrimSpace(strings.TrimPrefix(line, "By hand"))
			pasted := strings.HasPrefix(line, "By hand") || strings.HasPrefix(text, "kubectl ") || strings.HasPrefix(text, "istioctl ") || strings.Contains(text, "https://")
			if n := utf8.RuneCountInString(line) - 1; n > 80 && !pasted && strings.Contains(text, " ") {
				t.Errorf("explain %s: %d columns: %s", word, n, line)
			}
		}
	}
}

// TestHelpFitsATerminal reads the help of every command. Examples are for pasting, and as long as they are.
func TestHelpFitsATerminal(t *testing.T) {
	var out bytes.Buffer
	env := testEnv(strings.NewReader(""), &out, &out, func(string) string { return "" })
	root := newRootCmd(env)
	for _, cmd := range append(root.Commands(), root) {
		out.Reset()
		help(cmd, nil)
		for line := range strings.Lines(strings.ReplaceAll(out.String(), cmd.Example, "")) {
			if n := utf8.RuneCountInString(line) - 1; n > 80 {
				t.Errorf("%s: %d columns: %s", cmd.Name(), n, line)
			}
		}
	}
}
