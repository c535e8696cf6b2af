package cli

import (
	"fmt"
	"os"
	"path"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/report"
)

// suppressOptions name a file of findings that somebody has accepted.
type suppressOptions struct{ file string }

func (o *suppressOptions) addFlags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.file, "suppress", "", "findings that `FILE` lists are counted apart and do not fail the run")
}

// suppressionFile is the file: which findings, why, and until when.
type suppressionFile struct {
	APIVersion   string               `json:"apiVersion"`
	Kind         string               `json:"kind"`
	Suppressions []report.Suppression `json:"suppressions"`
}

// read reads the file, nil for none. A word that it does not know is an error: a suppression that is
// not understood would hide nothing, or too much.
func (o *suppressOptions) read(checks []*diagnose.Check) ([]report.Suppression, error) {
	if o.file == "" {
		return nil, nil
	}
	text, err := os.ReadFile(o.file)
	if err != nil {
		return nil, usageError("name a file of suppressions", "--suppress: %v", err)
	}
	var f suppressionFile
	if err := yaml.UnmarshalStrict(text, &f); err != nil {
		return nil, usageError("the README shows the form", "--suppress: %s: %v", o.file, err)
	}
	if f.APIVersion != report.APIVersion || f.Kind != "Suppressions" {
		return nil, usageError("it begins with apiVersion: "+report.APIVersion+" and kind: Suppressions", "--suppress: %s is no file of suppressions", o.file)
	}
	for i := range f.Suppressions {
		if wrong := soundSuppression(&f.Suppressions[i], checks); wrong != "" {
			return nil, usageError("correct the file", "--suppress: %s: suppressions[%d]: %s", o.file, i, wrong)
		}
	}
	return f.Suppressions, nil
}

// soundSuppression says what is wrong with a suppression, "" for nothing.
func soundSuppression(s *report.Suppression, checks []*diagnose.Check) string {
	switch {
	case !slices.ContainsFunc(checks, func(c *diagnose.Check) bool { return string(c.Code) == s.Code }):
		return fmt.Sprintf("there is no code %q", s.Code)
	case s.Subject == "":
		return `it needs a subject: "DestinationRule shop/server", "PeerAuthentication shop/*"`
	case s.Reason == "":
		return "it needs a reason"
	}
	if _, err := path.Match(s.Subject, ""); err != nil { // as Suppression.Fits matches it
		return fmt.Sprintf("subject: %q: %v", s.Subject, err)
	}
	if _, err := time.Parse(time.DateOnly, s.Until); s.Until != "" && err != nil {
		return fmt.Sprintf("until: %q is no day like 2026-12-31", s.Until)
	}
	return ""
}
