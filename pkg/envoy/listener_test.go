package envoy

import (
	"net/netip"
	"testing"
	"time"
)

func addresses(texts ...string) (out []netip.AddrPort) {
	for _, text := range texts {
		out = append(out, netip.MustParseAddrPort(text))
	}
	return out
}

func TestListener(t *testing.T) {
	for _, tc := range []struct {
		name, inside string
		want         Listener
	}{
		{
			"defaults", `"name":"l","address":{"socket_address":{"address":"0.0.0.0","port_value":15006}}`,
			Listener{Name: "l", Addresses: addresses("0.0.0.0:15006"), BindToPort: true, Timeout: 15 * time.Second},
		},
		{
			"what istiod sends",
			`"name":"virtualInbound","traffic_direction":1,"use_original_dst":true,"bind_to_port":false,"listener_filters_timeout":"0s","continue_on_listener_filters_timeout":true,"access_log":[{}]`,
			Listener{Name: "virtualInbound", Direction: "INBOUND", UseOrigDst: true, ContinueOnTimeout: true},
		},
		{
			"the main address first, whenever it comes",
			`"additional_addresses":[{"address":{"socket_address":{"address":"::","port_value":1}}},{"address":{"socket_address":{"address":"10.0.0.1","port_value":2}}}],"address":{"socket_address":{"address":"0.0.0.0","port_value":3}}`,
			Listener{Addresses: addresses("0.0.0.0:3", "[::]:1", "10.0.0.1:2"), BindToPort: true, Timeout: 15 * time.Second},
		},
		{"a unix socket", `"address":{"pipe":{"path":"/tmp/x"}}`, Listener{Pipe: "/tmp/x", BindToPort: true, Timeout: 15 * time.Second}},
		{"an internal listener", `"internal_listener":{}`, Listener{Internal: true, BindToPort: true, Timeout: 15 * time.Second}},
		{"UDP", `"address":{"socket_address":{"protocol":"UDP","address":"0.0.0.0","port_value":53}}`, Listener{UDP: true, Addresses: addresses("0.0.0.0:53"), BindToPort: true, Timeout: 15 * time.Second}},
		{"binding as Istio 1.7 switched it off", `"deprecated_v1":{"bind_to_port":false}`, Listener{Timeout: 15 * time.Second}},
		{"unspecified direction", `"traffic_direction":"UNSPECIFIED"`, Listener{BindToPort: true, Timeout: 15 * time.Second}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, p := oneListener(t, tc.inside)
			tc.want.State = Static
			diff(t, "listener", &tc.want, got)
			silent(t, p)
		})
	}
}

func TestChainMatcherIsNamed(t *testing.T) {
	l, p := oneListener(t, `"name":"l","filter_chain_matcher":{"matcher_tree":{}},"filter_chains":[{"name":"c"}]`)
	diff(t, "unmodelled", []string{"Listener.filter_chain_matcher"}, l.Unmodelled)
	noted(t, p, "Listener.filter_chain_matcher")
}

func TestListenerFilters(t *testing.T) {
	l, p := oneListener(t, `"listener_filters":[
		{"name":"a","typed_config":{`+typeOf("envoy.extensions.filters.listener.original_dst.v3.OriginalDst")+`}},
		{"name":"b","typed_config":{`+typeOf("envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector")+`},"filter_disabled":{"or_match":{"rules":[
			{"destination_port_range":{"start":80,"end":81}},{"not_match":{"any_match":true}},{"and_match":{"rules":[{"any_match":true}]}}]}}},
		{"name":"envoy.filters.listener.http_inspector"},
		{"name":"envoy.filters.listener.tls_inspector","typed_config":{`+typeOf("vendor.Inspector")+`}}]`)
	want := []ListenerFilter{
		{Kind: OriginalDst, Name: "a"},
		{Kind: TLSInspector, Name: "b", Disabled: &PortPredicate{Or: []*PortPredicate{
			{Range: &PortRange{80, 81}}, {Not: &PortPredicate{Any: true}}, {And: []*PortPredicate{{Any: true}}},
		}}},
		{Kind: HTTPInspector, Name: "envoy.filters.listener.http_inspector"},
		{Kind: OtherListener, Name: "envoy.filters.listener.tls_inspector"},
	}
	diff(t, "filters", want, l.Filters)
	noted(t, p, "listener filter vendor.Inspector")
}

