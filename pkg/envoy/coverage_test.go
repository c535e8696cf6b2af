//go:build !race

// It runs no goroutine, and reads all recordings: `make sweep` runs it, without the race detector.

package envoy

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	admin "github.com/envoyproxy/go-control-plane/envoy/admin/v3"
	cluster "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listener "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	tls "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	matcher "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/anypb"
)

var update = flag.Bool("update", false, "write docs/coverage.md anew")

// decisive are the messages that decide a handshake.
var decisive = []proto.Message{
	(*listener.Listener)(nil), (*listener.FilterChain)(nil), (*listener.FilterChainMatch)(nil),
	(*cluster.Cluster)(nil), (*cluster.Cluster_TransportSocketMatch)(nil),
	(*tls.UpstreamTlsContext)(nil), (*tls.DownstreamTlsContext)(nil), (*tls.CommonTlsContext)(nil),
	(*tls.CommonTlsContext_CombinedCertificateValidationContext)(nil), (*tls.CertificateValidationContext)(nil),
	(*tls.TlsCertificate)(nil), (*tls.SdsSecretConfig)(nil), (*tls.TlsParameters)(nil),
	(*tls.SubjectAltNameMatcher)(nil), (*matcher.StringMatcher)(nil), (*tls.SPIFFECertValidatorConfig)(nil),
}

// dumpWith puts a decisive message where it stands in a config dump.
func dumpWith(t testing.TB, m proto.Message) *admin.ConfigDump {
	t.Helper()
	common := func(c *tls.CommonTlsContext) *admin.ConfigDump {
		return dumpWith(t, &tls.DownstreamTlsContext{CommonTlsContext: c})
	}
	validation := func(v *tls.CertificateValidationContext) *admin.ConfigDump {
		return common(&tls.CommonTlsContext{ValidationContextType: &tls.CommonTlsContext_ValidationContext{ValidationContext: v}})
	}
	switch m := m.(type) {
	case *listener.Listener:
		return &admin.ConfigDump{Configs: []*anypb.Any{packed(t, &admin.ListenersConfigDump{
			StaticListeners: []*admin.ListenersConfigDump_StaticListener{{Listener: packed(t, m)}},
		})}}
	case *listener.FilterChain:
		return dumpWith(t, &listener.Listener{FilterChains: []*listener.FilterChain{m}})
	case *listener.FilterChainMatch:
		return dumpWith(t, &listener.FilterChain{FilterChainMatch: m})
	case *cluster.Cluster:
		return &admin.ConfigDump{Configs: []*anypb.Any{packed(t, &admin.ClustersConfigDump{
			StaticClusters: []*admin.ClustersConfigDump_StaticCluster{{Cluster: packed(t, m)}},
		})}}
	case *cluster.Cluster_TransportSocketMatch:
		return dumpWith(t, &cluster.Cluster{TransportSocketMatches: []*cluster.Cluster_TransportSocketMatch{m}})
	case *tls.UpstreamTlsContext:
		return dumpWith(t, &cluster.Cluster{TransportSocket: socketOf(t, m)})
	case *tls.DownstreamTlsContext:
		return dumpWith(t, &listener.FilterChain{TransportSocket: socketOf(t, m)})
	case *tls.CommonTlsContext:
		return common(m)
	case *tls.CommonTlsContext_CombinedCertificateValidationContext:
		return common(&tls.CommonTlsContext{ValidationContextType: &tls.CommonTlsContext_CombinedValidationContext{CombinedValidationContext: m}})
	case *tls.CertificateValidationContext:
		return validation(m)
	case *tls.TlsCertificate:
		return common(&tls.CommonTlsContext{TlsCertificates: []*tls.TlsCertificate{m}})
	case *tls.SdsSecretConfig:
		return common(&tls.CommonTlsContext{TlsCertificateSdsSecretConfigs: []*tls.SdsSecretConfig{m}})
	case *tls.TlsParameters:
		return common(&tls.CommonTlsContext{TlsParams: m})
	case *tls.SubjectAltNameMatcher:
		return validation(&tls.CertificateValidationContext{MatchTypedSubjectAltNames: []*tls.SubjectAltNameMatcher{m}})
	case *matcher.StringMatcher:
		return dumpWith(t, &tls.SubjectAltNameMatcher{SanType: tls.SubjectAltNameMatcher_URI, Matcher: m})
	case *tls.SPIFFECertValidatorConfig:
		return validation(&tls.CertificateValidationContext{CustomValidatorConfig: &core.TypedExtensionConfig{Name: "spiffe", TypedConfig: packed(t, m)}})
	}
	t.Fatalf("no place for a %T", m)
	return nil
}

