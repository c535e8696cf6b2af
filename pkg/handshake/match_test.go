package handshake

import (
	"net/netip"
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
)

func TestMatchChain(t *testing.T) {
	chain := func(name string, m envoy.FilterChainMatch) *envoy.FilterChain {
		return &envoy.FilterChain{Name: name, Match: m}
	}
	tls := func(c conn) conn { c.Transport = "tls"; return c }
	raw := conn{Port: 8080, Transport: "raw_buffer"}
	tests := []struct {
		name   string
		chains []*envoy.FilterChain
		conn   conn
		want   string
	}{
		{"port beats no port", []*envoy.FilterChain{chain("any", envoy.FilterChainMatch{}), chain("8080", envoy.FilterChainMatch{DestinationPort: 8080})}, raw, "8080"},
		{"no way back from a port whose chains do not match", []*envoy.FilterChain{
			chain("any", envoy.FilterChainMatch{}),
			chain("8080 tls", envoy.FilterChainMatch{DestinationPort: 8080, TransportProtocol: "tls"}),
		}, raw, ""},
		{"longest prefix", []*envoy.FilterChain{
			chain("/8", envoy.FilterChainMatch{DestinationPrefixes: prefixes("10.0.0.0/8")}),
			chain("/16", envoy.FilterChainMatch{DestinationPrefixes: prefixes("10.1.0.0/16")}),
		}, conn{Dest: netip.MustParseAddr("10.1.2.3"), Transport: "raw_buffer"}, "/16"},
		{"a prefix beats none", []*envoy.FilterChain{
			chain("any", envoy.FilterChainMatch{}),
			chain("/8", envoy.FilterChainMatch{DestinationPrefixes: prefixes("10.0.0.0/8")}),
		}, conn{Dest: netip.MustParseAddr("10.1.2.3"), Transport: "raw_buffer"}, "/8"},
		{"a prefix that does not hold the address", []*envoy.FilterChain{
			chain("/8", envoy.FilterChainMatch{DestinationPrefixes: prefixes("10.0.0.0/8")}),
		}, conn{Dest: netip.MustParseAddr("192.168.0.1"), Transport: "raw_buffer"}, ""},
		{"exact server name beats wildcard", []*envoy.FilterChain{
			chain("*.b.c", envoy.FilterChainMatch{ServerNames: []string{"*.b.c"}}),
			chain("a.b.c", envoy.FilterChainMatch{ServerNames: []string{"a.b.c"}}),
		}, tls(conn{SNI: "A.b.c"}), "a.b.c"},
		{"longer wildcard beats shorter", []*envoy.FilterChain{
			chain("*.c", envoy.FilterChainMatch{ServerNames: []string{"*.c"}}),
			chain("*.b.c", envoy.FilterChainMatch{ServerNames: []string{"*.b.c"}}),
		}, tls(conn{SNI: "a.b.c"}), "*.b.c"},
		{"a wildcard does not match its own domain", []*envoy.FilterChain{
			chain("*.b.c", envoy.FilterChainMatch{ServerNames: []string{"*.b.c"}}),
			chain("none", envoy.FilterChainMatch{}),
		}, tls(conn{SNI: "b.c"}), "none"},
		{"transport beats ALPN of another transport", []*envoy.FilterChain{
			chain("alpn", envoy.FilterChainMatch{ApplicationProtocols: []string{"istio"}}),
			chain("tls", envoy.FilterChainMatch{TransportProtocol: "tls"}),
		}, tls(conn{ALPN: []string{"istio"}}), "tls"},
		{"ALPN in the client's order", []*envoy.FilterChain{
			chain("istio", envoy.FilterChainMatch{ApplicationProtocols: []string{"istio"}}),
			chain("h2", envoy.FilterChainMatch{ApplicationProtocols: []string{"h2"}}),
		}, tls(conn{ALPN: []string{"h2", "istio"}}), "h2"},
		{"TLS without an Istio ALPN on a PERMISSIVE HTTP port", []*envoy.FilterChain{
			chain("tls", envoy.FilterChainMatch{DestinationPort: 8080, TransportProtocol: "tls", ApplicationProtocols: []string{"istio"}}),
			chain("raw", envoy.FilterChainMatch{DestinationPort: 8080, TransportProtocol: "raw_buffer"}),
		}, tls(conn{Port: 8080, ALPN: []string{"h2"}}), ""},
		{"source type", []*envoy.FilterChain{
			chain("local", envoy.FilterChainMatch{SourceType: "SAME_IP_OR_LOOPBACK"}),
			chain("external", envoy.FilterChainMatch{SourceType: "EXTERNAL"}),
		}, raw, "external"},
		{"source ports are never the client's", []*envoy.FilterChain{chain("p", envoy.FilterChainMatch{SourcePorts: []uint32{443}})}, raw, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := ""
			if fc := matchChain(&envoy.Listener{FilterChains: tt.chains}, tt.conn); fc != nil {
				got = fc.Name
			}
			if got != tt.want {
				t.Errorf("chain %q, want %q", got, tt.want)
			}
		})
	}
}

func TestMatchChainDefault(t *testing.T) {
	l := &envoy.Listener{
		FilterChains: []*envoy.FilterChain{{Name: "tls", Match: envoy.FilterChainMatch{TransportProtocol: "tls"}}},
		Default:      &envoy.FilterChain{Name: "default"},
	}
	if fc := matchChain(l, conn{Transport: "raw_buffer"}); fc == nil || fc.Name != "default" {
		t.Errorf("got %v, want the default chain", fc)
	}
}

func prefixes(s ...string) []netip.Prefix {
	out := make([]netip.Prefix, 0, len(s))
	for _, p := range s {
		out = append(out, netip.MustParsePrefix(p))
	}
	return out
}