func TestPortPredicate(t *testing.T) {
	for _, tc := range []struct {
		name string
		p    *PortPredicate
		want bool
	}{
		{"nil never matches", nil, false},
		{"empty never matches", &PortPredicate{}, false},
		{"any", &PortPredicate{Any: true}, true},
		{"in range", &PortPredicate{Range: &PortRange{80, 81}}, true},
		{"the end is outside", &PortPredicate{Range: &PortRange{79, 80}}, false},
		{"not", &PortPredicate{Not: &PortPredicate{Any: true}}, false},
		{"or", &PortPredicate{Or: []*PortPredicate{{Range: &PortRange{1, 2}}, {Range: &PortRange{80, 81}}}}, true},
		{"none of or", &PortPredicate{Or: []*PortPredicate{{Range: &PortRange{1, 2}}}}, false},
		{"and", &PortPredicate{And: []*PortPredicate{{Any: true}, {Range: &PortRange{80, 81}}}}, true},
		{"not all of and", &PortPredicate{And: []*PortPredicate{{Any: true}, {Range: &PortRange{1, 2}}}}, false},
	} {
		if got := tc.p.Matches(80); got != tc.want {
			t.Errorf("%s: Matches(80) = %v", tc.name, got)
		}
	}
}

func TestFilterChain(t *testing.T) {
	c, p := oneChain(t, `"name":"inbound","transport_socket_connect_timeout":"15s","metadata":{"filter_metadata":{"istio":{"config":"/apis/x/virtual-service/a"}}},
		"transport_socket":{"name":"x","typed_config":{`+typeOf(downstreamTLS)+`,"require_client_certificate":true,"session_timeout":"1s"}},
		"filter_chain_match":{"destination_port":8080,"prefix_ranges":[{"address_prefix":"10.0.0.0","prefix_len":8},{"address_prefix":"::","prefix_len":0}],
			"server_names":["a.b"],"transport_protocol":"tls","application_protocols":["istio","h2"],"direct_source_prefix_ranges":[{"address_prefix":"1.1.1.1","prefix_len":32}],
			"source_type":"EXTERNAL","source_prefix_ranges":[{"address_prefix":"127.0.0.6","prefix_len":32}],"source_ports":[1,"2"]}`)
	want := &FilterChain{
		Name: "inbound", ConnectTimeout: 15 * time.Second, Config: "/apis/x/virtual-service/a",
		Socket: &TransportSocket{Kind: TLS, TypeURL: downstreamTLS, TLS: &TLSContext{RequireClientCertificate: true}},
		Match: FilterChainMatch{
			DestinationPort: 8080, DestinationPrefixes: prefixes("10.0.0.0/8", "::/0"), ServerNames: []string{"a.b"},
			TransportProtocol: "tls", ApplicationProtocols: []string{"istio", "h2"}, DirectSourcePrefixes: prefixes("1.1.1.1/32"),
			SourceType: "EXTERNAL", SourcePrefixes: prefixes("127.0.0.6/32"), SourcePorts: []uint32{1, 2},
		},
	}
	diff(t, "chain", want, c)
	silent(t, p)
}

func prefixes(texts ...string) (out []netip.Prefix) {
	for _, text := range texts {
		out = append(out, netip.MustParsePrefix(text))
	}
	return out
}

func TestFilterChainMatchNamesWhatItDoesNotKnow(t *testing.T) {
	for path, match := range map[string]string{
		"FilterChainMatch.novelty":       `"novelty":"x"`,
		"FilterChainMatch.suffix_len":    `"suffix_len":8`,
		"FilterChainMatch.prefix_ranges": `"prefix_ranges":[{"address_prefix":"nonsense","prefix_len":8}]`,
	} {
		c, p := oneChain(t, `"filter_chain_match":{`+match+`}`)
		diff(t, path, []string{path}, c.Match.Unmodelled)
		if len(p.Unmodelled) == 0 {
			t.Errorf("%s is not counted", path)
		}
	}
}

func TestDefaultFilterChain(t *testing.T) {
	l, _ := oneListener(t, `"default_filter_chain":{"name":"d"},"filter_chains":[{"name":"c"}]`)
	diff(t, "default", &FilterChain{Name: "d"}, l.Default)
}

func TestUnknownFieldOfAChainIsNamed(t *testing.T) {
	l, p := oneListener(t, `"filter_chains":[{"use_proxy_proto":true}]`)
	diff(t, "unmodelled", []string{"FilterChain.use_proxy_proto"}, l.Unmodelled)
	noted(t, p, "FilterChain.use_proxy_proto")
}
