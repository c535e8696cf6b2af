//go:build !race

package envoy

import (
	"net/netip"
	"slices"
	"time"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listener "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	httpinspector "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/listener/http_inspector/v3"
	originaldst "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/listener/original_dst/v3"
	originalsrc "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/listener/original_src/v3"
	proxyprotocol "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/listener/proxy_protocol/v3"
	tlsinspector "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/listener/tls_inspector/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
)

func (m *protoModel) listener(msg *listener.Listener) *Listener {
	l := &Listener{
		Name:              msg.GetName(),
		BindToPort:        bindsToPort(msg),
		UseOrigDst:        msg.GetUseOriginalDst().GetValue(),
		ContinueOnTimeout: msg.GetContinueOnListenerFiltersTimeout(),
		Timeout:           15 * time.Second, // listener_filters_timeout: "If not specified, a default timeout of 15s is used."
		Internal:          msg.GetInternalListener() != nil,
		Unmodelled:        chainChoice(msg),
	}
	if d := msg.GetListenerFiltersTimeout(); d != nil {
		l.Timeout = d.AsDuration()
	}
	if dir := msg.GetTrafficDirection(); dir != core.TrafficDirection_UNSPECIFIED {
		l.Direction = dir.String()
	}
	m.listenerAddress(l, msg.GetAddress())
	for _, more := range msg.GetAdditionalAddresses() {
		m.listenerAddress(l, more.GetAddress())
	}
	for _, f := range msg.GetListenerFilters() {
		l.Filters = append(l.Filters, m.listenerFilter(f))
	}
	for _, c := range msg.GetFilterChains() {
		l.FilterChains = append(l.FilterChains, m.chain(c, l))
	}
	if c := msg.GetDefaultFilterChain(); c != nil {
		l.Default = m.chain(c, l)
	}
	return l
}

// bindsToPort: "The default is true"; Istio up to 1.7 set the older field.
func bindsToPort(msg *listener.Listener) bool {
	if b := msg.GetBindToPort(); b != nil {
		return b.GetValue()
	}
	if b := msg.GetDeprecatedV1().GetBindToPort(); b != nil { //nolint:staticcheck // deprecated, and still printed by proxies
		return b.GetValue()
	}
	return true
}

// chainChoice names the other ways to choose a filter chain.
func chainChoice(msg *listener.Listener) (paths []string) {
	if msg.GetFilterChainMatcher() != nil {
		paths = append(paths, "Listener.filter_chain_matcher")
	}
	if msg.GetFcdsConfig() != nil {
		paths = append(paths, "Listener.fcds_config")
	}
	return paths
}

func (m *protoModel) listenerAddress(l *Listener, a *core.Address) {
	switch {
	case a.GetEnvoyInternalAddress() != nil:
		l.Internal = true
	case a.GetPipe() != nil:
		l.Pipe = a.GetPipe().GetPath()
	case a.GetSocketAddress() != nil:
		l.UDP = l.UDP || a.GetSocketAddress().GetProtocol() == core.SocketAddress_UDP
		if ip := ipOf(a); ip.IsValid() {
			l.Addresses = append(l.Addresses, ip)
		}
	}
}

