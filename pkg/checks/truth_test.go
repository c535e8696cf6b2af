package checks

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/bundle"
)

// truth is the recording of a mesh in which somebody called everybody.
func truth(t testing.TB, name string) *recording {
	t.Helper()
	ev, err := bundle.Open(t.Context(), filepath.Join("../../testdata/truth", name+".tar.gz"), strings.NewReader(""))
	if err != nil {
		t.Fatal(err)
	}
	return &recording{Evidence: ev, t: t}
}

// TestTruthIsTold: of meshes in which somebody called everybody, every failure is in a finding,
// and every finding is complete.
func TestTruthIsTold(t *testing.T) {
	files, err := filepath.Glob("../../testdata/truth/*.tar.gz")
	if err != nil || len(files) == 0 {
		t.Fatalf("no recordings: %v", err)
	}
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".tar.gz")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			res := truth(t, name).judge(All()...)
			for _, f := range res.Findings {
				complete(t, f)
			}
			accounted(t, res)
		})
	}
}
