package envoy

import "strings"

const (
	tcpProxyMessage = "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy"
	hcmMessage      = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
	networkRBAC     = "envoy.extensions.filters.network.rbac.v3.RBAC"
	httpRBAC        = "envoy.extensions.filters.http.rbac.v3.RBAC"
	tcpProxyV2      = "envoy.config.filter.network.tcp_proxy.v2.TcpProxy"
	hcmV2           = "envoy.config.filter.network.http_connection_manager.v2.HttpConnectionManager"
	networkRBACv2   = "envoy.config.filter.network.rbac.v2.RBAC"
	httpRBACv2      = "envoy.config.filter.http.rbac.v2.RBAC"
	istioALPN       = "istio.envoy.config.filter.http.alpn.v2alpha1.FilterConfig"
)

// filterKinds are the network filters, by message. Where a control plane leaves the config
// out, the well-known name stands for the message.
var filterKinds = map[string]FilterKind{
	tcpProxyMessage: TCPProxy,
	tcpProxyV2:      TCPProxy,
	hcmMessage:      HTTPManager,
	hcmV2:           HTTPManager,
	networkRBAC:     RBACFilter,
	networkRBACv2:   RBACFilter,

	"envoy.extensions.filters.network.sni_cluster.v3.SniCluster": SNICluster,
	"envoy.filters.network.sni_cluster":                          SNICluster,

	"envoy.extensions.filters.network.mysql_proxy.v3.MySQLProxy":            AppProtocol,
	"envoy.extensions.filters.network.redis_proxy.v3.RedisProxy":            AppProtocol,
	"envoy.extensions.filters.network.mongo_proxy.v3.MongoProxy":            AppProtocol,
	"envoy.extensions.filters.network.thrift_proxy.v3.ThriftProxy":          AppProtocol,
	"envoy.extensions.filters.network.dubbo_proxy.v3.DubboProxy":            AppProtocol,
	"envoy.extensions.filters.network.zookeeper_proxy.v3.ZooKeeperProxy":    AppProtocol,
	"envoy.extensions.filters.network.postgres_proxy.v3alpha.PostgresProxy": AppProtocol,
	"envoy.extensions.filters.network.kafka_broker.v3.KafkaBroker":          AppProtocol,
	"envoy.config.filter.network.mysql_proxy.v1alpha1.MySQLProxy":           AppProtocol,
	"envoy.config.filter.network.redis_proxy.v2.RedisProxy":                 AppProtocol,
	"envoy.config.filter.network.mongo_proxy.v2.MongoProxy":                 AppProtocol,

	"envoy.tcp.metadataexchange.config.MetadataExchange": Metadata,
	"stats.PluginConfig": Metadata,
	"istio.envoy.config.filter.network.metadata_exchange.Config":           Metadata,
	"io.istio.http.peer_metadata.Config":                                   Metadata,
	"envoy.extensions.filters.network.set_filter_state.v3.Config":          Metadata,
	"envoy.extensions.filters.network.connection_limit.v3.ConnectionLimit": Metadata,
	"envoy.extensions.filters.network.local_ratelimit.v3.LocalRateLimit":   Metadata,
	"istio.mixer.v1.config.client.TcpClientConfig":                         Metadata,
	"envoy.filters.network.upstream.metadata_exchange":                     Metadata,
	"io.istio.network.authn.Config":                                        Metadata,
	"istio.stats":                                                          Metadata,
	"istio.metadata_exchange":                                              Metadata,
}

// httpFilterKinds are the HTTP filters of which a verdict knows, by message.
var httpFilterKinds = map[string]FilterKind{
	httpRBAC:   RBACFilter,
	httpRBACv2: RBACFilter,
	istioALPN:  ALPNFilter,

	"envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication": JWTFilter,
	"envoy.config.filter.http.jwt_authn.v2alpha.JwtAuthentication": JWTFilter,
	"envoy.extensions.filters.http.router.v3.Router":               RouterHTTP,
	"envoy.config.filter.http.router.v2.Router":                    RouterHTTP,
	"envoy.filters.http.router":                                    RouterHTTP,
	"envoy.router":                                                 RouterHTTP,
	"stats.PluginConfig":                                           Metadata,
	"io.istio.http.peer_metadata.Config":                           Metadata,
	"envoy.extensions.filters.http.grpc_stats.v3.FilterConfig":     Metadata,
	"envoy.config.filter.http.grpc_stats.v2alpha.FilterConfig":     Metadata,
	"envoy.extensions.filters.http.cors.v3.Cors":                   Metadata,
	"envoy.extensions.filters.http.fault.v3.HTTPFault":             Metadata,
	"envoy.extensions.filters.http.grpc_web.v3.GrpcWeb":            Metadata,
	"envoy.extensions.filters.http.set_filter_state.v3.Config":     Metadata,
}

// filter reads a network filter.
func (r *reader) filter() *Filter {
	f := &Filter{}
	r.object(func(key []byte) {
		switch string(key) {
		case "name":
			f.Name = r.str()
		case "typed_config", "config":
			f.TypeURL = r.anyOf(func(typ string, key []byte) { r.networkField(f, typ, key) })
		case "config_discovery":
			f.TypeURL = "config_discovery"
			r.skip()
		default:
			r.skip()
		}
	})
	f.Kind = r.kindOf(f, filterKinds)
	if f.Kind == OtherFilter && r.err == nil {
		r.note("network filter " + typeOrName(f))
	}
	return f
}

