package handshake

import (
	"slices"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
)

// header reads the header of the PROXY protocol as a listener does, and returns what follows it. A listener with
// the proxy_protocol filter closes a connection that does not begin with one
// (source/extensions/filters/listener/proxy_protocol/proxy_protocol.cc); without the filter the header is the first
// bytes of the stream, in which no inspector finds TLS or HTTP.
func (r *replay) header(l *envoy.Listener, w wire, port uint32) wire {
	i := slices.IndexFunc(l.Filters, func(f envoy.ListenerFilter) bool {
		return f.Kind == envoy.ProxyProtocol && !f.Disabled.Matches(port)
	})
	server := r.Server.Pod.Key()
	switch {
	case i < 0 && !w.header, i >= 0 && !w.header && l.Filters[i].Optional:
		return w
	case i < 0 && w.TLS == nil && asItComes(matchChain(l, r.inboundConn(l, w, port))):
		return w // on to the application
	case i < 0:
		r.block(ProxyHeaderUnread, "the client's proxy sends a PROXY protocol header first (cluster %s), and the proxy of %s does not read one", r.Outbound.Cluster, server)
	case !w.header:
		r.block(ProxyHeaderMissing, "the proxy of %s closes a connection that does not begin with a PROXY protocol header, and %s sends none", server, r.Client.Key())
	case unsettled(l, i, port):
		r.block(NotModelled, "a PROXY protocol header says, or hides, that by which listener %s of %s chooses its filter chain", l.Name, server)
	}
	w.header = false
	return w
}

// unsettled reports whether a listener, the i-th filter of which reads the header, chooses its filter chain by what the
// header changes or hides. Both addresses are the header's, the destination until original_dst follows; an inspector
// that stands before sees the header, and one that follows what is behind it.
func unsettled(l *envoy.Listener, i int, port uint32) bool {
	follows := func(kind envoy.ListenerFilterKind) bool {
		return inspects(&envoy.Listener{Filters: l.Filters[i:]}, kind, port)
	}
	blind := slices.ContainsFunc(l.Filters[:i], func(f envoy.ListenerFilter) bool {
		return (f.Kind == envoy.TLSInspector || f.Kind == envoy.HTTPInspector) && !follows(f.Kind)
	})
	return blind || matchesSource(l) || matchesDestination(l) && !follows(envoy.OriginalDst)
}

// asItComes reports a filter chain that hands the bytes on without reading them.
func asItComes(fc *envoy.FilterChain) bool {
	return fc != nil && (fc.Socket == nil || fc.Socket.Kind == envoy.Raw) && !hasFilter(fc, envoy.HTTPManager)
}
