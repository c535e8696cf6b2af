package envoy

import (
	"net/netip"
	"testing"
	"time"
)

func TestCluster(t *testing.T) {
	for _, tc := range []struct {
		name, inside string
		want         Cluster
	}{
		{
			"EDS with the destination rule that shaped it",
			`"name":"outbound|80|v1|a.shop.svc.cluster.local","type":"EDS","eds_cluster_config":{"service_name":"eds-name"},
			 "metadata":{"filter_metadata":{"istio":{"config":"/apis/x/destination-rule/a","services":[{"host":"a.shop.svc.cluster.local","name":"a","namespace":"shop"}]},"other":{"config":"no"}}}`,
			Cluster{
				Name: "outbound|80|v1|a.shop.svc.cluster.local", Type: "EDS", ServiceName: "eds-name", Config: "/apis/x/destination-rule/a",
				Services: []ServiceRef{{"a.shop.svc.cluster.local", "a", "shop"}},
			},
		},
		{"the EDS name is the cluster's by default", `"name":"a","type":"EDS"`, Cluster{Name: "a", Type: "EDS", ServiceName: "a"}},
		{"a type as a number", `"name":"a","type":4`, Cluster{Name: "a", Type: "ORIGINAL_DST", ServiceName: "a"}},
		{"the zero type", `"name":"a"`, Cluster{Name: "a", Type: "STATIC", ServiceName: "a"}},
		{
			"an unknown cluster type", `"name":"a","cluster_type":{"name":"envoy.clusters.aggregate","typed_config":{` + typeOf("x.Y") + `,"clusters":["b"]}}`,
			Cluster{Name: "a", Type: "envoy.clusters.aggregate", ServiceName: "a"},
		},
		{
			"the DNS extension", `"name":"a","cluster_type":{"name":"envoy.cluster.dns","typed_config":{` + typeOf("x.Dns") + `}}`,
			Cluster{Name: "a", Type: "STRICT_DNS", ServiceName: "a"},
		},
		{
			"the DNS extension, logical", `"name":"a","cluster_type":{"typed_config":{` + typeOf("x.Dns") + `,"all_addresses_in_single_endpoint":true},"name":"envoy.cluster.dns"}`,
			Cluster{Name: "a", Type: "LOGICAL_DNS", ServiceName: "a"},
		},
		{
			"original destination with a header and a port", `"name":"a","type":"ORIGINAL_DST","original_dst_lb_config":{"use_http_header":true,"upstream_port_override":15008,"http_header_name":"x"}`,
			Cluster{Name: "a", Type: "ORIGINAL_DST", ServiceName: "a", UseHTTPHeader: true, PortOverride: 15008},
		},
		{
			"HTTP options",
			`"name":"a","typed_extension_protocol_options":{"other":{` + typeOf("x.Y") + `,"http2_protocol_options":{}},"envoy.extensions.upstreams.http.v3.HttpProtocolOptions":{` +
				typeOf("envoy.extensions.upstreams.http.v3.HttpProtocolOptions") + `,"upstream_http_protocol_options":{"auto_sni":true,"auto_san_validation":true,"x":1},"explicit_http_config":{"http2_protocol_options":{}}}}`,
			Cluster{Name: "a", Type: "STATIC", ServiceName: "a", AutoSNI: true, AutoSANValidation: true, HTTP: HTTP2},
		},
		{
			"HTTP options of another message are not HTTP options",
			`"name":"a","typed_extension_protocol_options":{"x":{` + typeOf("x.Y") + `,"explicit_http_config":{"http2_protocol_options":{}}}}`,
			Cluster{Name: "a", Type: "STATIC", ServiceName: "a"},
		},
		{
			"the extension wins over the fields of the cluster",
			`"name":"a","http2_protocol_options":{},"typed_extension_protocol_options":{"x":{` + typeOf(httpProtocolOptions) + `}},"upstream_http_protocol_options":{"auto_sni":true}`,
			Cluster{Name: "a", Type: "STATIC", ServiceName: "a"},
		},
		{
			"the caller's version of HTTP", `"name":"a","typed_extension_protocol_options":{"x":{` + typeOf(httpProtocolOptions) + `,"use_downstream_protocol_config":{"http2_protocol_options":{}}}}`,
			Cluster{Name: "a", Type: "STATIC", ServiceName: "a", HTTP: HTTPAsCalled},
		},
		{
			"the version of HTTP that ALPN gives", `"name":"a","typed_extension_protocol_options":{"x":{` + typeOf(httpProtocolOptions) + `,"auto_config":{"http2_protocol_options":{}}}}`,
			Cluster{Name: "a", Type: "STATIC", ServiceName: "a", HTTP: HTTPByALPN},
		},
		{
			"the caller's version as it was asked for before Envoy 1.17", `"name":"a","http2_protocol_options":{},"protocol_selection":"USE_DOWNSTREAM_PROTOCOL"`,
			Cluster{Name: "a", Type: "STATIC", ServiceName: "a", HTTP: HTTPAsCalled},
		},
		{
			"that and HTTP/2 in the other order", `"name":"a","protocol_selection":1,"http2_protocol_options":{}`,
			Cluster{Name: "a", Type: "STATIC", ServiceName: "a", HTTP: HTTPAsCalled},
		},
		{
			"an ALPN that Istio's filter leaves alone", `"name":"a","metadata":{"filter_metadata":{"istio":{"alpn_override":"false"}}}`,
			Cluster{Name: "a", Type: "STATIC", ServiceName: "a", KeepsALPN: true},
		},
		{"HTTP/2 as it was set before Envoy 1.17", `"name":"a","http2_protocol_options":{}`, Cluster{Name: "a", Type: "STATIC", ServiceName: "a", HTTP: HTTP2}},
		{
			"inline endpoints of a DNS cluster",
			`"name":"a","type":"STRICT_DNS","load_assignment":{"cluster_name":"a","endpoints":[{"lb_endpoints":[{"endpoint":{"address":{"socket_address":{"address":"httpbin.org","port_value":443}}}}]}]}`,
			Cluster{Name: "a", Type: "STRICT_DNS", ServiceName: "a", Endpoints: []Endpoint{{Hostname: "httpbin.org", Port: 443}}},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, p := oneCluster(t, tc.inside)
			tc.want.State = Active
			diff(t, "cluster", &tc.want, got)
			silent(t, p)
		})
	}
}