func ipOf(a *core.Address) netip.AddrPort {
	s := a.GetSocketAddress()
	ip, err := netip.ParseAddr(s.GetAddress())
	if err != nil || s.GetPortValue() > 65535 {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(ip, uint16(s.GetPortValue()))
}

func (m *protoModel) listenerFilter(f *listener.ListenerFilter) ListenerFilter {
	out := ListenerFilter{Name: f.GetName(), Kind: OtherListener}
	if d := f.GetFilterDisabled(); d != nil {
		out.Disabled = predicate(d)
	}
	if f.GetTypedConfig() == nil {
		if kind := listenerFilterKinds[f.GetName()]; kind != "" {
			out.Kind = kind
		}
		return out
	}
	switch msg := unpack(m.t, f.GetTypedConfig()).(type) {
	case *originaldst.OriginalDst:
		out.Kind = OriginalDst
	case *originalsrc.OriginalSrc:
		out.Kind = OriginalSrc
	case *tlsinspector.TlsInspector:
		out.Kind = TLSInspector
	case *httpinspector.HttpInspector:
		out.Kind = HTTPInspector
	case *proxyprotocol.ProxyProtocol:
		out.Kind, out.Optional = ProxyProtocol, msg.GetAllowRequestsWithoutProxyProtocol()
	}
	return out
}

func predicate(p *listener.ListenerFilterChainMatchPredicate) *PortPredicate {
	switch r := p.GetRule().(type) {
	case *listener.ListenerFilterChainMatchPredicate_AnyMatch:
		return &PortPredicate{Any: r.AnyMatch}
	case *listener.ListenerFilterChainMatchPredicate_DestinationPortRange:
		return &PortPredicate{Range: rangeOf(r.DestinationPortRange)}
	case *listener.ListenerFilterChainMatchPredicate_NotMatch:
		return &PortPredicate{Not: predicate(r.NotMatch)}
	case *listener.ListenerFilterChainMatchPredicate_OrMatch:
		return &PortPredicate{Or: predicates(r.OrMatch)}
	case *listener.ListenerFilterChainMatchPredicate_AndMatch:
		return &PortPredicate{And: predicates(r.AndMatch)}
	}
	return &PortPredicate{}
}

func predicates(set *listener.ListenerFilterChainMatchPredicate_MatchSet) (out []*PortPredicate) {
	for _, p := range set.GetRules() {
		out = append(out, predicate(p))
	}
	return out
}

func rangeOf(r *typev3.Int32Range) *PortRange {
	return &PortRange{Start: uint32(r.GetStart()), End: uint32(r.GetEnd())}
}

// chain reads a filter chain. What it leaves over is named by its listener.
func (m *protoModel) chain(c *listener.FilterChain, l *Listener) *FilterChain {
	out := &FilterChain{
		Name:           c.GetName(),
		Match:          m.chainMatch(c.GetFilterChainMatch()),
		Socket:         m.socket(c.GetTransportSocket()),
		ConnectTimeout: c.GetTransportSocketConnectTimeout().AsDuration(),
		Config:         originOf(c.GetMetadata()),
	}
	for _, f := range c.GetFilters() {
		out.Filters = append(out.Filters, m.filter(f))
	}
	for _, path := range m.leftOver(c, "FilterChain", "name", "filter_chain_match", "filters",
		"transport_socket", "transport_socket_connect_timeout", "metadata") {
		if !slices.Contains(l.Unmodelled, path) {
			l.Unmodelled = append(l.Unmodelled, path)
		}
	}
	return out
}

func (m *protoModel) chainMatch(f *listener.FilterChainMatch) FilterChainMatch {
	out := FilterChainMatch{
		DestinationPort:      f.GetDestinationPort().GetValue(),
		ServerNames:          f.GetServerNames(),
		TransportProtocol:    f.GetTransportProtocol(),
		ApplicationProtocols: f.GetApplicationProtocols(),
		SourcePorts:          f.GetSourcePorts(),
		DestinationPrefixes:  prefixesOf(f.GetPrefixRanges()),
		DirectSourcePrefixes: prefixesOf(f.GetDirectSourcePrefixRanges()),
		SourcePrefixes:       prefixesOf(f.GetSourcePrefixRanges()),
	}
	if s := f.GetSourceType(); s != listener.FilterChainMatch_ANY {
		out.SourceType = s.String()
	}
	out.Unmodelled = m.leftOver(f, "FilterChainMatch", "destination_port", "prefix_ranges", "server_names",
		"transport_protocol", "application_protocols", "direct_source_prefix_ranges", "source_type",
		"source_prefix_ranges", "source_ports")
	if anyInvalid(f.GetPrefixRanges(), f.GetDirectSourcePrefixRanges(), f.GetSourcePrefixRanges()) {
		out.Unmodelled = append(out.Unmodelled, "FilterChainMatch.prefix_ranges")
	}
	return out
}

func prefixesOf(ranges []*core.CidrRange) (out []netip.Prefix) {
	for _, r := range ranges {
		if p := prefixOf(r); p.IsValid() {
			out = append(out, p)
		}
	}
	return out
}

// prefixOf is invalid when the range is.
func prefixOf(r *core.CidrRange) netip.Prefix {
	ip, err := netip.ParseAddr(r.GetAddressPrefix())
	if err != nil {
		return netip.Prefix{}
	}
	return netip.PrefixFrom(ip, int(r.GetPrefixLen().GetValue()))
}

func anyInvalid(lists ...[]*core.CidrRange) bool {
	return slices.ContainsFunc(slices.Concat(lists...), func(r *core.CidrRange) bool { return !prefixOf(r).IsValid() })
}
