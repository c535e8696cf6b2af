package report

import (
	"fmt"
	"strings"
)

// calls shows the connections to the destination that the user named, each outcome with why and
// what it rests on.
func (p *page) calls() error {
	if p.Scope.To == "" {
		return nil
	}
	if p.Format == Wide {
		if err := edgePairs(&p.b, p.Report.Calls, p.Style); err != nil {
			return err
		}
	} else if err := edgeTable(&p.b, p.Report.Calls, p.Style); err != nil {
		return err
	}
	order, _, first := foldEdges(p.Report.Calls)
	shown := p.limit(shownHits)
	for i, k := range order {
		if shown > 0 && i == shown && len(order) > shown+1 {
			fmt.Fprintf(&p.b, "\nand %d more (-o wide shows them)\n", len(order)-shown)
			break
		}
		p.call(k, first[k])
	}
	return nil
}

// call follows one connection: the outcome, why, and the evidence of both sides.
func (p *page) call(k edgeFold, e *Edge) {
	fmt.Fprintf(&p.b, "\n%s: %s → %s\n", p.paint(verdictColor(k.verdict), string(k.verdict)), k.client, k.destination)
	p.line("why", Clean(e.Why))
	for _, b := range e.Blockers[min(1, len(e.Blockers)):] {
		p.line("and", Clean(b.Why))
	}
	p.facts(e.Evidence)
	if len(e.Assumptions) > 0 {
		assumed := make([]string, len(e.Assumptions))
		for i, a := range e.Assumptions {
			assumed[i] = string(a)
		}
		p.line("assumes", strings.Join(assumed, ", "))
	}
}
