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
	case matchesSource(l):
		r.block(NotModelled, "listener %s of %s chooses by the client's address, and a PROXY protocol header says that", l.Name, server)
	}
	w.header = false
	return w
}

// asItComes reports a filter chain that hands the bytes on without reading them.
func asItComes(fc *envoy.FilterChain) bool {
	return fc != nil && (fc.Socket == nil || fc.Socket.Kind == envoy.Raw) && !hasFilter(fc, envoy.HTTPManager)
}
