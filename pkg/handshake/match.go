package handshake

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
)

// conn is what a listener can see of a new connection.
type conn struct {
	Port      uint32
	Dest      netip.Addr
	SNI       string
	Transport string   // "tls" or "raw_buffer"
	ALPN      []string // in the client's order
	Source    netip.Addr
	Local     bool // same IP or loopback
}

// matchChain chooses the filter chain as Envoy does: field by field, at each step only the
// chains with the most specific value that fits, without going back
// (envoy/config/listener/v3/listener_components.proto, FilterChainMatch;
// source/common/listener_manager/filter_chain_manager_impl.cc). It returns the default chain
// when nothing matches, and nil when there is none.
func matchChain(l *envoy.Listener, c conn) *envoy.FilterChain { return narrowChains(l, c, nil) }

// narrowChains is matchChain that tells which chains each criterion left of which; lost may be nil.
func narrowChains(l *envoy.Listener, c conn, lost func(criterion string, before, after chains)) *envoy.FilterChain {
	left := l.FilterChains
	for _, step := range narrowing {
		before := left
		left = step.narrow(before, c)
		if lost != nil {
			lost(step.criterion, before, left)
		}
		if len(left) == 0 {
			return l.Default
		}
	}
	return left[0]
}

type chains = []*envoy.FilterChain

const destinationPort = "destination_port"

// narrowing are the steps, each named by the field of FilterChainMatch that it looks at.
var narrowing = []struct {
	criterion string
	narrow    func(chains, conn) chains
}{
	{destinationPort, byPort},
	{"prefix_ranges", byDestination},
	{"server_names", byServerName},
	{"transport_protocol", byTransport},
	{"application_protocols", byALPN},
	{"direct_source_prefix_ranges", byDirectSource},
	{"source_type", bySourceType},
	{"source_prefix_ranges", bySource},
	{"source_ports", bySourcePort},
}

// keep selects chains. Mostly it keeps all, and then makes no copy.
func keep(list chains, f func(*envoy.FilterChainMatch) bool) chains {
	first := slices.IndexFunc(list, func(fc *envoy.FilterChain) bool { return !f(&fc.Match) })
	if first < 0 {
		return list
	}
	out := slices.Clone(list[:first])
	for _, fc := range list[first+1:] {
		if f(&fc.Match) {
			out = append(out, fc)
		}
	}
	return out
}

// firstOf returns the first non-empty selection.
func firstOf(list chains, fs ...func(*envoy.FilterChainMatch) bool) chains {
	for _, f := range fs {
		if out := keep(list, f); len(out) > 0 {
			return out
		}
	}
	return nil
}

func byPort(list chains, c conn) chains {
	return firstOf(list,
		func(m *envoy.FilterChainMatch) bool { return m.DestinationPort != 0 && m.DestinationPort == c.Port },
		func(m *envoy.FilterChainMatch) bool { return m.DestinationPort == 0 })
}

func byDestination(list chains, c conn) chains {
	return byPrefix(list, c.Dest, func(m *envoy.FilterChainMatch) []netip.Prefix { return m.DestinationPrefixes })
}

func byDirectSource(list chains, c conn) chains {
	return byPrefix(list, c.Source, func(m *envoy.FilterChainMatch) []netip.Prefix { return m.DirectSourcePrefixes })
}

func bySource(list chains, c conn) chains {
	return byPrefix(list, c.Source, func(m *envoy.FilterChainMatch) []netip.Prefix { return m.SourcePrefixes })
}

// byPrefix keeps the chains whose prefix is the longest that holds the address.
func byPrefix(list chains, a netip.Addr, of func(*envoy.FilterChainMatch) []netip.Prefix) chains {
	best := -1
	for _, fc := range list {
		best = max(best, longest(of(&fc.Match), a))
	}
	return keep(list, func(m *envoy.FilterChainMatch) bool { return best >= 0 && longest(of(m), a) == best })
}

