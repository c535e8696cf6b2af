package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// shownUnseen is how many reasons the table shows.
const shownUnseen = 8

// notSeen says what the report does not know, and why. Unknown is not ok.
func (p *page) notSeen() error {
	list := p.unseen()
	if len(list) == 0 {
		return nil
	}
	p.b.WriteString("Not seen, and so neither ok nor wrong:\n")
	shown := p.limit(shownUnseen)
	for i, u := range list {
		if shown > 0 && i == shown && len(list) > shown+1 {
			fmt.Fprintf(&p.b, "     and %d more reasons (-o wide shows them)\n", len(list)-shown)
			break
		}
		text := p.wrap("?    ", u.sentence(p.limit(shownNames)))
		p.b.WriteString(p.paint(cyan, "?") + text[1:])
		if u.hint != "" {
			p.line("fix", u.hint)
		}
	}
	return nil
}

func appendNew(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}

// subjectName is a resource in words. Lists and kinds of evidence are subjects too: they are
// named by the ID of their kind.
func subjectName(r kube.Ref) string {
	if r.Kind == "Evidence" {
		return strings.TrimSuffix(r.Name, ".core")
	}
	if r.Kind != "List" {
		return r.String()
	}
	name := "the list of " + strings.TrimSuffix(r.Name, ".core")
	if r.Namespace != "" {
		name += " in " + r.Namespace
	}
	return name
}
