//go:build !race

package envoy

import (
	admin "github.com/envoyproxy/go-control-plane/envoy/admin/v3"
	bootstrap "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	cluster "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpoint "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listener "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	route "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	dnscluster "github.com/envoyproxy/go-control-plane/envoy/extensions/clusters/dns/v3"
	httprbac "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/rbac/v3"
	router "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	httpinspector "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/listener/http_inspector/v3"
	originaldst "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/listener/original_dst/v3"
	proxyprotocol "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/listener/proxy_protocol/v3"
	tlsinspector "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/listener/tls_inspector/v3"
	hcm "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	networkrbac "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/rbac/v3"
	snicluster "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/sni_cluster/v3"
	tcpproxy "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/tcp_proxy/v3"
	internalupstream "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/internal_upstream/v3"
	proxyproto "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/proxy_protocol/v3"
	quic "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/quic/v3"
	rawbuffer "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/raw_buffer/v3"
	starttls "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/starttls/v3"
	tap "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tap/v3"
	tcpstats "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tcp_stats/v3"
	tls "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	upstreamhttp "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"
)

// anyOptions says which messages may stand in an Any, by the field that holds it.
var anyOptions = map[protoreflect.FullName][]proto.Message{
	"envoy.config.core.v3.TransportSocket.typed_config": {
		(*tls.UpstreamTlsContext)(nil), (*tls.DownstreamTlsContext)(nil), (*rawbuffer.RawBuffer)(nil),
		(*internalupstream.InternalUpstreamTransport)(nil), (*proxyproto.ProxyProtocolUpstreamTransport)(nil),
		(*tap.Tap)(nil), (*tcpstats.Config)(nil), (*quic.QuicDownstreamTransport)(nil), (*quic.QuicUpstreamTransport)(nil),
		(*starttls.StartTlsConfig)(nil), (*starttls.UpstreamStartTlsConfig)(nil), (*core.Locality)(nil),
	},
	"envoy.config.listener.v3.Filter.typed_config": {
		(*tcpproxy.TcpProxy)(nil), (*hcm.HttpConnectionManager)(nil), (*networkrbac.RBAC)(nil), (*snicluster.SniCluster)(nil), (*core.Locality)(nil),
	},
	"envoy.config.listener.v3.ListenerFilter.typed_config": {
		(*originaldst.OriginalDst)(nil), (*tlsinspector.TlsInspector)(nil), (*httpinspector.HttpInspector)(nil),
		(*proxyprotocol.ProxyProtocol)(nil), (*core.Locality)(nil),
	},
	"envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter.typed_config": {
		(*httprbac.RBAC)(nil), (*router.Router)(nil), (*core.Locality)(nil),
	},
	"envoy.config.core.v3.TypedExtensionConfig.typed_config":                   {(*tls.SPIFFECertValidatorConfig)(nil), (*core.Locality)(nil)},
	"envoy.config.cluster.v3.Cluster.CustomClusterType.typed_config":           {(*dnscluster.DnsCluster)(nil)},
	"envoy.config.cluster.v3.Cluster.TypedExtensionProtocolOptionsEntry.value": {(*upstreamhttp.HttpProtocolOptions)(nil)},

	"envoy.admin.v3.ConfigDump.configs":                                        nil, // see sections
	"envoy.admin.v3.ListenersConfigDump.StaticListener.listener":               {(*listener.Listener)(nil)},
	"envoy.admin.v3.ListenersConfigDump.DynamicListenerState.listener":         {(*listener.Listener)(nil)},
	"envoy.admin.v3.ClustersConfigDump.StaticCluster.cluster":                  {(*cluster.Cluster)(nil)},
	"envoy.admin.v3.ClustersConfigDump.DynamicCluster.cluster":                 {(*cluster.Cluster)(nil)},
	"envoy.admin.v3.SecretsConfigDump.StaticSecret.secret":                     {(*tls.Secret)(nil)},
	"envoy.admin.v3.SecretsConfigDump.DynamicSecret.secret":                    {(*tls.Secret)(nil)},
	"envoy.admin.v3.RoutesConfigDump.StaticRouteConfig.route_config":           {(*route.RouteConfiguration)(nil)},
	"envoy.admin.v3.RoutesConfigDump.DynamicRouteConfig.route_config":          {(*route.RouteConfiguration)(nil)},
	"envoy.admin.v3.EndpointsConfigDump.StaticEndpointConfig.endpoint_config":  {(*endpoint.ClusterLoadAssignment)(nil)},
	"envoy.admin.v3.EndpointsConfigDump.DynamicEndpointConfig.endpoint_config": {(*endpoint.ClusterLoadAssignment)(nil)},
	"envoy.admin.v3.UpdateFailureState.failed_configuration":                   {(*cluster.Cluster)(nil), (*endpoint.ClusterLoadAssignment)(nil)},
}

// sections are what a dump is made of, in Envoy's order.
var sections = []proto.Message{
	(*admin.ClustersConfigDump)(nil), (*admin.EndpointsConfigDump)(nil), (*admin.ListenersConfigDump)(nil),
	(*admin.RoutesConfigDump)(nil), (*admin.SecretsConfigDump)(nil),
}

func (g *generator) dump() *admin.ConfigDump {
	node := g.message((*core.Node)(nil), maxDepth-4).(*core.Node)
	first := &admin.BootstrapConfigDump{Bootstrap: &bootstrap.Bootstrap{Node: node}}
	out := &admin.ConfigDump{Configs: []*anypb.Any{g.pack(first)}}
	for _, section := range sections {
		if g.byte()%4 != 0 {
			out.Configs = append(out.Configs, g.pack(g.message(section, 0)))
		}
	}
	return out
}

func (g *generator) pack(m proto.Message) *anypb.Any {
	packed, err := anypb.New(m)
	if err != nil {
		g.t.Fatal(err)
	}
	return packed
}

// any puts a message that fits into an Any; where none is known the field stays unset.
func (g *generator) any(f protoreflect.FieldDescriptor, depth int) (protoreflect.Value, bool) {
	options := anyOptions[f.FullName()]
	if len(options) == 0 || depth > maxDepth {
		return protoreflect.Value{}, false
	}
	packed := g.pack(g.message(pick(g, options...), depth+1))
	return protoreflect.ValueOfMessage(packed.ProtoReflect()), true
}

// often are the fields that carry what the model holds, and those that lead to them.
var often = fieldNames("static_listeners", "dynamic_listeners", "active_state", "listener", "filter_chains", "filter_chain_match",
	"transport_socket", "typed_config", "common_tls_context", "validation_context", "combined_validation_context",
	"default_validation_context", "match_typed_subject_alt_names", "filters", "static_clusters", "dynamic_active_clusters",
	"cluster", "transport_socket_matches", "load_assignment", "endpoints", "lb_endpoints", "endpoint", "address", "socket_address",
	"metadata", "filter_metadata", "static_secrets", "dynamic_active_secrets", "secret", "tls_certificate", "certificate_chain",
	"trusted_ca", "inline_bytes", "dynamic_route_configs", "route_config", "virtual_hosts", "routes", "route", "match", "name",
	"dynamic_endpoint_configs", "endpoint_config", "rules", "policies", "permissions", "principals", "and_ids", "ids", "custom_validator_config")

// never are fields that only one of the two readings could know: a condition in an older form.
var never = fieldNames("hidden_envoy_deprecated_regex", "config_discovery", "is_optional")

func fieldNames(list ...protoreflect.Name) map[protoreflect.Name]bool {
	set := map[protoreflect.Name]bool{}
	for _, n := range list {
		set[n] = true
	}
	return set
}