func TestSocketMatches(t *testing.T) {
	got, p := oneCluster(t, `"name":"a","transport_socket_matches":[
		{"name":"tlsMode-istio","match":{"tlsMode":"istio"},"transport_socket":{"name":"x","typed_config":{`+typeOf(upstreamTLS)+`,"sni":"s"}}},
		{"name":"tlsMode-disabled","match":{},"transport_socket":{"name":"x","typed_config":{`+typeOf(rawBuffer)+`}}}]`)
	want := []SocketMatch{
		{Name: "tlsMode-istio", Match: map[string]string{"tlsMode": "istio"}, Socket: &TransportSocket{Kind: TLS, TypeURL: upstreamTLS, TLS: &TLSContext{SNI: "s"}}},
		{Name: "tlsMode-disabled", Match: map[string]string{}, Socket: &TransportSocket{Kind: Raw, TypeURL: rawBuffer}},
	}
	diff(t, "matches", want, got.Matches)
	silent(t, p)
}

func TestSocketMatcherIsNamed(t *testing.T) {
	got, p := oneCluster(t, `"name":"a","transport_socket_matcher":{"matcher_tree":{}}`)
	if !got.HasMatcher {
		t.Error("HasMatcher = false")
	}
	diff(t, "unmodelled", []string{"Cluster.transport_socket_matcher"}, got.Unmodelled)
	noted(t, p, "Cluster.transport_socket_matcher")
}

func TestUnknownFieldOfASocketMatchIsNamed(t *testing.T) {
	got, p := oneCluster(t, `"name":"a","transport_socket_matches":[{"name":"m","novelty":1},{"name":"n","novelty":2}]`)
	diff(t, "unmodelled", []string{"TransportSocketMatch.novelty"}, got.Unmodelled)
	if n := p.Unmodelled["TransportSocketMatch.novelty"]; n != 2 {
		t.Errorf("counted %d times, want 2", n)
	}
}

