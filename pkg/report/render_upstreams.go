package report

import (
	"cmp"
	"fmt"
)

// shownUpstreams is how many destinations the table shows.
const shownUpstreams = 20

// upstreams shows what a proxy sends where, when its config is all that is known. Destinations
// that auto mTLS decides and no DestinationRule touches are the usual case, and counted.
func (p *page) upstreams() error {
	g := grid{header: []string{"WORKLOAD", "SENDS", "DESTINATION", "DESTINATIONRULE"}}
	usual, more := 0, 0
	for i := range p.Workloads {
		w := &p.Workloads[i]
		for _, u := range w.Upstreams {
			switch {
			case p.Format != Wide && u.Sends == sendsAuto && u.Rule == "":
				usual++
			case p.Format != Wide && len(g.rows) == shownUpstreams:
				more++
			default:
				g.rows = append(g.rows, p.upstreamRow(w, u))
			}
		}
	}
	if err := g.write(&p.b, p.Style); err != nil {
		return err
	}
	if more > 0 {
		fmt.Fprintf(&p.b, "and %s (-o wide shows them)\n", plural(more, "more destination"))
	}
	if usual > 0 {
		p.b.WriteString(p.fold(fmt.Sprintf("auto mTLS decides for %s: mTLS to endpoints with a proxy, plaintext to others", plural(usual, "destination"))))
	}
	return nil
}

func (p *page) upstreamRow(w *Workload, u Upstream) []string {
	destination := Server{Host: u.Host, Port: u.Port, Subset: u.Subset}
	return []string{Clean(p.refName(w.Ref)), cmp.Or(u.Sends, "?"), Clean(destination.destination()), cmp.Or(Clean(u.Rule), "-")}
}
