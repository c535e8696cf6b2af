package report

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// unseen is a reason why something was not seen, with all subjects for which it holds and the
// checks that could not judge them. All text is clean.
type unseen struct {
	why, hint       string
	subjects, codes []string
}

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
		text := names(u.subjects, p.limit(shownNames)) + ": " + u.why
		if len(u.codes) > 0 {
			text += fmt.Sprintf(" (%s)", names(u.codes, p.limit(shownNames)))
		}
		p.b.WriteString(p.paint(cyan, "?") + wrap("?    ", text)[1:])
		if u.hint != "" {
			p.line("fix", u.hint)
		}
	}
	return nil
}

// unseen folds gaps, and what checks could not judge, by the reason.
func (p *page) unseen() []*unseen {
	index := map[[2]string]*unseen{}
	var out []*unseen
	add := func(why, hint, subject, code string) {
		u := index[[2]string{why, hint}]
		if u == nil {
			u = &unseen{why: why, hint: hint}
			index[[2]string{why, hint}] = u
			out = append(out, u)
		}
		u.subjects = appendNew(u.subjects, subject)
		if code != "" {
			u.codes = appendNew(u.codes, code)
		}
	}
	for _, g := range p.Coverage.Gaps {
		add(Clean(cmp.Or(g.Message, g.Stage)), Clean(g.Hint), Clean(subjectName(g.Subject)), "")
	}
	for _, u := range p.Coverage.Unknown {
		subject, why := whose(u)
		add(Clean(why), "", Clean(subject), Clean(u.Code))
	}
	return out
}

// podSentence finds the pod that a sentence begins with: "shop/cart-1: its traffic is…".
var podSentence = regexp.MustCompile(`^([^\s/:]+/[^\s/:]+): (.+)$`)

// whose splits what could not be judged into the one that is to blame for it and the reason, so
// that the same reason of many pods is one.
func whose(u CheckUnknown) (subject, why string) {
	subject = subjectName(u.Subject)
	if m := podSentence.FindStringSubmatch(u.Why); m != nil {
		return "Pod " + m[1], m[2]
	}
	if why, ok := strings.CutPrefix(u.Why, kubeKey(u.Subject).String()+" "); ok {
		return subject, why
	}
	return subject, u.Why
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
