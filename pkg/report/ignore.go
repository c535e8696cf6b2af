package report

import (
	"regexp"
	"strings"
	"time"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// IgnoreAnnotation suppresses the findings that blame the resource which carries it:
// "MTD301: moves in December until 2026-12-31". Several stand on lines of their own, or between semicolons.
const IgnoreAnnotation = "mtls-doctor.dev/ignore"

// Misread is an annotation that suppresses nothing, as it is not understood.
type Misread struct {
	Subject kube.Ref `json:"subject"`
	Text    string   `json:"text"`
}

// ignored is what the annotations of a report's resources ask for.
type ignored struct {
	suppressions []Suppression
	misread      []Misread
}

// annotated reads the annotations of the resources that findings blame. Those of others have nothing
// to suppress here.
func annotated(resources *kube.Resources, findings []Finding) (out ignored) {
	read := map[kube.Ref]bool{}
	for i := range findings {
		subject := findings[i].Subject
		m := resources.MetaOf(subject)
		if m == nil || read[subject] {
			continue
		}
		read[subject] = true
		for _, text := range strings.FieldsFunc(m.Annotations[IgnoreAnnotation], func(r rune) bool { return r == ';' || r == '\n' }) {
			switch s, ok := parseIgnore(text); {
			case strings.TrimSpace(text) == "":
			case ok:
				s.Subject, s.annotated = subject.String(), true
				out.suppressions = append(out.suppressions, s)
			default:
				out.misread = append(out.misread, Misread{subject, strings.TrimSpace(text)})
			}
		}
	}
	return out
}

var (
	ignoreForm = regexp.MustCompile(`^\s*(MTD\d{3}):\s*(.*?)\s*$`)
	ignoreEnd  = regexp.MustCompile(`^(.*)\buntil\s+(.*)$`) // the last until: a reason may have the word, too
)

// parseIgnore reads "CODE: reason until DAY"; "until DAY" may be left out. An end that is no day is
// an error: else the suppression would never end.
func parseIgnore(text string) (Suppression, bool) {
	parts := ignoreForm.FindStringSubmatch(text)
	if parts == nil {
		return Suppression{}, false
	}
	s := Suppression{Code: parts[1], Reason: parts[2]}
	if end := ignoreEnd.FindStringSubmatch(s.Reason); end != nil {
		s.Reason, s.Until = strings.TrimSpace(end[1]), end[2]
	}
	_, err := time.Parse(time.DateOnly, s.Until)
	return s, s.Reason != "" && (s.Until == "" || err == nil)
}
