package handshake

import (
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
)

// httpCases: which version of HTTP the client's proxy speaks, and which one the server's reads. What Istio's alpn
// filter does is missing from the lab's Envoy; the other cases were seen there.
func httpCases() []edgeCase {
	of := func(name, want string, given func(w *world)) edgeCase {
		return edgeCase{name: name, from: "shop/client", to: "server.shop:80", want: want, given: given}
	}
	upstream := func(http envoy.UpstreamHTTP, alpn ...string) func(*world) {
		return func(w *world) {
			x := w.proxy("shop/client")
			clusterNamed(x, server80).HTTP = http
			outboundContext(x).ALPN = alpn
		}
	}
	const mismatch, open = "fails: http-version", "unknown: evidence-missing"
	return []edgeCase{
		of("HTTP/1.1, and the server chooses h2", mismatch, upstream(envoy.HTTP1, "istio", "h2")),
		of("HTTP/2, and the server chooses http/1.1", mismatch, upstream(envoy.HTTP2, "istio", "http/1.1")),
		of("HTTP/2, and the server chooses h2", "mTLS", upstream(envoy.HTTP2, "istio", "h2")),
		of("HTTP/2, and the server chooses nothing: it looks at the first bytes", "mTLS", upstream(envoy.HTTP2, "istio")),
		of("what the server chooses is spoken", "mTLS", upstream(envoy.HTTPByALPN, "istio", "h2", "http/1.1")),
		of("of what the server chooses there is nothing: HTTP/1.1", "mTLS", upstream(envoy.HTTPByALPN, "istio")),
		of("the caller's version, and the server chooses h2", open, upstream(envoy.HTTPAsCalled, "istio", "h2")),
		of("the caller's version, and the server chooses nothing", "mTLS", upstream(envoy.HTTPAsCalled, "istio")),
		of("Istio's alpn filter takes an h2 away that does not fit", "mTLS", filtered(upstream(envoy.HTTP1, "istio", "h2"))),
		of("Istio's alpn filter offers what the caller speaks", "mTLS", filtered(upstream(envoy.HTTPAsCalled, "istio", "h2"))),
		of("Istio's alpn filter leaves a cluster alone", mismatch, func(w *world) {
			filtered(upstream(envoy.HTTP1, "istio", "h2"))(w)
			clusterNamed(w.proxy("shop/client"), server80).KeepsALPN = true
		}),
		of("a server that reads HTTP/2 only", mismatch, codec("HTTP2")),
		of("a server that reads HTTP/1 only", "mTLS", codec("HTTP1")),
		{name: "a server that reads HTTP/2 only, and a client without a proxy", from: "legacy/naked", to: "server.shop:80", want: open, given: codec("HTTP2")},
	}
}

// filtered puts Istio's alpn filter before shop/client's calls of port 80.
func filtered(given func(*world)) func(*world) {
	return func(w *world) {
		given(w)
		wildcardListener(w.proxy("shop/client"), 80).FilterChains[0].Filters[0].HTTPFilters = alpnFilter()
	}
}

// codec sets what the connection managers of shop/server read.
func codec(kind string) func(*world) {
	return func(w *world) {
		for _, fc := range listenerNamed(w.proxy("shop/server"), "virtualInbound").FilterChains {
			for i, f := range fc.Filters {
				if f.Kind == envoy.HTTPManager {
					own := *f
					own.CodecType = kind
					fc.Filters[i] = &own
				}
			}
		}
	}
}

func TestSpokenALPN(t *testing.T) {
	w := shop(t)
	w.accept("shop/server", strict)
	x := w.proxy("shop/client")
	outboundContext(x).ALPN = nil
	for http, want := range map[envoy.UpstreamHTTP]string{envoy.HTTP1: "http/1.1", envoy.HTTP2: "h2", envoy.HTTPByALPN: "h2", envoy.HTTPAsCalled: "http/1.1"} {
		clusterNamed(x, server80).HTTP = http
		for _, e := range w.edges("shop/client", "server.shop:80") {
			if e.TLS == nil || e.TLS.ALPN != want {
				t.Errorf("%q settles on %+v, want ALPN %s", http, e.TLS, want)
			}
		}
	}
}
