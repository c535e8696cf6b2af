package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/report"
)

// emptyFolder refuses a folder in which something is: fixes of another run would be taken for those of
// this one. Of "" it asks nothing.
func emptyFolder(dir string) error {
	entries, err := os.ReadDir(dir)
	switch {
	case dir == "" || errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return usageError("name a folder", "--fix-dir: %v", err)
	case len(entries) > 0:
		return usageError("name a new folder, or empty it", "--fix-dir: %s is not empty", dir)
	}
	return nil
}

// writeFixes writes the fixes of a report into a folder, and says where they are.
func writeFixes(env *Env, style report.Style, r *report.Report, dir string) error {
	if dir == "" {
		return nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return failed("choose another folder", "--fix-dir: %v", err)
	}
	style.Program = env.Program
	files := r.FixFiles(style)
	for _, f := range files {
		mode := fs.FileMode(0o644)
		if f.Program {
			mode = 0o755
		}
		if err := os.WriteFile(filepath.Join(dir, f.Name), []byte(f.Text), mode); err != nil {
			return failed("choose another folder", "--fix-dir: %v", err)
		}
	}
	count := "1 file"
	if n := len(files) - 1; n != 1 { // the README is none
		count = fmt.Sprintf("%d files", n)
	}
	_, err := fmt.Fprintf(env.Err, "%s of fixes in %s; README.md there has the order\n", count, dir)
	return err
}
