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
