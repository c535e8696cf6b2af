package report

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// How many workloads the table shows: of more, those that are well are counted, and where something is wrong, on a
// terminal, those that need no look of their own. A table that hangs takes two lines for each.
const (
	allShown   = 20
	worstShown = 12
	hungShown  = 6
)

// workloads shows the health of each workload.
func (p *page) workloads() error {
	if p.Scope.To != "" {
		return nil
	}
	shown := p.fewWorkloads(worstShown)
	g := p.healthTable(shown)
	if !g.fits(p.Style) {
		g = p.narrowTable(shown)
	}
	if !g.fits(p.Style) {
		shown = p.fewWorkloads(hungShown)
		g = p.narrowTable(shown)
	}
	if err := g.write(&p.b, p.Style); err != nil {
		return err
	}
	p.b.WriteString(p.uncounted(shown))
	if p.Format == Wide {
		return p.ports()
	}
	return nil
}

func (p *page) healthTable(list []*Workload) grid {
	g := grid{header: []string{"WORKLOAD", "READ", "PROXY", "POLICY", "ENFORCED", "IN mTLS", "OUT mTLS", "CERT", "HEALTH"}}
	for _, w := range list {
		g.rows = append(g.rows, p.row(w))
	}
	return g
}

func (p *page) row(w *Workload) []string {
	return []string{
		Clean(p.refName(w.Ref)), w.readCell(), string(w.Plane), policyCell(w), enforcedCell(w),
		w.trafficCell(w.Inbound), w.trafficCell(w.Outbound), p.certCell(w), p.healthCell(w, " hit by "),
	}
}

func (w *Workload) readCell() string { return fmt.Sprintf("%d/%d", w.Pods.Read, w.Pods.Total) }

// refName is a workload as kubectl takes it, with its namespace where the report has several.
func (p *page) refName(r kube.Ref) string {
	short := (&mesh.Workload{Ref: r}).Short()
	if len(p.Scope.Namespaces) == 1 && r.Namespace == p.Scope.Namespaces[0] {
		return short
	}
	if r.Namespace == "" { // a lone dump that does not say whose it is
		return short
	}
	return r.Namespace + "/" + short
}

// policyCell is the workload's mode and how widely the policy applies that sets it.
func policyCell(w *Workload) string {
	if w.Plane != mesh.Sidecar {
		return "-"
	}
	mode := w.mode()
	if short := scopeWords[w.Policy.Scope]; short != "" {
		mode += " " + short
	}
	return mode + w.star()
}

func (w *Workload) mode() string { return cmp.Or(w.Policy.Mode, "?") }

// star marks a policy that is another one on some port.
func (w *Workload) star() string {
	if slices.ContainsFunc(w.Ports, func(port Port) bool { return port.Policy.Mode != w.Policy.Mode }) {
		return "*"
	}
	return ""
}

var scopeWords = map[string]string{"default": "default", "mesh": "mesh", "namespace": "ns", "workload": "own", "port": "own"}

// enforcedCell is what the proxies accept on all ports, or that it depends on the port.
func enforcedCell(w *Workload) string {
	switch {
	case w.Plane != mesh.Sidecar:
		return "-"
	case len(w.Ports) == 0 && (w.partlyRead() || slices.Contains(w.Missing, "listeners")):
		return "?"
	case len(w.Ports) == 0:
		return "no port"
	}
	first := w.Ports[0].Enforced
	for _, port := range w.Ports[1:] {
		if port.Enforced != first {
			return "per port"
		}
	}
	return cmp.Or(first, "?")
}

// trafficCell is "2 of 4" calls that lead somewhere, and "?" when not one could be judged.
func (w *Workload) trafficCell(t Traffic) string {
	switch {
	case w.Pods.Read == 0 && t.Total == t.Unknown:
		return "?"
	case (w.partlyRead() || w.alone()) && t.Total == 0:
		return "?"
	case t.Total == t.Unreachable:
		return "none"
	case t.Unknown == t.Total-t.Unreachable:
		return fmt.Sprintf("? of %d", t.Unknown)
	}
	return fmt.Sprintf("%d of %d", t.MTLS, t.Total-t.Unreachable)
}

