package report

import (
	"fmt"
	"strings"
	"time"
)

// Sentence is the verdict in one line: what was looked at, how it is, the calls by their outcome.
func (r *Report) Sentence() string {
	return fmt.Sprintf("%s: %s   %s", r.Scope.label(), r.word(), r.callSentence())
}

// besides says why the word is FAIL where no call fails: a scrape, a probe, a webhook or a load balancer is no call of
// a workload.
func (r *Report) besides() string {
	t, n := r.EdgeSummary.Calls, r.Summary.Errors
	if r.speaksOfOutside() {
		t = t.and(r.EdgeSummary.Outside)
	}
	if t.Fails+t.Unreachable > 0 || n == 0 {
		return ""
	}
	return plural(n, "error") + "; "
}

// word is the health as the first line says it: mutual TLS may be well where calls fail for another reason.
func (r *Report) word() string {
	t := r.EdgeSummary.Calls
	if r.Summary.Health == OK && t.Unreachable+t.Denied > 0 {
		return "mTLS ok"
	}
	return r.Summary.Health.word()
}

// label names what the report is about.
func (s Scope) label() string {
	name := "all namespaces"
	if len(s.Namespaces) > 0 {
		name = names(cleanAll(s.Namespaces), 3)
	}
	if len(s.Targets) > 0 {
		targets := names(cleanAll(s.Targets), 3)
		if len(s.Namespaces) > 0 {
			targets = name + " " + targets
		}
		name = targets
	}
	if s.Selector != "" {
		name += " -l " + Clean(s.Selector)
	}
	if s.Revision != "" {
		name += " revision " + Clean(s.Revision)
	}
	if s.To != "" {
		name += " to " + Clean(s.To)
	}
	return name
}

func cleanAll(in []string) []string {
	out := make([]string, len(in))
	for i, s := range in {
		out[i] = Clean(s)
	}
	return out
}

// word is a health as the terminal shows it; "?" could not be judged.
func (h Health) word() string {
	switch h {
	case Fail:
		return "FAIL"
	case Warn:
		return "WARN"
	case UnknownHealth:
		return "?"
	case NotApplicable:
		return "n/a"
	}
	return string(h)
}

func (h Health) color() string {
	switch h {
	case Fail:
		return red
	case Warn:
		return yellow
	case UnknownHealth:
		return cyan
	case OK:
		return green
	}
	return ""
}

// callSentence counts the calls by their outcome, behind the errors where no call fails.
func (r *Report) callSentence() string { return r.besides() + r.outcome() }

// outcome speaks of the calls that were asked about: of callers without a proxy too when
// they alone call, or when a destination was named.
func (r *Report) outcome() string {
	calls, outside, control := r.EdgeSummary.Calls, r.EdgeSummary.Outside, r.EdgeSummary.ControlPlane
	switch {
	case r.Scope.To != "":
		return calls.and(outside).and(control).sentence()
	case calls.Total > 0:
		return calls.sentence()
	case outside.Total > 0:
		return "callers without a proxy: " + outside.sentence()
	case control.Total > 0:
		return "calls to istiod and the API server only: " + control.sentence()
	case r.Source.Type == "dump" && len(r.Workloads) > 0:
		return "its peers are not in the evidence, and so no call can be judged"
	case len(r.Workloads)+len(r.Coverage.Gaps) == 0:
		return noPods(r.Scope)
	}
	return calls.sentence()
}

// noPods says where else to look when a namespace, the one of the context mostly, holds none.
func noPods(s Scope) string {
	if len(s.Namespaces) > 0 {
		return "there are no pods, and so nothing was judged; -A looks in all namespaces"
	}
	return "there are no pods, and so nothing was judged"
}

// speaksOfOutside reports whether the sentence holds the calls of callers without a proxy.
func (r *Report) speaksOfOutside() bool {
	return r.Scope.To != "" || r.EdgeSummary.Calls.Total == 0
}

// captureTime is the moment of a capture, which not all evidence knows.
func captureTime(t time.Time) string {
	if t.IsZero() {
		return "time of capture unknown"
	}
	return "captured " + t.Format(time.DateTime) + "Z"
}

// sentence counts calls by outcome, the worst first: "2 of 9 possible calls fail, 1 plaintext, 6 mTLS".
func (t Traffic) sentence() string {
	if t.Total == 0 {
		return "no calls are possible"
	}
	var parts []string
	add := func(n int, one, many, outcome string) {
		switch {
		case n == 0:
		case len(parts) > 0:
			parts = append(parts, fmt.Sprint(n, " ", outcome))
		case n == 1:
			parts = append(parts, fmt.Sprintf("1 of %s %s", plural(t.Total, "possible call"), one))
		default:
			parts = append(parts, fmt.Sprintf("%d of %s %s", n, plural(t.Total, "possible call"), many))
		}
	}
	are := func(n int, outcome string) { add(n, "is "+outcome, "are "+outcome, outcome) }
	add(t.Fails-t.Denied, "fails", "fail", "failing")
	are(t.Denied, "denied")
	are(t.Plaintext, "plaintext")
	are(t.TLS, "other TLS")
	are(t.MTLS, "mTLS")
	add(t.Unreachable, "leads nowhere", "lead nowhere", "leading nowhere")
	are(t.Unknown, "unknown")
	return strings.Join(parts, ", ")
}

// basis says when the evidence was captured and how much of it there is.
func (r *Report) basis() string {
	p := r.Coverage.Proxies
	read := fmt.Sprintf("%d of %s read", p.Read, plural(p.Total, "proxy"))
	if n := r.Coverage.PeersUnread; n > 0 {
		read = fmt.Sprintf("%d of %s in scope read, %s unread", p.Read, plural(p.Total, "proxy"), plural(n, "peer"))
	}
	where := ""
	if r.Source.Context != "" {
		where = ", context " + Clean(r.Source.Context)
	}
	return captureTime(r.CapturedAt) + ", " + read + where
}
