package report

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// unseen is a reason why something was not seen, with all subjects for which it holds and the
// checks that could not judge them. All text is clean.
type unseen struct {
	rank            int // lower ones are to be mended first
	why, hint       string
	subjects, codes []string
}

// The ranks: without a proxy's config nothing is known of it, without a list a part is.
const (
	rankForbiddenProxy = iota
	rankForbiddenList
	rankOther
)

const (
	notAllowedToList = "not allowed to list"
	applyRBAC        = "apply deploy/rbac.yaml"
)

func (u *unseen) sentence(limit int) string {
	text := u.names(limit)
	if u.why == notAllowedToList {
		text = u.why + ": " + text
	} else {
		text += ": " + u.why
	}
	if len(u.codes) > 0 {
		text += fmt.Sprintf(" (%s)", names(u.codes, limit))
	}
	return text
}

// names counts several pods before it names them.
func (u *unseen) names(limit int) string {
	if u.why == notAllowedToList {
		return names(u.subjects, 0)
	}
	bare := make([]string, len(u.subjects))
	for i, s := range u.subjects {
		name, isPod := strings.CutPrefix(s, "Pod ")
		if !isPod || len(u.subjects) == 1 {
			return names(u.subjects, limit)
		}
		bare[i] = name
	}
	return fmt.Sprintf("%s (%s)", plural(len(bare), "pod"), names(bare, limit))
}

// unseenList folds gaps, and what checks could not judge, by the reason. What a check could not
// judge because of a gap that is there already is no reason of its own.
type unseenList struct {
	order     []*unseen
	byWhy     map[[2]string]*unseen
	bySubject map[kube.Ref]*unseen
}

func (r *Report) unseen() []*unseen {
	l := &unseenList{byWhy: map[[2]string]*unseen{}, bySubject: map[kube.Ref]*unseen{}}
	for _, g := range r.Coverage.Gaps {
		l.gap(g)
	}
	for _, u := range r.Coverage.Unknown {
		l.unknown(u)
	}
	slices.SortStableFunc(l.order, func(a, b *unseen) int { return cmp.Compare(a.rank, b.rank) })
	return l.order
}

func (l *unseenList) add(rank int, why, hint, subject string) *unseen {
	k := [2]string{why, hint}
	u := l.byWhy[k]
	if u == nil {
		u = &unseen{rank: rank, why: Clean(why), hint: Clean(hint)}
		l.byWhy[k] = u
		l.order = append(l.order, u)
	}
	u.subjects = appendNew(u.subjects, Clean(subject))
	return u
}

func (l *unseenList) gap(g mesh.Gap) {
	why, name := withoutSubject(g.Subject, cmp.Or(g.Message, g.Stage)), subjectName(g.Subject)
	forbidden := strings.Contains(why, "forbidden")
	var u *unseen
	switch {
	case g.Subject.Kind == "List" && forbidden:
		u = l.add(rankForbiddenList, notAllowedToList, applyRBAC, strings.TrimPrefix(name, "the list of "))
	case forbidden:
		u = l.add(rankForbiddenProxy, why, g.Hint, name)
	default:
		u = l.add(rankOther, why, g.Hint, name)
	}
	if l.bySubject[g.Subject] == nil {
		l.bySubject[g.Subject] = u
	}
}

func (l *unseenList) unknown(x CheckUnknown) {
	why, known := withoutSubject(x.Subject, x.Why), l.bySubject[x.Subject]
	if x.Subject.Kind == "Evidence" {
		known = l.bySubject[kube.Ref{Kind: "List", Name: x.Subject.Name}]
	}
	if known == nil || !saysUnread.MatchString(why) {
		known = l.add(rankOther, why, "", subjectName(x.Subject))
	}
	known.codes = appendNew(known.codes, Clean(x.Code))
}

// saysUnread finds reasons that only say that evidence is not there.
var saysUnread = regexp.MustCompile(`\bread\b|not in the evidence|\bunread\b`)

// withoutSubject is a reason without the name of its own pod, which would make the reason of
// each pod another one.
func withoutSubject(r kube.Ref, why string) string {
	key := kubeKey(r).String()
	why = strings.TrimPrefix(strings.TrimPrefix(why, key+" "), key+": ")
	return strings.NewReplacer(" of "+key+" ", " ", `pods "`+r.Name+`" is `, "it is ").Replace(why)
}