// longest is the length of the longest prefix that holds a; no prefixes at all hold everything
// with length 0, and -1 is none.
func longest(ps []netip.Prefix, a netip.Addr) int {
	if len(ps) == 0 {
		return 0
	}
	best := -1
	for _, p := range ps {
		if a.IsValid() && p.Contains(a) {
			best = max(best, p.Bits())
		}
	}
	return best
}

// longestOf is the length of the longest of some prefixes.
func longestOf(ps []netip.Prefix) int {
	best := 0
	for _, p := range ps {
		best = max(best, p.Bits())
	}
	return best
}

// matchesSource reports a listener that looks at the address of the client.
func matchesSource(l *envoy.Listener) bool {
	return slices.ContainsFunc(l.FilterChains, func(fc *envoy.FilterChain) bool {
		return longestOf(fc.Match.SourcePrefixes) > 0 || longestOf(fc.Match.DirectSourcePrefixes) > 0
	})
}

// matchesDestination reports a listener that looks at the address that the client dialled.
func matchesDestination(l *envoy.Listener) bool {
	return slices.ContainsFunc(l.FilterChains, func(fc *envoy.FilterChain) bool {
		return fc.Match.DestinationPort > 0 || longestOf(fc.Match.DestinationPrefixes) > 0
	})
}

func byServerName(list chains, c conn) chains {
	if !slices.ContainsFunc(list, func(fc *envoy.FilterChain) bool { return len(fc.Match.ServerNames) > 0 }) {
		return list
	}
	names := serverNames(strings.ToLower(c.SNI))
	fs := make([]func(*envoy.FilterChainMatch) bool, 0, len(names)+1)
	for _, n := range names {
		fs = append(fs, func(m *envoy.FilterChainMatch) bool { return slices.Contains(m.ServerNames, n) })
	}
	fs = append(fs, func(m *envoy.FilterChainMatch) bool { return len(m.ServerNames) == 0 })
	return firstOf(list, fs...)
}

// serverNames are the values that match an SNI, most specific first: "a.b.c", "*.b.c", "*.c".
func serverNames(sni string) []string {
	if sni == "" {
		return nil
	}
	out := []string{sni}
	for rest := sni; ; {
		_, after, ok := strings.Cut(rest, ".")
		if !ok {
			return out
		}
		out = append(out, "*."+after)
		rest = after
	}
}

func byTransport(list chains, c conn) chains {
	return firstOf(list,
		func(m *envoy.FilterChainMatch) bool { return m.TransportProtocol == c.Transport },
		func(m *envoy.FilterChainMatch) bool { return m.TransportProtocol == "" })
}

func byALPN(list chains, c conn) chains {
	if !slices.ContainsFunc(list, func(fc *envoy.FilterChain) bool { return len(fc.Match.ApplicationProtocols) > 0 }) {
		return list
	}
	fs := make([]func(*envoy.FilterChainMatch) bool, 0, len(c.ALPN)+1)
	for _, p := range c.ALPN {
		fs = append(fs, func(m *envoy.FilterChainMatch) bool { return slices.Contains(m.ApplicationProtocols, p) })
	}
	fs = append(fs, func(m *envoy.FilterChainMatch) bool { return len(m.ApplicationProtocols) == 0 })
	return firstOf(list, fs...)
}

func bySourceType(list chains, c conn) chains {
	want := "EXTERNAL"
	if c.Local {
		want = "SAME_IP_OR_LOOPBACK"
	}
	return firstOf(list,
		func(m *envoy.FilterChainMatch) bool { return m.SourceType == want },
		func(m *envoy.FilterChainMatch) bool { return m.SourceType == "" || m.SourceType == "ANY" })
}

// bySourcePort knows only ephemeral client ports: chains that name one do not match.
func bySourcePort(list chains, _ conn) chains {
	return keep(list, func(m *envoy.FilterChainMatch) bool { return len(m.SourcePorts) == 0 })
}
