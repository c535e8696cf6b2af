package envoy

import (
	"slices"
	"strings"
	"testing"
)

func TestNetworkFilterKinds(t *testing.T) {
	for message, want := range map[string]FilterKind{
		tcpProxyMessage: TCPProxy, hcmMessage: HTTPManager, networkRBAC: RBACFilter,
		"envoy.extensions.filters.network.sni_cluster.v3.SniCluster": SNICluster,
		"envoy.extensions.filters.network.mysql_proxy.v3.MySQLProxy": AppProtocol,
		"envoy.tcp.metadataexchange.config.MetadataExchange":         Metadata,
		"io.istio.network.authn.Config":                              Metadata,
		"not.envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy": OtherFilter,
		"envoy.extensions.filters.network.ext_authz.v3.ExtAuthz":     OtherFilter,
	} {
		f, p := oneFilter(t, message, "")
		if f.Kind != want || f.TypeURL != message {
			t.Errorf("%s: kind %s, type %s", message, f.Kind, f.TypeURL)
		}
		if want == OtherFilter {
			noted(t, p, "network filter "+message)
		} else {
			silent(t, p)
		}
	}
}

func TestWasmTelemetryIsToldByName(t *testing.T) {
	inside := `"typed_config":{` + typeOf("udpa.type.v1.TypedStruct") + `,"type_url":"type.googleapis.com/envoy.extensions.filters.network.wasm.v3.Wasm","value":{"config":{}}}`
	c, p := oneChain(t, `"filters":[{"name":"istio.stats",`+inside+`},{"name":"mine",`+inside+`}]`)
	if c.Filters[0].Kind != Metadata || c.Filters[1].Kind != OtherFilter {
		t.Errorf("kinds %s and %s", c.Filters[0].Kind, c.Filters[1].Kind)
	}
	noted(t, p, "network filter envoy.extensions.filters.network.wasm.v3.Wasm")
}

func TestTCPProxy(t *testing.T) {
	f, _ := oneFilter(t, tcpProxyMessage, `,"stat_prefix":"s","cluster":"outbound|80||a"`)
	diff(t, "clusters", []WeightedCluster{{Name: "outbound|80||a"}}, f.Clusters)
	f, _ = oneFilter(t, tcpProxyMessage, `,"weighted_clusters":{"clusters":[{"name":"a","weight":90},{"name":"b","weight":"10","metadata_match":{}}]}`)
	diff(t, "clusters", []WeightedCluster{{"a", 90}, {"b", 10}}, f.Clusters)
	f, _ = oneFilter(t, tcpProxyMessage, `,"cluster":"a","tunneling_config":{"hostname":"b:80"}`)
	diff(t, "tunnel", &Filter{Kind: TCPProxy, Name: f.Name, TypeURL: tcpProxyMessage, Clusters: []WeightedCluster{{Name: "a"}}, Tunnels: true}, f)
}

func TestHTTPManager(t *testing.T) {
	f, p := oneFilter(t, hcmMessage, `,"codec_type":2,"rds":{"config_source":{"ads":{}},"route_config_name":"80"},"http_filters":[
		{"name":"istio.alpn","typed_config":{`+typeOf(istioALPN)+`,"alpn_override":[{"alpn_override":["istio-http/1.0","istio"]},{"upstream_protocol":"HTTP2","alpn_override":["istio-h2"]}]}},
		{"name":"off","disabled":true,"typed_config":{`+typeOf(httpRBAC)+`}},
		{"name":"jwt","typed_config":{`+typeOf("envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication")+`}},
		{"name":"ecds","config_discovery":{}},
		{"name":"wasm","typed_config":{`+typeOf("envoy.extensions.filters.http.wasm.v3.Wasm")+`,"config":{}}},
		{"name":"envoy.filters.http.router"}]`)
	want := &Filter{
		Kind: HTTPManager, Name: "f", TypeURL: hcmMessage, CodecType: "HTTP2", RouteName: "80",
		HTTPFilters: []*Filter{
			{Kind: ALPNFilter, Name: "istio.alpn", TypeURL: istioALPN, ALPN: map[string][]string{"HTTP10": {"istio-http/1.0", "istio"}, "HTTP2": {"istio-h2"}}},
			{Kind: JWTFilter, Name: "jwt", TypeURL: "envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication"},
			{Kind: OtherFilter, Name: "ecds", TypeURL: "config_discovery"},
			{Kind: OtherFilter, Name: "wasm", TypeURL: "envoy.extensions.filters.http.wasm.v3.Wasm"},
			{Kind: RouterHTTP, Name: "envoy.filters.http.router"},
		},
	}
	diff(t, "filter", want, f)
	silent(t, p)
}

func TestInlineRoutes(t *testing.T) {
	f, _ := oneFilter(t, hcmMessage, `,"route_config":{"name":"inbound|80||","virtual_hosts":[{"name":"v","domains":["*"],"routes":[{"name":"default","match":{"prefix":"/"},"route":{"cluster":"inbound|80||"}}]}]}`)
	want := &RouteConfig{
		Name: "inbound|80||", Freshness: Freshness{State: Static},
		VirtualHosts: []*VirtualHost{{Name: "v", Domains: []string{"*"}, Routes: []*Route{
			{Name: "default", CatchAll: true, Match: "prefix /", Clusters: []WeightedCluster{{Name: "inbound|80||"}}},
		}}},
	}
	diff(t, "routes", want, f.Routes)
}

