package score

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/truth"
)

// The product's verdicts.
const (
	verdictMTLS    = "mTLS"
	verdictFails   = "fails"
	verdictDenied  = "denied"
	verdictUnknown = "unknown"
)

func plain() []string { return []string{"plaintext", "appTLS", "tls"} }

// Pairs are how the verdicts compare with the calls.
type Pairs struct {
	Agree, Beyond           int
	Wrong, Unknown, Missing []string
}

// ComparePairs compares each pair of calls with the edges of the same client, host and port.
func ComparePairs(t truth.Truth, edges []Edge) Pairs {
	var result Pairs
	for _, p := range t.Pairs {
		if beyond(p) {
			result.Beyond++
			continue
		}
		found := matching(p, edges)
		said := verdicts(found)
		what := "pair " + p.String()
		switch {
		case len(found) == 0:
			result.Missing = append(result.Missing, what+": no edge")
		case slices.Equal(said, []string{verdictUnknown}):
			result.Unknown = append(result.Unknown, what+": unknown: "+found[0].Why)
		case slices.ContainsFunc(said, func(v string) bool { return slices.Contains(right(p), v) }):
			result.Agree++
		default:
			result.Wrong = append(result.Wrong, fmt.Sprintf("%s: says %s (%s), happened: %s", what, strings.Join(said, ", "), found[0].Reason, happened(p)))
		}
	}
	return result
}

func matching(p truth.Pair, edges []Edge) []Edge {
	var all, narrowed []Edge
	for _, e := range edges {
		if e.Client.Namespace == p.From.Namespace && e.Client.Pod == p.From.Pod && e.Server.Host == p.To.Host && e.Server.Port == p.To.Port {
			all = append(all, e)
		}
	}
	if p.To.Subset != "" {
		if narrowed = filter(all, func(e Edge) bool { return e.Server.Subset == p.To.Subset }); len(narrowed) > 0 {
			all = narrowed
		}
	}
	if p.To.Pod != "" && (len(all) != 1 || all[0].Server.Pod != "") {
		all = filter(all, func(e Edge) bool { return e.Server.Pod == p.To.Pod })
	}
	return all
}

func filter(edges []Edge, keep func(Edge) bool) []Edge {
	return slices.DeleteFunc(slices.Clone(edges), func(e Edge) bool { return !keep(e) })
}

func verdicts(edges []Edge) []string {
	var all []string
	for _, e := range edges {
		all = append(all, e.Verdict)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// right are the verdicts that agree with what happened.
func right(p truth.Pair) []string {
	switch {
	case !p.OK:
		return []string{verdictFails, verdictDenied}
	case p.MTLS == nil:
		return append(plain(), verdictMTLS)
	case *p.MTLS:
		return []string{verdictMTLS}
	default:
		return plain()
	}
}

func happened(p truth.Pair) string {
	switch {
	case !p.OK:
		return fmt.Sprintf("failed: %.120s; client proxy %q, server proxy %q", p.Error, p.Client, p.Server)
	case p.MTLS != nil && *p.MTLS:
		return "mutual TLS"
	default:
		return "no mutual TLS"
	}
}

// beyond: the call failed, and not in the handshake: no endpoint, no route, a fault injected, an
// address or a name that nobody has (a ServiceEntry's, which this client's proxy does not know), packets that get no
// answer, a port where nobody listens, or the application's own answer. The verdict on its handshake is free.
func beyond(p truth.Pair) bool {
	if p.OK || !p.From.Injected {
		return false
	}
	flags := p.Client + " " + p.Server
	if strings.Contains(flags, "TLS") || strings.Contains(flags, "rbac") || strings.Contains(flags, "filter_chain_not_found") {
		return false
	}
	for _, f := range []string{"UH", "NR", "DF", "FI", "via_upstream"} {
		if strings.HasPrefix(p.Client, f) {
			return true
		}
	}
	nobody := strings.Contains(p.Client, "Network_is_unreachable") || strings.Contains(p.Error, "network is unreachable")
	silent := strings.Contains(p.Client, "connection_timeout")
	return nobody || silent || strings.Contains(p.Server, "Connection_refused")
}