// certCell is how long the certificate is valid from the moment of the capture on.
func (p *page) certCell(w *Workload) string {
	switch {
	case w.Plane == mesh.NoProxy || w.Plane == mesh.Ztunnel:
		return "-"
	case w.Certificate == nil && (w.partlyRead() || slices.Contains(w.Missing, "secrets")):
		return "?"
	case w.Certificate == nil:
		return "none"
	case p.CapturedAt.IsZero():
		return "to " + w.Certificate.NotAfter.Format(time.DateOnly)
	case !w.Certificate.NotAfter.After(p.CapturedAt):
		return "expired"
	case w.Certificate.NotBefore.After(p.CapturedAt):
		return "not yet"
	}
	return duration(w.Certificate.NotAfter.Sub(p.CapturedAt))
}

// healthCell is a workload's health and its causes, behind hitBy those that are not its own.
func (p *page) healthCell(w *Workload, hitBy string) string {
	cell := p.paint(w.Health.color(), w.Health.word())
	why := p.codesOf(w)
	if w.Health == UnknownHealth && len(why) == 0 {
		why = []string{unknownBecause(w)}
	}
	if len(why) > 2 {
		why = append(why[:1:1], fmt.Sprintf("+%d", len(why)-1))
	}
	if p.onlyHit(w) {
		return cell + hitBy + strings.Join(why, " ")
	}
	return strings.TrimRight(cell+" "+strings.Join(why, " "), " ")
}

// onlyHit reports whether a workload suffers from causes of which none is its own.
func (p *page) onlyHit(w *Workload) bool {
	hit := false
	for _, ref := range w.Findings {
		f, _ := p.named(ref)
		if f == nil || f.Severity == string(diagnose.Info) {
			continue
		}
		if f.Subject == w.Ref || f.Workload != nil && *f.Workload == w.Ref || f.has(w.Ref) {
			return false
		}
		hit = true
	}
	return hit
}

// has reports whether a finding is of a workload, and not only of its calls.
func (f *Finding) has(w kube.Ref) bool {
	return slices.ContainsFunc(f.Affects, func(a Affected) bool { return a.Client == nil && a.Server != nil && *a.Server == w })
}

// codesOf are the findings that make a workload's health what it is: none that only inform, and those that are
// suppressed only where no other is as bad.
func (p *page) codesOf(w *Workload) []string {
	var codes, suppressed []string
	explained := false
	for _, ref := range w.Findings {
		switch f, counts := p.named(ref); {
		case f == nil || f.Severity == string(diagnose.Info):
		case counts:
			codes = appendNew(codes, ref.Code)
			explained = explained || healthOf(f.Severity) == w.Health
		case healthOf(f.Severity) == w.Health:
			suppressed = appendNew(suppressed, ref.Code+suppressedMark)
		}
	}
	if explained {
		return codes
	}
	return append(suppressed, codes...)
}

func unknownBecause(w *Workload) string {
	switch {
	case len(w.Unread) > 0:
		return plural(len(w.Unread), "pod") + " unread"
	case w.Plane == mesh.Ztunnel:
		return "ztunnel not read"
	case len(w.Missing) >= 3:
		return "config unread"
	case len(w.Missing) > 0:
		return strings.Join(w.Missing, ", ") + " unread"
	case w.alone():
		return "peers not in the evidence"
	case w.silent():
		return "no certificate, no calls"
	}
	if w.DoubtsUnread == w.Doubts {
		return plural(w.Doubts, "call") + " to unread proxies"
	}
	return plural(w.Doubts, "call") + " unknown"
}

// alone reports whether a proxy's config is all that is known, without its peers.
func (w *Workload) alone() bool { return len(w.Upstreams) > 0 }

func (w *Workload) partlyRead() bool { return w.Pods.Read < w.Pods.Total }

// ports shows what is asked for and enforced on every port.
func (p *page) ports() error {
	g := grid{header: []string{"WORKLOAD", "PORT", "POLICY", "FROM", "ENFORCED", "IDENTITY"}}
	for i := range p.Workloads {
		w := &p.Workloads[i]
		for _, port := range w.Ports {
			g.rows = append(g.rows, []string{
				Clean(p.refName(w.Ref)), strconv.Itoa(int(port.Port)), cmp.Or(port.Policy.Mode, "?"),
				cmp.Or(Clean(port.Policy.From), "default"), cmp.Or(port.Enforced, "?"), cmp.Or(Clean(w.Identity), "?"),
			})
		}
	}
	p.b.WriteByte('\n')
	return g.write(&p.b, p.Style)
}
