package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// TestDocsAreFresh compares docs/cli and docs/man with the commands; with -update it writes them.
func TestDocsAreFresh(t *testing.T) {
	env := testEnv(strings.NewReader(""), &bytes.Buffer{}, &bytes.Buffer{}, func(string) string { return "" })
	env.Program, env.Binary = "kubectl mtls-doctor", "kubectl-mtls_doctor"
	root := newRootCmd(env)
	root.DisableAutoGenTag = true
	want := map[string]string{}
	pages(t, root, want)
	for _, dir := range []string{"../../docs/cli", "../../docs/man"} {
		if *update {
			writePages(t, dir, want)
		}
		got := map[string]string{}
		for _, path := range filesIn(t, dir) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			got[path] = string(text)
		}
		if diff := cmp.Diff(only(want, dir), got); diff != "" {
			t.Errorf("go generate ./internal/cli writes %s (-want +got):\n%s", dir, diff)
		}
	}
}

// pages makes the two pages of each command.
func pages(t *testing.T, cmd *cobra.Command, out map[string]string) {
	t.Helper()
	if !cmd.IsAvailableCommand() && cmd.HasParent() {
		return
	}
	name := strings.ReplaceAll(cmd.CommandPath(), " ", "-")
	var markdown, man bytes.Buffer
	link := func(file string) string { return strings.ReplaceAll(file, "_", "-") }
	if err := doc.GenMarkdownCustom(cmd, &markdown, link); err != nil {
		t.Fatal(err)
	}
	undated := time.Time{} // the same bytes on every day
	header := doc.GenManHeader{Title: strings.ToUpper(name), Section: "1", Date: &undated}
	if err := doc.GenMan(cmd, &header, &man); err != nil {
		t.Fatal(err)
	}
	out[filepath.Join("../../docs/cli", name+".md")] = strings.TrimRight(markdown.String(), "\n") + "\n"
	out[filepath.Join("../../docs/man", name+".1")] = strings.ReplaceAll(man.String(), `"Jan 0001"`, `""`)
	for _, c := range cmd.Commands() {
		pages(t, c, out)
	}
}

func writePages(t *testing.T, dir string, all map[string]string) {
	t.Helper()
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		t.Fatal(err)
	}
	for path, text := range only(all, dir) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func only(all map[string]string, dir string) map[string]string {
	out := map[string]string{}
	for path, text := range all {
		if filepath.Dir(path) == dir {
			out[path] = text
		}
	}
	return out
}

func filesIn(t *testing.T, dir string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	return paths
}
