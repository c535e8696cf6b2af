package cli

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"
)

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
