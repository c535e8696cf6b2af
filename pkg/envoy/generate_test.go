//go:build !race

package envoy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
)

// largeDump is what a sidecar of a mesh with many services answers: the shape is istiod's, taken from
// the recordings. A service has two ports, one of HTTP and one of TCP, and so two clusters.
type largeDump struct {
	clusters int
	// indented prints as Envoy does, with one space a level.
	indented bool
}

// bytes writes the dump, the same every time.
func (d largeDump) bytes(t testing.TB) []byte {
	t.Helper()
	var out bytes.Buffer
	services := d.clusters / 2
	fmt.Fprintf(&out, `{"configs":[{%s,"bootstrap":{"node":%s}}`, sectionType("BootstrapConfigDump"), nodeJSON)
	section(&out, "ClustersConfigDump", "dynamic_active_clusters", services, writeClusters)
	section(&out, "EndpointsConfigDump", "dynamic_endpoint_configs", services, writeEndpoints)
	section(&out, "ListenersConfigDump", "dynamic_listeners", services, writeListener)
	fmt.Fprintf(&out, `,{%s,"dynamic_route_configs":[%s`, sectionType("RoutesConfigDump"), routesOpen)
	join(&out, services, writeVirtualHost)
	fmt.Fprintf(&out, `],"validate_clusters":false},%s}]},{%s,"dynamic_active_secrets":%s}]}`,
		updated, sectionType("SecretsConfigDump"), secretsJSON(t))
	if !d.indented {
		return out.Bytes()
	}
	var spaced bytes.Buffer
	if err := json.Indent(&spaced, out.Bytes(), "", " "); err != nil {
		t.Fatal(err)
	}
	return spaced.Bytes()
}

const (
	updated    = `"last_updated":"2026-11-23T21:39:51.395Z"`
	routesOpen = `{"route_config":{"@type":"type.googleapis.com/envoy.config.route.v3.RouteConfiguration","name":"80","virtual_hosts":[`
	nodeJSON   = `{"id":"sidecar~10.244.1.62~client-1.shop~shop.svc.cluster.local","cluster":"client.shop","metadata":{` +
		`"NAMESPACE":"shop","NAME":"client-1","ISTIO_VERSION":"1.31.0","LABELS":{"app":"client"}},` +
		`"user_agent_build_version":{"version":{"major_number":1,"minor_number":40}}}`
)

func sectionType(name string) string {
	return `"@type":"type.googleapis.com/envoy.admin.v3.` + name + `"`
}

func section(w io.Writer, message, list string, n int, write func(io.Writer, int)) {
	fmt.Fprintf(w, `,{%s,"version_info":"2026-11-23T21:39:51Z/260",%q:[`, sectionType(message), list)
	join(w, n, write)
	fmt.Fprint(w, `]}`)
}

// join writes n items with commas between them.
func join(w io.Writer, n int, write func(io.Writer, int)) {
	for i := range n {
		if i > 0 {
			fmt.Fprint(w, ",")
		}
		write(w, i)
	}
}

func hostName(i int) string {
	return fmt.Sprintf("service-%05d.team-%03d.svc.cluster.local", i, i%200)
}

func writeClusters(w io.Writer, i int) {
	writeCluster(w, i, 80)
	fmt.Fprint(w, ",")
	writeCluster(w, i, 9000)
}

func writeCluster(w io.Writer, i, port int) {
	host := hostName(i)
	name := fmt.Sprintf("outbound|%d||%s", port, host)
	fmt.Fprintf(w, `{"cluster":{"@type":"type.googleapis.com/envoy.config.cluster.v3.Cluster","name":%q,"type":"EDS",`+
		`"eds_cluster_config":{"eds_config":{"ads":{},"initial_fetch_timeout":"0s","resource_api_version":"V3"},"service_name":%q},`+
		`"connect_timeout":"10s","lb_policy":"LEAST_REQUEST","circuit_breakers":{"thresholds":[{"max_connections":4294967295,`+
		`"max_pending_requests":4294967295,"max_requests":4294967295,"max_retries":4294967295,"track_remaining":true}]},`+
		`"metadata":{"filter_metadata":{"istio":{%s"services":[{"namespace":"team-%03d","host":%q,"name":"service-%05d"}]}}},`+
		`"common_lb_config":{"healthy_panic_threshold":{}},"alt_stat_name":"%s;",`+
		`"transport_socket_matches":[%s,{"name":"tlsMode-disabled","match":{},"transport_socket":{"name":"envoy.transport_sockets.raw_buffer",`+
		`"typed_config":{"@type":"type.googleapis.com/envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer"}}}]},%s}`,
		name, name, ruleOf(i), i%200, host, i, name, mutualTLS(i, port, host), updated)
}

// ruleOf names the DestinationRule of every tenth service.
func ruleOf(i int) string {
	if i%10 != 0 {
		return ""
	}
	return fmt.Sprintf(`"config":"/apis/networking.istio.io/v1/namespaces/team-%03d/destination-rule/service-%05d",`, i%200, i)
}

const sdsSource = `{"api_config_source":{"api_type":"GRPC","grpc_services":[{"envoy_grpc":{"cluster_name":"sds-grpc"}}],` +
	`"set_node_on_first_message_only":true,"transport_api_version":"V3"},"initial_fetch_timeout":"0s","resource_api_version":"V3"}`

