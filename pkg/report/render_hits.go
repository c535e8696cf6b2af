package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
)

// hit is what several connections have in common: their callers, the host and the outcome.
type hit struct {
	callers, host string
	verdict       handshake.Verdict
	reason        handshake.Reason
	led           string // by which VirtualService elsewhere, as a clause; "" mostly
}

// hits says who is hit, by name.
func (p *page) hits(affects []Affected) {
	order, ports := p.foldHits(affects)
	label := "hits"
	say := func(text string) { p.line(label, text); label = "" }
	shown := p.limit(shownHits)
	for i, k := range order {
		if shown > 0 && i == shown && len(order) > shown+1 {
			say(fmt.Sprintf("and %d more destinations (-o wide shows them)", len(order)-shown))
			break
		}
		say(k.sentence(ports[k]))
	}
	if bare := p.hitThemselves(affects); len(bare) > 0 {
		pronoun := " themselves"
		if len(bare) == 1 {
			pronoun = " itself"
		}
		say(names(bare, p.limit(shownNames)) + pronoun)
	}
}

// foldHits joins the callers of a port, then the ports that the same callers fare alike on.
func (p *page) foldHits(affects []Affected) (order []hit, ports map[hit][]string) {
	type dialled struct {
		hit
		port uint32
	}
	callers := map[dialled][]string{}
	var dials []dialled
	for _, a := range affects {
		if a.Client == nil {
			continue
		}
		d := dialled{hit{host: a.Host, verdict: a.Verdict, reason: a.Reason}, a.Port}
		if a.Route != nil {
			d.led = a.Route.clause()
		}
		if callers[d] == nil {
			dials = append(dials, d)
		}
		callers[d] = appendNew(callers[d], Clean(p.refName(*a.Client)))
	}
	ports = map[hit][]string{}
	for _, d := range dials {
		k := d.hit
		k.callers = names(callers[d], p.limit(shownNames))
		if ports[k] == nil {
			order = append(order, k)
		}
		ports[k] = append(ports[k], strconv.Itoa(int(d.port)))
	}
	return order, ports
}

// hitThemselves are workloads that are hit without a connection of theirs being named.
func (p *page) hitThemselves(affects []Affected) []string {
	var out []string
	for _, a := range affects {
		if a.Client == nil && a.Server != nil {
			out = appendNew(out, Clean(p.refName(*a.Server)))
		}
	}
	return out
}

// shortTarget is where calls go, without the domain of the cluster: "api.pay:80".
func shortTarget(to string) string {
	i := strings.LastIndex(to, ":")
	if i < 0 {
		return to
	}
	return shortHost(to[:i]) + to[i:]
}

// clause says of a destination where its calls are led.
func (r *Route) clause() string {
	by, to := Clean(r.By.String()), Clean(shortTarget(r.To))
	if r.Conditional {
		return fmt.Sprintf(", of which %s leads some to %s", by, to)
	}
	return fmt.Sprintf(", which %s leads to %s", by, to)
}

func (k hit) sentence(ports []string) string {
	s := fmt.Sprintf("%s → %s:%s%s", k.callers, Clean(shortHost(k.host)), strings.Join(slices.Compact(ports), ","), k.led)
	if k.verdict != "" {
		s += ": " + string(k.verdict)
	}
	if k.reason != "" {
		s += " (" + string(k.reason) + ")"
	}
	return s
}
