package e2e

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/layout"
)

// TestFootprint starts a program out of a work folder, and makes the folder of a running lab.
func TestFootprint(t *testing.T) {
	dir := layout.Dir(t.TempDir())
	before, err := Footprint(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	if left := before.Beyond(before); len(left) > 0 {
		t.Errorf("without a lab: %s", left)
	}
	if err := os.MkdirAll(dir.Run("logs"), 0o755); err != nil {
		t.Fatal(err)
	}
	start(t, filepath.Join(string(dir), "program"))
	after, err := Footprint(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	left := strings.Join(after.Beyond(before), "\n")
	for _, want := range []string{"/program", "folder " + dir.Run()} {
		if !strings.Contains(left, want) {
			t.Errorf("%s is not among what is left:\n%s", want, left)
		}
	}
}

// start runs a copy of cat, which waits for its input, under the given name.
func start(t *testing.T, name string) {
	t.Helper()
	cat, err := exec.LookPath("cat")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(cat)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, text, 0o755); err != nil {
		t.Fatal(err)
	}
	input, w := io.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	cmd := exec.CommandContext(ctx, name)
	cmd.Stdin = input
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		w.Close()
		_ = cmd.Wait()
	})
}
