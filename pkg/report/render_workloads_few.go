package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// fewWorkloads are the workloads of the table, in the report's order. On a terminal, where something is wrong, they are at
// most room, so that the first finding stands on the first screen: those that are well give way first, then those
// that suffer from causes which are not their own.
func (p *page) fewWorkloads(room int) []*Workload {
	var list []*Workload
	for i := range p.Workloads {
		list = append(list, &p.Workloads[i])
	}
	wrong := p.Summary.Health == Fail || p.Summary.Health == Warn
	switch {
	case p.Format == Wide:
	case p.Width > 0 && wrong && len(list) > room:
		list = slices.DeleteFunc(list, (*Workload).well)
		for i := len(list) - 1; i >= 0 && len(list) > room; i-- {
			if p.onlyHit(list[i]) {
				list = slices.Delete(list, i, i+1)
			}
		}
		return list[:min(len(list), room)]
	case len(list) > allShown:
		return slices.DeleteFunc(list, (*Workload).well)
	}
	return list
}

// well reports whether there is nothing to see at a workload.
func (w *Workload) well() bool { return w.Health == OK || w.Health == NotApplicable }

const wellWords = "ok or without a proxy"

// uncounted counts the workloads that the table leaves out, by their health. Those that it shows are in the report's order.
func (p *page) uncounted(shown []*Workload) string {
	hidden := len(p.Workloads) - len(shown)
	var order []string
	left := map[string]int{}
	for i := range p.Workloads {
		w := &p.Workloads[i]
		if len(shown) > 0 && shown[0] == w {
			shown = shown[1:]
			continue
		}
		word := w.Health.word()
		switch {
		case w.well():
			word = wellWords
		case w.Health == UnknownHealth:
			word = "not judged"
		}
		order = appendNew(order, word)
		left[word]++
	}
	switch {
	case hidden == 0:
		return ""
	case len(order) == 1:
		return fmt.Sprintf("and %s: %s (-o wide shows them)\n", plural(hidden, "workload"), order[0])
	}
	parts := make([]string, len(order))
	for i, word := range order {
		parts[i] = fmt.Sprintf("%d %s", left[word], word)
	}
	return p.fold(fmt.Sprintf("and %s: %s (-o wide shows them)", plural(hidden, "workload"), strings.Join(parts, ", ")))
}

// narrowTable is the table in fewer columns. What it leaves out is on the page or in -o wide: the proxies that were
// read where it is all of them, how widely a policy applies, and what is enforced where it is what the policy says.
func (p *page) narrowTable(list []*Workload) grid {
	apart := slices.ContainsFunc(list, (*Workload).differs)
	unread := slices.ContainsFunc(list, (*Workload).partlyRead)
	columns := func(name, read, mode, enforced string, rest ...string) []string {
		cells := []string{name}
		if unread {
			cells = append(cells, read)
		}
		cells = append(cells, mode)
		if apart {
			cells = append(cells, enforced)
		}
		return append(cells, rest...)
	}
	g := grid{header: columns("WORKLOAD", "READ", "POLICY", "ENFORCED", "mTLS IN", "OUT", "CERT", "HEALTH")}
	for _, w := range list {
		mode := w.mode() + w.star()
		if w.Plane != mesh.Sidecar {
			mode = planeWords[w.Plane]
		}
		short := func(t Traffic) string { return strings.ReplaceAll(w.trafficCell(t), " of ", "/") }
		g.rows = append(g.rows, columns(Clean(p.refName(w.Ref)), w.readCell(), mode, enforcedCell(w),
			short(w.Inbound), short(w.Outbound), p.certCell(w), p.healthCell(w, " by ")))
	}
	return g
}

var planeWords = map[mesh.Plane]string{
	mesh.NoProxy: "no proxy", mesh.Gateway: "gateway", mesh.Waypoint: "waypoint", mesh.Ztunnel: "ztunnel",
}

// differs reports whether a proxy enforces, on some port, something else than its policy says.
func (w *Workload) differs() bool {
	return w.Plane == mesh.Sidecar && (len(w.Ports) > 0 && enforcedCell(w) != w.Policy.Mode || enforcedCell(w) == "?")
}