func typeOrName(f *Filter) string {
	if f.TypeURL != "" {
		return f.TypeURL
	}
	return f.Name
}

// kindOf decides by message, and by name only where there is no message.
func (r *reader) kindOf(f *Filter, kinds map[string]FilterKind) FilterKind {
	kind, ok := kinds[typeOrName(f)]
	if kind == RBACFilter && f.RBAC == nil {
		f.RBAC = &RBAC{Action: "ALLOW"} // no rules at all: it enforces nothing
	}
	if ok {
		return kind
	}
	if isWasmStats(f.Name) {
		return Metadata
	}
	return OtherFilter
}

// isWasmStats tells Istio's telemetry extensions, which before 1.20 were Wasm filters of one
// generic message and are told apart only by name.
func isWasmStats(name string) bool {
	return name == "istio.stats" || name == "istio.metadata_exchange" ||
		strings.HasPrefix(name, "istio.stats_") || strings.HasPrefix(name, "istio.access_log")
}

func (r *reader) networkField(f *Filter, typ string, key []byte) {
	r.v2 = r.v2 || typ == tcpProxyV2 || typ == hcmV2
	switch typ {
	case tcpProxyMessage, tcpProxyV2:
		r.tcpProxyField(f, key)
	case hcmMessage, hcmV2:
		r.managerField(f, key)
	case networkRBAC, networkRBACv2:
		r.rbacFilterField(f, key)
	default:
		r.skip()
	}
}

func (r *reader) tcpProxyField(f *Filter, key []byte) {
	switch string(key) {
	case "cluster":
		f.Clusters = []WeightedCluster{{Name: r.str()}}
	case "weighted_clusters":
		f.Clusters = r.weightedClusters()
	case "tunneling_config":
		f.Tunnels = r.kind() != 'n'
		r.skip()
	default:
		r.skip()
	}
}

// weightedClusters reads the clusters of a TcpProxy.WeightedCluster or a route's.
func (r *reader) weightedClusters() (out []WeightedCluster) {
	r.object(func(key []byte) {
		if string(key) == "clusters" {
			r.list(func() { out = append(out, r.weightedCluster()) })
			return
		}
		r.skip()
	})
	return out
}

func (r *reader) weightedCluster() (w WeightedCluster) {
	r.object(func(key []byte) {
		switch string(key) {
		case "name":
			w.Name = r.str()
		case "weight":
			w.Weight = r.u32()
		case "typed_per_filter_config":
			r.perFilter()
		default:
			r.skip()
		}
	})
	return w
}

// managerField reads a field of an HttpConnectionManager.
func (r *reader) managerField(f *Filter, key []byte) {
	switch string(key) {
	case "codec_type":
		f.CodecType = r.enum("AUTO", "HTTP1", "HTTP2", "HTTP3")
	case "route_config":
		f.Routes = memo(r, "route_config", (*reader).inlineRoutes)
	case "rds":
		r.object(func(key []byte) {
			if string(key) == "route_config_name" {
				f.RouteName = r.str()
				return
			}
			r.skip()
		})
	case "http_filters":
		f.HTTPFilters = memo(r, "http_filters", (*reader).httpFilters)
	case "scoped_routes":
		r.note("HttpConnectionManager.scoped_routes")
		r.skip()
	default:
		r.skip()
	}
}

func (r *reader) httpFilters() (filters []*Filter) {
	r.list(func() {
		if f := r.httpFilter(); f != nil {
			filters = append(filters, f)
		}
	})
	return filters
}

// httpFilter reads an HttpFilter, nil when it is switched off.
func (r *reader) httpFilter() *Filter {
	f := &Filter{}
	disabled := false
	r.object(func(key []byte) {
		switch string(key) {
		case "name":
			f.Name = r.str()
		case "typed_config", "config":
			f.TypeURL = r.anyOf(func(typ string, key []byte) { r.httpField(f, typ, key) })
		case "config_discovery":
			f.TypeURL = "config_discovery"
			r.skip()
		case "disabled":
			disabled = r.boolean()
		default:
			r.skip()
		}
	})
	f.Kind = r.kindOf(f, httpFilterKinds)
	if disabled {
		return nil
	}
	return f
}

func (r *reader) httpField(f *Filter, typ string, key []byte) {
	switch {
	case typ == httpRBAC || typ == httpRBACv2:
		r.rbacFilterField(f, key)
	case typ == istioALPN && string(key) == "alpn_override":
		f.ALPN = map[string][]string{}
		r.list(func() { r.alpnOverride(f.ALPN) })
	default:
		r.skip()
	}
}

// alpnOverride reads an AlpnOverride of Istio's alpn filter (istio/proxy,
// source/extensions/filters/http/alpn/config.proto).
func (r *reader) alpnOverride(into map[string][]string) {
	upstream := "HTTP10"
	var protocols []string
	r.object(func(key []byte) {
		switch string(key) {
		case "upstream_protocol":
			upstream = r.enum("HTTP10", "HTTP11", "HTTP2")
		case "alpn_override":
			protocols = r.strs()
		default:
			r.skip()
		}
	})
	into[upstream] = protocols
}
