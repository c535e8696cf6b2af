package cli

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/manifest"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/report"
)

// manifestsOptions name the folder of YAML files in which a team keeps the resources that findings may blame.
type manifestsOptions struct{ dir string }

func (o *manifestsOptions) addFlags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.dir, "manifests", "", "name the line of the YAML files below the folder `DIR` that a finding blames")
}

// manifests are the resources of a folder.
type manifests struct {
	manifest.Index

	dir string
}

// read reads the folder; nil when none was named. Files that are no YAML, such as templates, are passed over and said, and
// so is a folder that holds nothing: findings without a file would look as if it had been compared.
func (o *manifestsOptions) read(env *Env) (*manifests, error) {
	if o.dir == "" {
		return nil, nil
	}
	index := manifests{dir: o.dir}
	var passed []error
	if info, err := os.Stat(o.dir); err != nil || !info.IsDir() {
		return nil, usageError("name a folder of YAML files", "--manifests %s is no folder", o.dir)
	}
	folder := os.DirFS(o.dir) // follows a link that stands for the folder, which filepath.WalkDir does not
	err := fs.WalkDir(folder, ".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && strings.HasPrefix(d.Name(), ".") && path != ".":
			return filepath.SkipDir
		case !d.Type().IsRegular() || !slices.Contains(manifestEndings, filepath.Ext(path)):
			return nil
		}
		text, err := fs.ReadFile(folder, path)
		if err != nil {
			return err
		}
		if err := index.Add(filepath.ToSlash(filepath.Join(o.dir, path)), text); err != nil {
			passed = append(passed, err)
		}
		return nil
	})
	if err != nil {
		return nil, usageError("name a folder of YAML files", "--manifests %s: %v", o.dir, err)
	}
	if len(passed) > 0 {
		fmt.Fprintf(env.Err, "--manifests: passed over what is no YAML, as of templates: %s (files: %d)\n", report.Clean(passed[0].Error()), len(passed))
	}
	if index.Empty() {
		fmt.Fprintf(env.Err, "--manifests: no resource stands in the files below %s\n", report.Clean(o.dir))
	}
	return &index, nil
}

// manifestEndings are those of files that hold resources.
var manifestEndings = []string{".yaml", ".yml", ".json"}

// locate notes in a report, nil for none, where its findings stand in the manifests, nil for none. How
// many resources are not found is said.
func (m *manifests) locate(env *Env, r *report.Report) {
	if r == nil || m == nil {
		return
	}
	found, blamed := r.Locate(func(subject kube.Ref, field string) *report.Location {
		if at, found := m.Find(subject, field); found {
			return &report.Location{File: at.File, Line: at.Line}
		}
		return nil
	})
	if found < blamed && !m.Empty() { // that nothing is there was said
		fmt.Fprintf(env.Err, "--manifests: %d of %d blamed resources found below %s\n", found, blamed, report.Clean(m.dir))
	}
}