func packed(t testing.TB, m proto.Message) *anypb.Any {
	t.Helper()
	a, err := anypb.New(m)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func socketOf(t testing.TB, m proto.Message) *core.TransportSocket {
	t.Helper()
	return &core.TransportSocket{Name: "tls", ConfigType: &core.TransportSocket_TypedConfig{TypedConfig: packed(t, m)}}
}

// treatment is what the decoder does with a field.
type treatment string

const (
	inModel  treatment = "modelled" // it changes the model
	isNamed  treatment = "named"    // it makes an edge unknown, with its path
	leftOut  treatment = "harmless" // known to have no say
	unheeded treatment = "ignored"  // not looked at: see overlooked
)

// treat finds out by trying: it sets the field to several values and looks at what was decoded.
func treat(t testing.TB, m proto.Message, f protoreflect.FieldDescriptor) treatment {
	t.Helper()
	empty := m.ProtoReflect().New().Interface()
	before := decodeMessage(t, empty)
	path := string(m.ProtoReflect().Descriptor().Name()) + "." + string(f.Name())
	how := unheeded
	if harmless[path] != "" {
		how = leftOut
	}
	for seed := range uint64(40) {
		with := proto.Clone(empty)
		g := &generator{t: t, data: randomBytes(seed, 400)}
		g.set(with.ProtoReflect(), f, maxDepth-6)
		if !with.ProtoReflect().Has(f) {
			continue
		}
		after := decodeMessage(t, with)
		if after.Unmodelled[path] > 0 {
			how = isNamed
		}
		before.Unmodelled, after.Unmodelled = nil, nil
		if how != isNamed && diffProxies(before, after) != "" {
			return inModel
		}
	}
	return how
}

func decodeMessage(t testing.TB, m proto.Message) *Proxy {
	t.Helper()
	text, err := protojson.MarshalOptions{UseProtoNames: true, Resolver: newTypes(t)}.Marshal(dumpWith(t, m))
	if err != nil {
		t.Fatal(err)
	}
	return decodeDump(t, text)
}

func randomBytes(seed uint64, n int) []byte {
	r := rand.New(rand.NewPCG(seed, 1))
	out := make([]byte, n)
	for i := range out {
		out[i] = byte(r.Uint32())
	}
	return out
}

// overlooked are the fields of decisive messages that the decoder does not look at, with the
// reason. What is in none of its lists makes the test fail: a new version of the schema is read
// by a person before it is taken.
var overlooked = []struct {
	message, reason string
	fields          []protoreflect.Name
}{
	{"Listener", "how bytes and connections are buffered, counted, logged or limited", []protoreflect.Name{
		"stat_prefix", "stats_matcher", "per_connection_buffer_limit_bytes", "per_connection_buffer_high_watermark_timeout", "metadata", "access_log",
		"connection_balance_config", "max_connections_to_accept_per_socket_event", "ignore_global_conn_limit", "bypass_overload_manager",
	}},
	{"Listener", "options of the socket on which it listens", []protoreflect.Name{
		"transparent", "freebind", "socket_options", "tcp_fast_open_queue_length", "reuse_port", "enable_reuse_port", "tcp_backlog_size", "enable_mptcp", "tcp_keepalive",
	}},
	{"Listener", "when old connections end", []protoreflect.Name{"drain_type"}},
	{"Listener", "neither TCP nor for connections of applications", []protoreflect.Name{"udp_listener_config", "api_listener"}},
	{"Cluster", "how connections are counted, limited, timed, pooled or bound", []protoreflect.Name{
		"alt_stat_name", "stats_matcher", "connect_timeout", "per_connection_buffer_limit_bytes", "per_connection_buffer_high_watermark_timeout",
		"max_requests_per_connection", "circuit_breakers", "cleanup_interval", "upstream_bind_config", "upstream_connection_options", "lrs_server",
		"lrs_report_endpoint_metrics", "track_timeout_budgets", "track_cluster_stats", "preconnect_policy", "connection_pool_per_downstream_connection",
		"queuing_policies", "wait_for_warm_on_init",
	}},
	{"Cluster", "which endpoint of several is chosen: each has an edge of its own", []protoreflect.Name{
		"lb_policy", "lb_subset_config", "ring_hash_lb_config", "maglev_lb_config", "least_request_lb_config", "round_robin_lb_config",
		"load_balancing_policy",
	}},
	{"Cluster", "how health comes about: /clusters tells what it is", []protoreflect.Name{
		"health_checks", "outlier_detection", "close_connections_on_host_health_failure", "ignore_health_on_host_removal",
	}},
	{"Cluster", "how a DNS name is resolved", []protoreflect.Name{
		"dns_refresh_rate", "dns_jitter", "dns_failure_refresh_rate", "respect_dns_ttl", "dns_lookup_family", "dns_resolvers", "use_tcp_for_dns_lookups",
		"dns_resolution_config", "typed_dns_resolver_config",
	}},
	{"Cluster", "HTTP inside the connection", []protoreflect.Name{"common_http_protocol_options", "http_protocol_options"}},
	{"Cluster", "network filters and pools upstream; Istio's (metadata exchange) follow the handshake", []protoreflect.Name{"filters", "upstream_config"}},
	{"TlsCertificate", "never to be kept", []protoreflect.Name{"private_key", "private_key_provider"}},
	{"TlsCertificate", "stapled for clients that ask, which proxies do not", []protoreflect.Name{"ocsp_staple"}},
}

func reasonFor(message protoreflect.Name, field protoreflect.Name) string {
	for _, o := range overlooked {
		if o.message == string(message) && slices.Contains(o.fields, field) {
			return o.reason
		}
	}
	return harmless[string(message)+"."+string(field)]
}

// TestEveryDecisiveFieldIsTreated goes through the schema of the messages that decide a handshake:
// each field is in the model, or makes an edge unknown, or is left out for a written reason. It keeps
// docs/coverage.md, which also counts in how many recorded proxies a field is set.
func TestEveryDecisiveFieldIsTreated(t *testing.T) {
	set := recordedFields(t)
	var doc strings.Builder
	doc.WriteString(coverageHead)
	for _, m := range decisive {
		d := m.ProtoReflect().Descriptor()
		fmt.Fprintf(&doc, "\n## %s\n\n| field | | proxies |\n|---|---|---|\n", d.FullName())
		for i := range d.Fields().Len() {
			f := d.Fields().Get(i)
			how, reason := treat(t, m, f), reasonFor(d.Name(), f.Name())
			if how == unheeded && reason == "" {
				t.Errorf("%s.%s is new, or not looked at: model it, name it, or write down why it has no say", d.Name(), f.Name())
			}
			if (how == inModel || how == isNamed) && reason != "" {
				t.Errorf("%s.%s is %s, and listed as without a say", d.Name(), f.Name(), how)
			}
			fmt.Fprintf(&doc, "| %s | %s | %d |\n", f.Name(), how.words(reason), set[string(f.FullName())])
		}
	}
	golden(t, "../../docs/coverage.md", doc.String())
}

const coverageHead = `# What of Envoy's configuration is understood

Generated from the schema by a test of pkg/envoy (go test ./pkg/envoy -run Treated -update). A field of a message that decides a
handshake is **modelled**, or makes every connection that it concerns **unknown** with the field's path,
or has **no say**, for the reason given. The last column counts the recorded proxies of testdata in which the field is set.
[coverage-resources.md](coverage-resources.md) says which values of Istio's resources recordings and lab have exercised.
`

func (how treatment) words(reason string) string {
	switch how {
	case inModel:
		return "modelled"
	case isNamed:
		return "**unknown**"
	}
	return "no say: " + reason
}

// golden compares with a file, or writes it with -update.
func golden(t *testing.T, name, want string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is out of step: run the test with -update and read what changed", name)
	}
}

