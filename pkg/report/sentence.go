package report

import (
	"fmt"
	"strings"
	"time"
)

// Sentence is the verdict in one line: what was looked at, how it is, the calls by their outcome.
func (r *Report) Sentence() string {
	return fmt.Sprintf("%s: %s   %s", r.Scope.label(), r.Summary.Health.word(), r.Edges.Calls.sentence())
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

// sentence counts calls by outcome, the worst first: "2 of 9 possible calls fail, 1 is plaintext, 6 are mTLS".
func (t Traffic) sentence() string {
	if t.Total == 0 {
		return "no calls are possible"
	}
	var parts []string
	add := func(n int, one, many string) {
		if n == 0 {
			return
		}
		count, verb := fmt.Sprint(n), many
		if len(parts) == 0 {
			count = fmt.Sprintf("%d of %s", n, plural(t.Total, "possible call"))
		}
		if n == 1 {
			verb = one
		}
		parts = append(parts, count+" "+verb)
	}
	add(t.Fails, "fails", "fail")
	add(t.Plaintext, "is plaintext", "are plaintext")
	add(t.TLS, "is other TLS", "are other TLS")
	add(t.MTLS, "is mTLS", "are mTLS")
	add(t.Unreachable, "leads nowhere", "lead nowhere")
	add(t.Unknown, "is unknown", "are unknown")
	return strings.Join(parts, ", ")
}

// basis says when the evidence was captured and how much of it there is.
func (r *Report) basis() string {
	p := r.Coverage.Proxies
	return fmt.Sprintf("captured %s, %d of %s read", r.CapturedAt.Format(time.DateTime)+"Z", p.Read, plural(p.Total, "proxy"))
}
