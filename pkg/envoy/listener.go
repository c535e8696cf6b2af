package envoy

import "time"

// defaultListenerTimeout is what listener_filters_timeout is when it is not set
// (listener.proto).
const defaultListenerTimeout = 15 * time.Second

// listener reads a Listener in an Any, nil if it is of another API or was not read whole.
func (r *reader) listener() *Listener {
	l := newListener()
	typ := r.any(func(typ string, key []byte) {
		if isV2(typ) {
			r.skip()
			return
		}
		r.listenerField(l, key)
	})
	if r.err != nil || r.sawV2(typ) {
		return nil
	}
	return l
}

func newListener() *Listener {
	return &Listener{BindToPort: true, Timeout: defaultListenerTimeout}
}

func (r *reader) listenerField(l *Listener, key []byte) {
	switch string(key) {
	case "name":
		l.Name = r.str()
	case "address":
		r.listenerAddress(l, 0)
	case "additional_addresses":
		r.list(func() {
			r.object(func(key []byte) {
				if string(key) == "address" {
					r.listenerAddress(l, len(l.Addresses))
					return
				}
				r.skip()
			})
		})
	case "filter_chains":
		r.list(func() { l.FilterChains = append(l.FilterChains, r.filterChain(l)) })
	case "default_filter_chain":
		l.Default = r.filterChain(l)
	case "listener_filters":
		l.Filters = memo(r, "listener_filters", (*reader).listenerFilters)
	case "filter_chain_matcher", "fcds_config":
		r.unknown(&l.Unmodelled, "Listener", key)
	default:
		r.listenerOption(l, key)
	}
}

func (r *reader) listenerOption(l *Listener, key []byte) {
	switch string(key) {
	case "traffic_direction":
		if l.Direction = r.enum("UNSPECIFIED", "INBOUND", "OUTBOUND"); l.Direction == "UNSPECIFIED" {
			l.Direction = ""
		}
	case "use_original_dst":
		l.UseOrigDst = r.wrapped()
	case "bind_to_port":
		l.BindToPort = r.wrapped()
	case "deprecated_v1": // Istio up to 1.7
		r.object(func(key []byte) {
			if string(key) == "bind_to_port" {
				l.BindToPort = r.wrapped()
				return
			}
			r.skip()
		})
	case "listener_filters_timeout":
		l.Timeout = r.duration()
	case "continue_on_listener_filters_timeout":
		l.ContinueOnTimeout = r.boolean()
	case "internal_listener":
		l.Internal = r.kind() != 'n'
		r.skip()
	default:
		r.skip()
	}
}

// listenerAddress puts an address at index at, the main one at 0 whenever it comes.
func (r *reader) listenerAddress(l *Listener, at int) {
	a := r.address()
	l.UDP = l.UDP || a.udp
	switch {
	case a.inside:
		l.Internal = true
	case a.pipe != "":
		l.Pipe = a.pipe
	case a.ip.IsValid():
		l.Addresses = append(l.Addresses, a.ip)
		copy(l.Addresses[at+1:], l.Addresses[at:])
		l.Addresses[at] = a.ip
	}
}

// listenerFilterKinds are the listener filters of which a verdict knows.
var listenerFilterKinds = map[string]ListenerFilterKind{
	"envoy.extensions.filters.listener.original_dst.v3.OriginalDst":     OriginalDst,
	"envoy.extensions.filters.listener.original_src.v3.OriginalSrc":     OriginalSrc,
	"envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector":   TLSInspector,
	"envoy.extensions.filters.listener.http_inspector.v3.HttpInspector": HTTPInspector,
	"envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol": ProxyProtocol,

	"envoy.config.filter.listener.original_dst.v2.OriginalDst":       OriginalDst,
	"envoy.config.filter.listener.original_src.v2alpha1.OriginalSrc": OriginalSrc,
	"envoy.config.filter.listener.tls_inspector.v2.TlsInspector":     TLSInspector,
	"envoy.config.filter.listener.http_inspector.v2.HttpInspector":   HTTPInspector,
	"envoy.config.filter.listener.proxy_protocol.v2.ProxyProtocol":   ProxyProtocol,

	// Envoy accepted the well-known names without a config until 1.22.
	"envoy.filters.listener.original_dst":   OriginalDst,
	"envoy.filters.listener.original_src":   OriginalSrc,
	"envoy.filters.listener.tls_inspector":  TLSInspector,
	"envoy.filters.listener.http_inspector": HTTPInspector,
	"envoy.filters.listener.proxy_protocol": ProxyProtocol,
	"envoy.listener.original_dst":           OriginalDst,
	"envoy.listener.tls_inspector":          TLSInspector,
	"envoy.listener.http_inspector":         HTTPInspector,
	"envoy.listener.proxy_protocol":         ProxyProtocol,
}

// neutralListenerFilters neither look at a connection for the chain match nor close it for
// what it says.
var neutralListenerFilters = map[string]bool{
	"envoy.extensions.filters.listener.local_ratelimit.v3.LocalRateLimit": true,
	"envoy.extensions.filters.listener.set_filter_state.v3.Config":        true,
	"istio.set_internal_dst_address.v1.Config":                            true,
	"cilium.BpfMetadata": true,
}

func (r *reader) listenerFilters() (filters []ListenerFilter) {
	r.list(func() { filters = append(filters, r.listenerFilter()) })
	return filters
}

func (r *reader) listenerFilter() ListenerFilter {
	f := ListenerFilter{Kind: OtherListener}
	typ := ""
	r.object(func(key []byte) {
		switch string(key) {
		case "name":
			f.Name = r.str()
		case "typed_config", "config":
			typ = r.anyOf(func(_ string, key []byte) { r.listenerFilterField(&f, key) })
		case "filter_disabled":
			f.Disabled = r.portPredicate()
		default:
			r.skip()
		}
	})
	if typ == "" {
		typ = f.Name
	}
	if kind, ok := listenerFilterKinds[typ]; ok {
		f.Kind = kind
	} else if !neutralListenerFilters[typ] && r.err == nil {
		r.note("listener filter " + typ)
	}
	return f
}

// listenerFilterField reads a field of a listener filter's config. Only proxy_protocol has some that say whether a
// connection goes on.
func (r *reader) listenerFilterField(f *ListenerFilter, key []byte) {
	switch string(key) {
	case "allow_requests_without_proxy_protocol":
		f.Optional = r.boolean()
	case "disallowed_versions":
		r.note("listener filter proxy_protocol with disallowed_versions")
		r.skip()
	default:
		r.skip()
	}
}

// portPredicate reads a ListenerFilterChainMatchPredicate.
func (r *reader) portPredicate() *PortPredicate {
	p := &PortPredicate{}
	r.object(func(key []byte) {
		switch string(key) {
		case "any_match":
			p.Any = r.boolean()
		case "destination_port_range":
			p.Range = r.portRange()
		case "not_match":
			p.Not = r.portPredicate()
		case "or_match":
			p.Or = r.portPredicates()
		case "and_match":
			p.And = r.portPredicates()
		default:
			r.skip()
		}
	})
	return p
}

func (r *reader) portPredicates() (set []*PortPredicate) {
	r.object(func(key []byte) {
		if string(key) == "rules" {
			r.list(func() { set = append(set, r.portPredicate()) })
			return
		}
		r.skip()
	})
	return set
}

// portRange reads an Int32Range.
func (r *reader) portRange() *PortRange {
	p := &PortRange{}
	r.object(func(key []byte) {
		switch string(key) {
		case "start":
			p.Start = r.u32()
		case "end":
			p.End = r.u32()
		default:
			r.skip()
		}
	})
	return p
}
