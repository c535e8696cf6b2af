package report

import (
	"fmt"
	"iter"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// Location is a line of a file, counted from 1.
type Location struct {
	File string `json:"file"`
	Line int    `json:"line"`
}

func (l *Location) String() string { return fmt.Sprintf("%s:%d", Clean(l.File), l.Line) }

// Locate notes where the resources that findings blame stand in the files in which people keep them, whether or not the
// findings are suppressed. Of what find does not know it returns nil. It counts the resources that are blamed for more than
// information, and those found of them.
func (r *Report) Locate(find func(subject kube.Ref, field string) *Location) (found, blamed int) {
	known := map[kube.Ref]bool{}
	for f := range r.told() {
		f.Location = find(f.Subject, f.Field)
		if f.Severity != string(diagnose.Info) {
			known[f.Subject] = known[f.Subject] || f.Location != nil
		}
	}
	for _, is := range known {
		if is {
			found++
		}
	}
	return found, len(known)
}

// told yields all findings of a report: those that count, and those that are suppressed.
func (r *Report) told() iter.Seq[*Finding] {
	return func(yield func(*Finding) bool) {
		for i := range r.Findings {
			if !yield(&r.Findings[i]) {
				return
			}
		}
		suppressed := r.suppressed()
		for i := range suppressed {
			if !yield(&suppressed[i].Finding) {
				return
			}
		}
	}
}

// sarif is the place for code scanning, which shows it beside the change of a pull request.
func (l *Location) sarif() sarifPhysical {
	uri := sarifURI(strings.Split(l.File, "/")...)
	if strings.HasPrefix(l.File, "/") {
		uri = "file:///" + uri
	}
	return sarifPhysical{sarifArtifact{URI: uri}, sarifRegion{l.Line}}
}