func mutualTLS(i, port int, host string) string {
	return fmt.Sprintf(`{"name":"tlsMode-istio","match":{"tlsMode":"istio"},"transport_socket":{"name":"envoy.transport_sockets.tls",`+
		`"typed_config":{"@type":"type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext","common_tls_context":{`+
		`"tls_params":{"tls_minimum_protocol_version":"TLSv1_2","tls_maximum_protocol_version":"TLSv1_3"},"alpn_protocols":["istio-peer-exchange","istio"],`+
		`"tls_certificate_sds_secret_configs":[{"name":"default","sds_config":%s}],"combined_validation_context":{"default_validation_context":{`+
		`"match_subject_alt_names":[{"exact":"spiffe://cluster.local/ns/team-%03d/sa/service-%05d"}]},`+
		`"validation_context_sds_secret_config":{"name":"ROOTCA","sds_config":%s}}},"sni":"outbound_.%d_._.%s"}}}`,
		sdsSource, i%200, i, sdsSource, port, host)
}

func writeEndpoints(w io.Writer, i int) {
	for n, port := range []int{80, 9000} {
		if n > 0 {
			fmt.Fprint(w, ",")
		}
		fmt.Fprintf(w, `{"endpoint_config":{"@type":"type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",`+
			`"cluster_name":"outbound|%d||%s","endpoints":[{"locality":{"region":"eu-west-1","zone":"eu-west-1a"},"lb_endpoints":[`, port, hostName(i))
		join(w, 1+i%2, func(w io.Writer, replica int) { writeEndpoint(w, i, replica, port) })
		fmt.Fprint(w, `],"load_balancing_weight":2}],"policy":{"overprovisioning_factor":140}}}`)
	}
}

func writeEndpoint(w io.Writer, i, replica, port int) {
	fmt.Fprintf(w, `{"endpoint":{"address":{"socket_address":{"address":"10.%d.%d.%d","port_value":%d}},"health_check_config":{}},`+
		`"health_status":"HEALTHY","metadata":{"filter_metadata":{"envoy.transport_socket_match":{"tlsMode":"istio"},`+
		`"istio":{"workload":"service-%05d;team-%03d;service-%05d;latest;Kubernetes"}}},"load_balancing_weight":1}`,
		10+replica, i/250, i%250, port+8000, i, i%200, i)
}

func writeListener(w io.Writer, i int) {
	ip := fmt.Sprintf("10.96.%d.%d", i/250, i%250)
	name := fmt.Sprintf("outbound|9000||%s", hostName(i))
	fmt.Fprintf(w, `{"name":"%[1]s_9000","active_state":{%[3]s,"listener":{"@type":"type.googleapis.com/envoy.config.listener.v3.Listener","name":"%[1]s_9000",`+
		`"address":{"socket_address":{"address":%[1]q,"port_value":9000}},"filter_chains":[{"filters":[{"name":"envoy.filters.network.tcp_proxy",`+
		`"typed_config":{"@type":"type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy","stat_prefix":%[2]q,"cluster":%[2]q}}],`+
		`"transport_socket_connect_timeout":"15s"}],"listener_filters_timeout":"0s","traffic_direction":"OUTBOUND",`+
		`"continue_on_listener_filters_timeout":true,"bind_to_port":false}}}`, ip, name, updated)
}

func writeVirtualHost(w io.Writer, i int) {
	host := hostName(i)
	short, _, _ := strings.Cut(host, ".svc")
	fmt.Fprintf(w, `{"name":"%[1]s:80","domains":[%[1]q,"%[1]s.",%[2]q,"%[2]s.svc","10.96.%[3]d.%[4]d"],"routes":[{"match":{"prefix":"/"},`+
		`"route":{"cluster":"outbound|80||%[1]s","timeout":"0s","retry_policy":{"retry_on":"connect-failure,refused-stream,unavailable,cancelled",`+
		`"num_retries":2,"retry_host_predicate":[{"name":"envoy.retry_host_predicates.previous_hosts","typed_config":{`+
		`"@type":"type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"}}],"host_selection_retry_max_attempts":"5"},`+
		`"max_grpc_timeout":"0s"},"decorator":{"operation":"%[1]s:80/*"},"name":"default"}],"include_request_attempt_count":true}`, host, short, i/250, i%250)
}

func secretsJSON(t testing.TB) string {
	t.Helper()
	chain, root := testPEMs(t)
	return fmt.Sprintf(`[{"name":"default",%[1]s,"secret":{%[2]s,"name":"default","tls_certificate":{"certificate_chain":{"inline_bytes":%[3]q},`+
		`"private_key":{"inline_bytes":"W3JlZGFjdGVkXQ=="}}}},{"name":"ROOTCA",%[1]s,"secret":{%[2]s,"name":"ROOTCA","validation_context":{"trusted_ca":{"inline_bytes":%[4]q}}}}]`,
		updated, `"@type":"type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret"`, encode(chain), encode(root))
}

// TestLargeDump shows that the benchmarks read something: all of it, and alike with protojson.
func TestLargeDump(t *testing.T) {
	for _, indented := range []bool{false, true} {
		text := largeDump{clusters: 40, indented: indented}.bytes(t)
		got := decodeDump(t, text)
		if len(got.Clusters) != 40 || len(got.Endpoints) != 40 || len(got.Listeners) != 20 || len(got.Secrets) != 2 ||
			len(got.Routes["80"].VirtualHosts) != 20 || len(got.Unmodelled) != 0 {
			t.Errorf("indented %v: %d clusters, %d endpoints, %d listeners, %d secrets, not modelled %v", indented,
				len(got.Clusters), len(got.Endpoints), len(got.Listeners), len(got.Secrets), got.Unmodelled)
		}
		compareProxies(t, newProtoModel(t).dump(protoDump(t, text)), got)
	}
}

// testPEMs are a chain and the root that it leads to.
func testPEMs(t testing.TB) (chain, root string) {
	t.Helper()
	ca := testCA(t)
	return string(ca.Leaf("shop/client").PEM()) + string(ca.PEM()), string(ca.PEM())
}
