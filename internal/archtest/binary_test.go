package archtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// maxBinary is what the stripped plugin may weigh, in bytes. A kubectl plugin is
// downloaded by every engineer and copied into every CI image.
const maxBinary = 40_000_000

func TestBinarySize(t *testing.T) {
	if size := fileSize(t, buildBinary(t, stripped)); size > maxBinary {
		t.Errorf("the stripped binary has %d bytes, more than %d: `go version -m` and `go tool nm -size -sort size` show what came in", size, maxBinary)
	}
}

// TestNoTemplateIsLinked looks for methods of templates in the program: there are some as soon
// as something can execute one, such as cobra after SetUsageTemplate.
func TestNoTemplateIsLinked(t *testing.T) {
	symbols, err := exec.CommandContext(t.Context(), "go", "tool", "nm", buildBinary(t, "")).Output()
	if err != nil {
		t.Fatalf("go tool nm: %v: %s", err, stderr(err))
	}
	if !strings.Contains(string(symbols), " main.main\n") {
		t.Fatal("go tool nm lists no symbols")
	}
	for _, pkg := range unreachable {
		if strings.Contains(string(symbols), pkg+".(*Template).") {
			t.Errorf("%s is linked: `go build -ldflags=-dumpdep` tells who reaches it", pkg)
		}
	}
}

// BenchmarkVersion measures start-up, from exec to exit, and notes the size of
// what was started.
func BenchmarkVersion(b *testing.B) {
	binary := buildBinary(b, stripped)
	for b.Loop() {
		if out, err := exec.CommandContext(b.Context(), binary, "version").CombinedOutput(); err != nil {
			b.Fatalf("version: %v: %s", err, out)
		}
	}
	b.ReportMetric(float64(fileSize(b, binary))/1e6, "MB-binary")
}

// stripped are the linker's flags of a release.
const stripped = "-s -w"

func buildBinary(tb testing.TB, ldflags string) string {
	tb.Helper()
	binary := filepath.Join(tb.TempDir(), "kubectl-mtls_doctor")
	cmd := exec.CommandContext(tb.Context(), "go", "build", "-ldflags", ldflags, "-o", binary, "./cmd/kubectl-mtls-doctor")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		tb.Fatalf("go build: %v\n%s", err, out)
	}
	return binary
}

func fileSize(tb testing.TB, path string) int64 {
	tb.Helper()
	info, err := os.Stat(path)
	if err != nil {
		tb.Fatal(err)
	}
	return info.Size()
}
