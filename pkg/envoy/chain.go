package envoy

import "net/netip"

// filterChain reads a FilterChain of l.
func (r *reader) filterChain(l *Listener) *FilterChain {
	c := &FilterChain{}
	r.object(func(key []byte) {
		switch string(key) {
		case "name":
			c.Name = r.str()
		case "filter_chain_match":
			r.object(func(key []byte) { r.matchField(&c.Match, key) })
		case "filters":
			r.list(func() { c.Filters = append(c.Filters, r.filter()) })
		case "transport_socket":
			c.Socket = r.socket()
		case "tls_context": // v2, which Envoy accepted inside v3 until 1.17
			c.Socket = r.nestedTLS(downstreamTLSv2)
		case "transport_socket_connect_timeout":
			c.ConnectTimeout = r.duration()
		case "metadata":
			c.Config = r.origin()
		default:
			r.unknown(&l.Unmodelled, "FilterChain", key)
		}
	})
	return c
}

func (r *reader) matchField(m *FilterChainMatch, key []byte) {
	switch string(key) {
	case "destination_port":
		m.DestinationPort = r.u32()
	case "prefix_ranges":
		m.DestinationPrefixes = r.prefixes(m)
	case "server_names", "sni_domains":
		m.ServerNames = r.strs()
	case "transport_protocol":
		m.TransportProtocol = r.str()
	case "application_protocols":
		m.ApplicationProtocols = r.strs()
	case "direct_source_prefix_ranges":
		m.DirectSourcePrefixes = r.prefixes(m)
	case "source_type":
		if m.SourceType = r.enum("ANY", "SAME_IP_OR_LOOPBACK", "EXTERNAL"); m.SourceType == "ANY" {
			m.SourceType = ""
		}
	case "source_prefix_ranges":
		m.SourcePrefixes = r.prefixes(m)
	case "source_ports":
		r.list(func() { m.SourcePorts = append(m.SourcePorts, r.u32()) })
	default:
		r.unknown(&m.Unmodelled, "FilterChainMatch", key)
	}
}

func (r *reader) prefixes(m *FilterChainMatch) (out []netip.Prefix) {
	r.list(func() {
		p, ok := r.cidr()
		if !ok && r.err == nil {
			m.Unmodelled = appendOnce(m.Unmodelled, "FilterChainMatch.prefix_ranges")
			r.note("FilterChainMatch.prefix_ranges with something else than an IP prefix")
			return
		}
		out = append(out, p)
	})
	return out
}
