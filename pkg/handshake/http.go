package handshake

import (
	"slices"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
)

// The versions of HTTP, as a codec reads them.
const (
	http1 = "HTTP/1.1"
	http2 = "HTTP/2"
)

// spokenALPN is what Envoy offers for HTTP where nobody names an ALPN: what it speaks
// (source/common/http/conn_pool_base.cc, wrapTransportSocketOptions).
var spokenALPN = map[envoy.UpstreamHTTP][]string{
	envoy.HTTP1: {"http/1.1"}, envoy.HTTP2: {"h2"}, envoy.HTTPByALPN: {"h2", "http/1.1"}, envoy.HTTPAsCalled: {"http/1.1"},
}

// offer notes which ALPN the client's proxy offers and by which version of HTTP it speaks. For HTTP that is the
// list of Istio's alpn filter, then the cluster's own. Where the filter, or Envoy itself, makes the list for the
// version of each request, the server's choice from it is that version.
func (w *wire) offer(c *envoy.Cluster, http *envoy.Filter) {
	w.ALPN = w.TLS.ALPN
	if http == nil {
		return
	}
	made := alpnFor(c, http)
	if made == nil && len(w.ALPN) == 0 {
		made = spokenALPN[c.HTTP]
	}
	if made == nil {
		return
	}
	w.ALPN = made
	if w.http == envoy.HTTPAsCalled {
		w.http = envoy.HTTPByALPN
	}
}

// alpnFor is the list of Istio's alpn filter, nil where it leaves the cluster's as it is
// (source/extensions/filters/http/alpn/alpn_filter.cc in istio/proxy).
func alpnFor(c *envoy.Cluster, http *envoy.Filter) []string {
	if c.KeepsALPN {
		return nil
	}
	upstream := "HTTP11"
	if c.HTTP == envoy.HTTP2 || c.HTTP == envoy.HTTPByALPN {
		upstream = "HTTP2"
	}
	i := slices.IndexFunc(http.HTTPFilters, func(f *envoy.Filter) bool { return f.Kind == envoy.ALPNFilter && len(f.ALPN[upstream]) > 0 })
	if i < 0 {
		return nil
	}
	return http.HTTPFilters[i].ALPN[upstream]
}

// sent is the version of HTTP that arrives after ALPN has chosen; "" where the evidence does not show it: the
// application's own.
func (w *wire) sent(alpn string) string {
	switch {
	case !w.routed, w.http == envoy.HTTPAsCalled:
		return ""
	case w.http == envoy.HTTP2, w.http == envoy.HTTPByALPN && alpn == "h2":
		return http2
	}
	return http1
}

// expected is the version of HTTP that a connection manager reads; "" where it looks at the first bytes
// (source/common/http/conn_manager_utility.cc, determineNextProtocol and autoCreateCodec).
func expected(manager *envoy.Filter, alpn string) string {
	switch {
	case manager.CodecType == "HTTP2", manager.CodecType != "HTTP1" && alpn == "h2":
		return http2
	case manager.CodecType == "HTTP1", alpn != "":
		return http1
	}
	return ""
}

// readHTTP compares the version of HTTP that the client's proxy sends with that which the chain's connection
// manager reads. Envoy chooses its codec by ALPN, whatever then arrives.
func (r *replay) readHTTP(fc *envoy.FilterChain, w wire) {
	i := slices.IndexFunc(fc.Filters, func(f *envoy.Filter) bool { return f.Kind == envoy.HTTPManager })
	if i < 0 {
		return
	}
	alpn := ""
	if r.TLS != nil {
		alpn = r.TLS.ALPN
	}
	sent, wanted := w.sent(alpn), expected(fc.Filters[i], alpn)
	why := "codec_type of filter chain " + fc.Name
	if alpn != "" {
		why = "ALPN " + alpn
	}
	switch {
	case wanted == "" || sent == wanted:
	case sent == "":
		r.block(EvidenceMissing, "the proxy of %s reads %s (%s), and which version the application of %s speaks is not known", r.Server.Pod.Key(), wanted, why, r.Client.Key())
	default:
		r.block(HTTPVersion, "the client's proxy sends %s (cluster %s), and the proxy of %s reads %s (%s)", sent, r.Outbound.Cluster, r.Server.Pod.Key(), wanted, why)
	}
}
