package report

import (
	"cmp"
	"fmt"
	"slices"

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
		add(unseen{"", Clean(gapWhy(g)), Clean(g.Hint)}, Clean(g.Subject.String()))
	}
	for _, u := range p.Coverage.Unknown {
		add(unseen{Clean(u.Code), Clean(u.Why), ""}, Clean(u.Subject.String()))
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
