package report

import "fmt"

// ledger says how the verdicts compare with what the proxies have counted.
func (p *page) ledger() error {
	l := p.EdgeSummary.Observed
	if l.Agree+l.Contradict == 0 {
		return nil
	}
	fmt.Fprintf(&p.b, "Counters: %d of %d connections with clear traffic agree with their verdict.\n", l.Agree, l.Agree+l.Contradict)
	if l.Contradict > 0 {
		text := fmt.Sprintf("%s contradicted by what the proxies counted (`edges -o json`, agreement: contradicts): they count from before a change, or the evidence is older than one, or this tool is wrong; please report that.",
			are(l.Contradict, "verdict"))
		p.b.WriteString(p.paint(yellow, "!") + p.wrap("!    ", text)[1:])
	}
	return nil
}

// are is "1 verdict is", "2 verdicts are".
func are(n int, noun string) string {
	if n == 1 {
		return plural(n, noun) + " is"
	}
	return plural(n, noun) + " are"
}