// recordedFields counts the recorded dumps in which each field is set.
func recordedFields(t *testing.T) map[string]int {
	t.Helper()
	total := map[string]int{}
	files, err := filepath.Glob("../../testdata/*/*.tar.gz")
	if err != nil || len(files) < 40 {
		t.Fatalf("%d recordings, %v", len(files), err)
	}
	for _, file := range files {
		eachDump(t, file, func(dump any) {
			seen := map[string]bool{}
			visit(nil, dump, seen)
			for field := range seen {
				total[field]++
			}
		})
	}
	return total
}

// eachDump reads the config dumps of a recording.
func eachDump(t *testing.T, file string, f func(dump any)) {
	t.Helper()
	compressed, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	zip, err := gzip.NewReader(bytes.NewReader(compressed))
	if err != nil {
		t.Fatal(err)
	}
	for members := tar.NewReader(zip); ; {
		member, err := members.Next()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(path.Base(member.Name), "config_dump") {
			continue
		}
		var dump any
		if err := json.NewDecoder(members).Decode(&dump); err != nil {
			t.Fatalf("%s of %s: %v", member.Name, file, err)
		}
		f(dump)
	}
}

// visit notes the fields that are set in a message, whose schema is d or stands in its @type.
func visit(d protoreflect.MessageDescriptor, value any, seen map[string]bool) {
	switch v := value.(type) {
	case []any:
		for _, x := range v {
			visit(d, x, seen)
		}
	case map[string]any:
		if typ, ok := v["@type"].(string); ok {
			d = nil
			if known, err := protoregistry.GlobalTypes.FindMessageByURL(typ); err == nil {
				d = known.Descriptor()
			}
		}
		for key, x := range v {
			visit(fieldOf(d, key, seen), x, seen)
		}
	}
}

// fieldOf notes a field and gives the schema of its value, nil when there is none.
func fieldOf(d protoreflect.MessageDescriptor, key string, seen map[string]bool) protoreflect.MessageDescriptor {
	if d == nil {
		return nil
	}
	f := d.Fields().ByName(protoreflect.Name(key))
	if f == nil {
		return nil
	}
	seen[string(f.FullName())] = true
	return f.Message()
}