func TestScopedRoutesAreNoted(t *testing.T) {
	_, p := oneFilter(t, hcmMessage, `,"scoped_routes":{"name":"x"}`)
	noted(t, p, "HttpConnectionManager.scoped_routes")
}

func TestRoutes(t *testing.T) {
	for _, tc := range []struct {
		name, inside string
		want         Route
	}{
		{"everything", `"match":{"prefix":"/"},"route":{"cluster":"c"}`, Route{CatchAll: true, Match: "prefix /", Clusters: []WeightedCluster{{Name: "c"}}}},
		{
			"of a VirtualService", `"match":{"prefix":"/"},"metadata":{"filter_metadata":{"istio":{"config":"/apis/x/virtual-service/a","other":1}}}`,
			Route{CatchAll: true, Match: "prefix /", Config: "/apis/x/virtual-service/a"},
		},
		{"everything, in any case", `"match":{"prefix":"/","case_sensitive":true}`, Route{CatchAll: true, Match: "prefix /"}},
		{"a prefix", `"match":{"prefix":"/api"}`, Route{Match: "prefix /api"}},
		{"a path", `"match":{"path":"/"}`, Route{Match: "path /"}},
		{"a path prefix", `"match":{"path_separated_prefix":"/a"}`, Route{Match: "path separated prefix /a"}},
		{"a regex", `"match":{"safe_regex":{"regex":"/.*"}}`, Route{Match: "regex /.*"}},
		{"a template", `"match":{"path_match_policy":{"name":"x"}}`, Route{Match: "with path match policy"}},
		{"CONNECT", `"match":{"connect_matcher":{}}`, Route{Match: "CONNECT"}},
		{"a header", `"match":{"prefix":"/","headers":[{"name":"x-user","string_match":{"exact":"a"}}],"query_parameters":[{"name":"q"}]}`, Route{Match: "prefix / with header x-user and query parameter q"}},
		{"conditions in one order", `"match":{"grpc":{},"novelty":1,"runtime_fraction":{},"cookies":[{"name":"c"}],"headers":[{"name":"h"}],"prefix":"/"}`, Route{Match: "prefix / with runtime fraction and header h and cookie c and grpc and novelty"}},
		{"a share", `"match":{"prefix":"/","runtime_fraction":{}}`, Route{Match: "prefix / with runtime fraction"}},
		{"gRPC", `"match":{"prefix":"/","grpc":{}}`, Route{Match: "prefix / with grpc"}},
		{"weights", `"route":{"weighted_clusters":{"clusters":[{"name":"a","weight":1},{"name":"b","weight":2}]}}`, Route{Clusters: []WeightedCluster{{"a", 1}, {"b", 2}}}},
		{"a cluster in a header", `"route":{"cluster_header":"x-cluster"}`, Route{ClusterHeader: "x-cluster"}},
		{"a redirect", `"redirect":{"https_redirect":true}`, Route{Redirect: true}},
		{"a direct response", `"direct_response":{"status":404}`, Route{DirectResponse: 404}},
		{"an action of the future", `"non_forwarding_action":{}`, Route{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := mustDump(t, routesDump(`"name":"80","virtual_hosts":[{"name":"v","domains":["*"],"routes":[{`+tc.inside+`}]}]`))
			diff(t, "route", &tc.want, p.Routes["80"].VirtualHosts[0].Routes[0])
			silent(t, p)
		})
	}
}

func TestRouteThingsThatAreNoted(t *testing.T) {
	const perRoute = "envoy.extensions.filters.http.rbac.v3.RBACPerRoute"
	own := `"typed_per_filter_config":{"x":{` + typeOf(perRoute) + `,"rbac":{}}}`
	for inside, path := range map[string]string{
		`"vhds":{}`:                        "RouteConfiguration.vhds",
		`"virtual_hosts":[{"matcher":{}}]`: "VirtualHost.matcher",
		own:                                perRoute,
		`"virtual_hosts":[{` + own + `}]`:  perRoute,
		`"virtual_hosts":[{"routes":[{` + own + `}]}]`:                                                perRoute,
		`"virtual_hosts":[{"routes":[{"route":{"weighted_clusters":{"clusters":[{` + own + `}]}}}]}]`: perRoute,
	} {
		p := mustDump(t, routesDump(`"name":"80",`+inside))
		noted(t, p, path)
		rc := p.Routes["80"]
		said := slices.Contains(rc.Unmodelled, path) || rc.OwnRBAC && strings.HasSuffix(path, ".RBACPerRoute")
		for _, v := range rc.VirtualHosts {
			said = said || slices.Contains(v.Unmodelled, path)
		}
		if !said {
			t.Errorf("%s: the route configuration does not say so: %+v", path, rc)
		}
	}
}

func TestDynamicRoutesWinOverInlineOnes(t *testing.T) {
	static := `"static_route_configs":[{"route_config":{"name":"80","virtual_hosts":[]}},{"route_config":{"name":"81"}},{"route_config":{}}]`
	dynamic := `"dynamic_route_configs":[{"version_info":"v1","route_config":{"name":"80","virtual_hosts":[{"name":"v"}]}}]`
	for _, text := range []string{static + "," + dynamic, dynamic + "," + static} {
		p := mustDump(t, dump(`{`+text+`}`))
		if len(p.Routes) != 2 || p.Routes["80"].State != Active || p.Routes["81"].State != Static {
			t.Errorf("routes = %+v", p.Routes)
		}
	}
}
