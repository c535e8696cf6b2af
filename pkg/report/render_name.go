package report

import (
	"fmt"
	"io"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// writeNames lists what findings blame, each once, in the order in which to act: "TYPE/NAME -n
// NAMESPACE". The first word is what `kubectl get -o name` prints; kubectl leaves out the
// namespace, and of several namespaces the names alone would be of no use. Each line is what one
// kubectl command takes: `… -o name | xargs -L1 kubectl get`. What no API server has, such as a
// CertificateAuthority, is therefore left out. So is what only suppressed findings blame: there is
// nothing to do.
func writeNames(w io.Writer, r *Report, _ Style) error {
	seen := map[kube.Ref]bool{}
	for _, f := range r.Findings {
		if seen[f.Subject] || !inAPI(f.Subject) {
			continue
		}
		seen[f.Subject] = true
		line := diagnose.ShellWord(Clean(resourceName(f.Subject)))
		if f.Subject.Namespace != "" {
			line += " -n " + diagnose.ShellWord(Clean(f.Subject.Namespace))
		}
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}
