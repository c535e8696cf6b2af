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

// read reads the folder; nil when none was named. Files that are no YAML, such as templates, are passed over and said.
func (o *manifestsOptions) read(env *Env) (*manifest.Index, error) {
	if o.dir == "" {
		return nil, nil
	}
	var index manifest.Index
	var passed []error
	err := filepath.WalkDir(o.dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && strings.HasPrefix(d.Name(), ".") && len(d.Name()) > 1 && path != o.dir:
			return filepath.SkipDir
		case !d.Type().IsRegular() || !slices.Contains(manifestEndings, filepath.Ext(path)):
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if err := index.Add(filepath.ToSlash(path), text); err != nil {
			passed = append(passed, err)
		}
		return nil
	})
	if err != nil {
		return nil, usageError("name a folder of YAML files", "--manifests: %v", err)
	}
	if len(passed) > 0 {
		fmt.Fprintf(env.Err, "--manifests: passed over what is no YAML, as of templates: %s (files: %d)\n", report.Clean(passed[0].Error()), len(passed))
	}
	return &index, nil
}

// manifestEndings are those of files that hold resources.
var manifestEndings = []string{".yaml", ".yml", ".json"}

// locate notes in a report, nil for none, where its findings stand in the manifests.
func locate(r *report.Report, manifests *manifest.Index) {
	if r == nil || manifests == nil {
		return
	}
	r.Locate(func(subject kube.Ref, field string) *report.Location {
		if at, found := manifests.Find(subject, field); found {
			return &report.Location{File: at.File, Line: at.Line}
		}
		return nil
	})
}
