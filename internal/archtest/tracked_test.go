package archtest

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// machinePath finds absolute paths of somebody's own machine. What they name
// exists nowhere else, and it tells who made the file.
var machinePath = regexp.MustCompile(`(?:^|[^\w.~/-])((?:/(?:home|root|Users|work)|[A-Z]:\\+Users)[/\\]+[\w.-]+)`)

// TestNothingTrackedNamesAMachine reads every file that git tracks, inside of
// recorded archives too.
func TestNothingTrackedNamesAMachine(t *testing.T) {
	for _, path := range trackedFiles(t) {
		content, err := readPlain(filepath.Join(root, path))
		if os.IsNotExist(err) {
			continue // deleted, and not committed yet
		}
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		if found := findMachinePath(content); found != "" {
			t.Errorf("%s names a path of somebody's machine: %s", path, found)
		}
	}
}

// findMachinePath returns the first such path, or "". The expression alone would take minutes for the recordings: it looks
// only around the words that it needs.
func findMachinePath(content []byte) string {
	const before, after = 16, 64
	for _, word := range []string{"/home", "/root", "/Users", "/work", `\Users`} {
		for at := 0; ; at++ {
			next := bytes.Index(content[at:], []byte(word))
			if next < 0 {
				break
			}
			at += next
			around := content[max(0, at-before):min(len(content), at+after)]
			if match := machinePath.FindSubmatch(around); match != nil {
				return string(match[1])
			}
		}
	}
	return ""
}

func trackedFiles(t *testing.T) []string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", "ls-files", "-z")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("git ls-files: %v: %s", err, stderr(err))
	}
	files := strings.FieldsFunc(string(out), func(r rune) bool { return r == 0 })
	if len(files) == 0 {
		t.Fatal("git tracks no files")
	}
	return files
}

// readPlain reads a file, unpacked when it is gzip's.
func readPlain(path string) ([]byte, error) {
	content, err := os.ReadFile(path)
	if err != nil || !strings.HasSuffix(path, ".gz") {
		return content, err
	}
	unpacked, err := gzip.NewReader(bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(unpacked)
}

func TestMachinePath(t *testing.T) {
	// The slashes are written apart, or this file would find itself.
	const slash = "/"
	tests := map[string]bool{
		slash + "home/ann/src":                true,
		`"path": "` + slash + `Users/ann/x"`:  true,
		"see " + slash + "root/.cache":        true,
		`C:` + `\Users\ann`:                   true,
		`"C:` + `\\Users\\ann"`:               true,
		"https://example.com/home/index.html": false,
		"/etc/istio/proxy":                    false,
		"./home/main":                         false,
		"the /home page":                      false,
		"match prefix /root, then more":       false,
	}
	for text, want := range tests {
		for _, around := range []string{"", strings.Repeat("x ", 50)} {
			if got := findMachinePath([]byte(around + text + " " + around)); (got != "") != want {
				t.Errorf("%q: found %q", around+text, got)
			}
		}
	}
}