func TestClusterStates(t *testing.T) {
	p := mustDump(t, dump(`{`+typeOf("envoy.admin.v3.ClustersConfigDump")+`,
		"static_clusters":[{"cluster":{"name":"s"},"last_updated":"2026-11-23T12:00:00.5Z"}],
		"dynamic_active_clusters":[{"version_info":"v1","cluster":{"name":"a"},"last_updated":"2026-11-23T12:00:00Z"}],
		"dynamic_warming_clusters":[{"version_info":"v2","cluster":{"name":"w"}}]}`))
	want := []Freshness{
		{State: Static, LastUpdated: testTime().Add(500 * time.Millisecond)},
		{State: Active, Version: "v1", LastUpdated: testTime()},
		{State: Warming, Version: "v2"},
	}
	var got []Freshness
	for _, c := range p.Clusters {
		got = append(got, c.Freshness)
	}
	diff(t, "freshness", want, got)
}

func TestEndpoints(t *testing.T) {
	p := mustDump(t, dump(`{`+typeOf("envoy.admin.v3.EndpointsConfigDump")+`,
	"static_endpoint_configs":[{"endpoint_config":{`+typeOf("envoy.config.endpoint.v3.ClusterLoadAssignment")+`,"cluster_name":"agent","endpoints":[
		{"lb_endpoints":[{"endpoint":{"address":{"pipe":{"path":"./socket"}}}}]}]}}],
	"dynamic_endpoint_configs":[{"endpoint_config":{`+typeOf("envoy.config.endpoint.v3.ClusterLoadAssignment")+`,"cluster_name":"a","endpoints":[
		{"lb_endpoints":[
			{"endpoint":{"hostname":"made-up","address":{"socket_address":{"address":"10.0.0.1","port_value":"80"}}},"health_status":1,"load_balancing_weight":3,
			 "metadata":{"filter_metadata":{"envoy.transport_socket_match":{"tlsMode":"istio","n":1,"deep":{"a":1}},"istio":{"workload":"a;shop;a;v1;k"}}}},
			{"endpoint":{"address":{"envoy_internal_address":{"server_listener_name":"connect_originate","endpoint_id":"x"}}},"health_status":"UNKNOWN"},
			{"endpoint":{"hostname":"only-a-name"}}],
		 "priority":2},
		{"lb_endpoints":[{"endpoint":{"address":{"socket_address":{"address":"fd00::1","port_value":80}}},"health_status":"DRAINING"}]}]}}]}`))
	want := map[string][]Endpoint{
		"agent": {{Pipe: "./socket"}},
		"a": {
			{
				Address: netip.MustParseAddrPort("10.0.0.1:80"), Health: "HEALTHY", Weight: 3, Priority: 2, Workload: "a;shop;a;v1;k",
				SocketMatch: map[string]string{"tlsMode": "istio", "n": "1", "deep": `{"a":1}`},
			},
			{Internal: "connect_originate", Priority: 2},
			{Hostname: "only-a-name", Priority: 2},
			{Address: netip.MustParseAddrPort("[fd00::1]:80"), Health: "DRAINING"},
		},
	}
	diff(t, "endpoints", want, p.Endpoints)
	if !p.Read.Has(SectionEndpoints) {
		t.Error("endpoints do not count as read")
	}
}

func TestEndpointListedForTwoClustersCountsOnce(t *testing.T) {
	one := `{"endpoint_config":{"cluster_name":"shared","endpoints":[{"lb_endpoints":[{"endpoint":{"address":{"pipe":{"path":"p"}}}}]}]}}`
	p := mustDump(t, dump(`{"dynamic_endpoint_configs":[`+one+`,`+one+`]}`))
	diff(t, "endpoints", map[string][]Endpoint{"shared": {{Pipe: "p"}}}, p.Endpoints)
}
