package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// unseen is something that was not seen, for all subjects for which the same holds.
type unseen struct{ what, why, hint string }

// notSeen says what the report does not know, and why. Unknown is not ok.
func (p *page) notSeen() error {
	subjects := map[unseen][]string{}
	var order []unseen
	add := func(u unseen, subject string) {
		if subjects[u] == nil {
			order = append(order, u)
		}
		if !slices.Contains(subjects[u], subject) {
			subjects[u] = append(subjects[u], subject)
		}
	}
	for _, g := range p.Coverage.Gaps {
		add(unseen{"", Clean(gapWhy(g)), Clean(g.Hint)}, Clean(subjectName(g.Subject)))
	}
	for _, u := range p.Coverage.Unknown {
		add(unseen{Clean(u.Code), Clean(u.Why), ""}, Clean(subjectName(u.Subject)))
	}
	if len(order) == 0 {
		return nil
	}
	p.b.WriteString("Not seen, and so neither ok nor wrong:\n")
	for _, u := range order {
		p.unseen(u, subjects[u])
	}
	return nil
}

// subjectName is a resource in words; of a list, whose subject is the ID of its kind, the kind.
func subjectName(r kube.Ref) string {
	if r.Kind != "List" {
		return r.String()
	}
	name := "the list of " + strings.TrimSuffix(r.Name, ".core")
	if r.Namespace != "" {
		name += " in " + r.Namespace
	}
	return name
}

func gapWhy(g mesh.Gap) string { return cmp.Or(g.Message, g.Stage) }

func (p *page) unseen(u unseen, subjects []string) {
	first := "?    "
	if u.what != "" {
		first += u.what + "  "
	}
	text := wrap(first, fmt.Sprintf("%s: %s", names(subjects, p.limit(shownNames)), u.why))
	p.b.WriteString(p.paint(cyan, "?") + text[1:])
	if u.hint != "" {
		p.line("fix", u.hint)
	}
}
