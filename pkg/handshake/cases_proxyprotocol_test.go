package handshake

import (
	"net/netip"
	"slices"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
)

// proxyProtocolCases: a header of the PROXY protocol before all else, and who reads it.
func proxyProtocolCases() []edgeCase {
	const unread, missing, open = "fails: proxy-header-unread", "fails: proxy-header-missing", "unknown: evidence-missing"
	of := func(name, from, to, want string, given ...func(*world)) edgeCase {
		return edgeCase{name: name, from: from, to: to, want: want, given: func(w *world) {
			w.pod("shop/bare", noProxy)
			for _, f := range given {
				f(w)
			}
		}}
	}
	accept := func(mode string) func(*world) { return func(w *world) { w.accept("shop/server", mode) } }
	return []edgeCase{
		of("a header to a STRICT sidecar, which reads none", "shop/client", "server.shop:80", unread, accept(strict), headed(server80)),
		of("a header to a PERMISSIVE sidecar", "shop/client", "server.shop:80", unread, accept(permissive), headed(server80)),
		of("a header before plaintext for an HTTP port", "shop/client", "server.shop:80", unread, accept(permissive), headed(server80), plain(server80)),
		of("a header before plaintext for a TCP port, which the application gets", "shop/client", "server.shop:9000", open, accept(permissive), headed(server9000), plain(server9000)),
		of("a header for an application without a proxy", "shop/client", "naked.legacy:80", open, headed("outbound|80||naked.legacy.svc.cluster.local")),
		of("a header to a sidecar that reads one", "shop/client", "server.shop:80", "mTLS", accept(strict), headed(server80), reads(false)),
		of("no header to a sidecar that wants one", "shop/client", "server.shop:80", missing, accept(strict), reads(false)),
		of("no header to a sidecar that reads one if it comes", "shop/client", "server.shop:80", "mTLS", accept(strict), reads(true)),
		of("no proxy, and a sidecar that wants a header", "shop/bare", "server.shop:80", missing, accept(permissive), reads(false)),
		of("a header, and a sidecar that chooses by the client's address", "shop/client", "server.shop:80", "unknown: not-modelled", accept(strict), headed(server80), reads(false), func(w *world) {
			inboundOf(w.proxy("shop/server")).FilterChains[0].Match.SourcePrefixes = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
		}),
		of("a header to a sidecar that reads it behind its inspectors", "shop/client", "server.shop:80", "unknown: not-modelled", accept(strict), headed(server80), readsLast()),
		of("a header to a sidecar that reads it between its inspectors", "shop/client", "server.shop:80", "mTLS", accept(strict), headed(server80), readsLast(envoy.OriginalDst, envoy.TLSInspector, envoy.HTTPInspector)),
		of("a header whose destination is taken for the real one", "shop/client", "server.shop:80", "unknown: not-modelled", accept(strict), headed(server80), readsLast(envoy.TLSInspector, envoy.HTTPInspector)),
	}
}

const server9000 = "outbound|9000||server.shop.svc.cluster.local"

// headed lets shop/client's proxy send a header before what it sends.
func headed(cluster string) func(*world) {
	wrap := func(s *envoy.TransportSocket) *envoy.TransportSocket {
		return &envoy.TransportSocket{Kind: envoy.ProxyHeader, Inner: s}
	}
	return func(w *world) {
		c := clusterNamed(w.proxy("shop/client"), cluster)
		c.Socket = wrap(c.Socket)
		for i := range c.Matches {
			c.Matches[i].Socket = wrap(c.Matches[i].Socket)
		}
	}
}

// plain lets a headed cluster send no TLS.
func plain(cluster string) func(*world) {
	return func(w *world) {
		c := clusterNamed(w.proxy("shop/client"), cluster)
		c.Matches, c.Socket = nil, &envoy.TransportSocket{Kind: envoy.ProxyHeader}
	}
}

// reads lets the sidecar of shop/server read a header.
func reads(optional bool) func(*world) {
	return func(w *world) {
		l := listenerNamed(w.proxy("shop/server"), "virtualInbound")
		l.Filters = append([]envoy.ListenerFilter{{Kind: envoy.ProxyProtocol, Optional: optional}}, l.Filters...)
	}
}

// readsLast lets the sidecar of shop/server read a header behind its other filters, and before those of some kinds.
func readsLast(before ...envoy.ListenerFilterKind) func(*world) {
	return func(w *world) {
		l := listenerNamed(w.proxy("shop/server"), "virtualInbound")
		l.Filters = append(slices.Clone(l.Filters), envoy.ListenerFilter{Kind: envoy.ProxyProtocol})
		for _, kind := range before {
			l.Filters = append(l.Filters, envoy.ListenerFilter{Kind: kind})
		}
	}
}
