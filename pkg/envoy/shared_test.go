package envoy

import (
	"compress/gzip"
	"crypto/x509"
	"encoding/base64"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/mtls-doctor/kubectl-mtls-doctor/internal/testca"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/certs"
)

// testTime is the moment at which the tests' certificates are sound.
func testTime() time.Time { return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) }

// typeOf is the @type member of a message.
func typeOf(message string) string { return `"@type":"type.googleapis.com/` + message + `"` }

// dump is a config dump of these elements.
func dump(configs ...string) string { return `{"configs":[` + strings.Join(configs, ",") + `]}` }

// clustersDump is a section of active clusters; each is the inside of a Cluster.
func clustersDump(clusters ...string) string {
	return activeList("envoy.admin.v3.ClustersConfigDump", "dynamic_active_clusters", "cluster", "envoy.config.cluster.v3.Cluster", clusters)
}

// secretsDump is a section of active secrets; each is the inside of a Secret.
func secretsDump(secrets ...string) string {
	return activeList("envoy.admin.v3.SecretsConfigDump", "dynamic_active_secrets", "secret", "envoy.extensions.transport_sockets.tls.v3.Secret", secrets)
}

// listenersDump is a section of static listeners; each is the inside of a Listener.
func listenersDump(listeners ...string) string {
	return activeList("envoy.admin.v3.ListenersConfigDump", "static_listeners", "listener", "envoy.config.listener.v3.Listener", listeners)
}

// routesDump is a section of dynamic routes; each is the inside of a RouteConfiguration.
func routesDump(routes ...string) string {
	return activeList("envoy.admin.v3.RoutesConfigDump", "dynamic_route_configs", "route_config", "envoy.config.route.v3.RouteConfiguration", routes)
}

func activeList(section, list, field, message string, items []string) string {
	var out []string
	for _, item := range items {
		out = append(out, `{"`+field+`":{`+typeOf(message)+`,`+item+`}}`)
	}
	return dump(`{` + typeOf(section) + `,"` + list + `":[` + strings.Join(out, ",") + `]}`)
}

// mustDump decodes a config dump that must be read without an error.
func mustDump(t testing.TB, text string) *Proxy {
	t.Helper()
	d := NewDecoder(nil)
	if err := d.ConfigDump(strings.NewReader(text)); err != nil {
		t.Fatalf("ConfigDump: %v\n%s", err, text)
	}
	return d.Proxy()
}

// oneCluster decodes the inside of a Cluster.
func oneCluster(t testing.TB, inside string) (*Cluster, *Proxy) {
	t.Helper()
	p := mustDump(t, clustersDump(inside))
	if len(p.Clusters) != 1 {
		t.Fatalf("%d clusters, want 1: %s", len(p.Clusters), inside)
	}
	return p.Clusters[0], p
}

// oneListener decodes the inside of a Listener.
func oneListener(t testing.TB, inside string) (*Listener, *Proxy) {
	t.Helper()
	p := mustDump(t, listenersDump(inside))
	if len(p.Listeners) != 1 {
		t.Fatalf("%d listeners, want 1: %s", len(p.Listeners), inside)
	}
	return p.Listeners[0], p
}

// oneChain decodes the inside of a FilterChain.
func oneChain(t testing.TB, inside string) (*FilterChain, *Proxy) {
	t.Helper()
	l, p := oneListener(t, `"name":"l","filter_chains":[{`+inside+`}]`)
	if len(l.FilterChains) != 1 {
		t.Fatalf("%d filter chains, want 1", len(l.FilterChains))
	}
	return l.FilterChains[0], p
}

// oneFilter decodes a network filter with the given message.
func oneFilter(t testing.TB, message, inside string) (*Filter, *Proxy) {
	t.Helper()
	c, p := oneChain(t, `"filters":[{"name":"f","typed_config":{`+typeOf(message)+inside+`}}]`)
	return c.Filters[0], p
}

// oneSocket decodes the typed_config of a cluster's transport socket.
func oneSocket(t testing.TB, config string) (*TransportSocket, *Proxy) {
	t.Helper()
	c, p := oneCluster(t, `"name":"c","transport_socket":{"name":"any name","typed_config":{`+config+`}}`)
	return c.Socket, p
}

// oneTLS decodes the inside of an UpstreamTlsContext.
func oneTLS(t testing.TB, inside string) (*TLSContext, *Proxy) {
	t.Helper()
	s, p := oneSocket(t, typeOf(upstreamTLS)+`,`+inside)
	if s.TLS == nil {
		t.Fatalf("no TLS context in %+v", s)
	}
	return s.TLS, p
}

// oneSecret decodes the inside of a Secret.
func oneSecret(t testing.TB, inside string) (*Secret, *Proxy) {
	t.Helper()
	p := mustDump(t, secretsDump(inside))
	if len(p.Secrets) != 1 {
		t.Fatalf("%d secrets, want 1", len(p.Secrets))
	}
	return p.Secrets[0], p
}

// options compare models: certificates by fingerprint, addresses by value.
func options() cmp.Options {
	return cmp.Options{
		cmp.Comparer(func(a, b *certs.Bundle) bool {
			return (a == nil) == (b == nil) && a.Fingerprint() == b.Fingerprint()
		}),
		cmp.Comparer(func(a, b *x509.Certificate) bool { return a.Equal(b) }),
		cmp.Comparer(sameCRL),
		cmpopts.EquateComparable(netip.AddrPort{}, netip.Prefix{}),
		cmpopts.EquateEmpty(),
		// Envoy orders within a list; between static and dynamic ones there is no order.
		cmpopts.SortSlices(func(a, b *Listener) bool { return a.Name+string(a.State) < b.Name+string(b.State) }),
		cmpopts.SortSlices(func(a, b *Cluster) bool { return a.Name+string(a.State) < b.Name+string(b.State) }),
	}
}

func sameCRL(a, b *certs.CRL) bool { return a.Fingerprint() == b.Fingerprint() }

func diff(t testing.TB, what string, want, got any) {
	t.Helper()
	if d := cmp.Diff(want, got, options()); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

// noted fails when a dump was read without noting path.
func noted(t testing.TB, p *Proxy, path string) {
	t.Helper()
	if p.Unmodelled[path] == 0 {
		t.Errorf("%q is not in Unmodelled: %v", path, p.Unmodelled)
	}
}

// silent fails when a dump has something in Unmodelled.
func silent(t testing.TB, p *Proxy) {
	t.Helper()
	if len(p.Unmodelled) > 0 {
		t.Errorf("Unmodelled = %v, want nothing", p.Unmodelled)
	}
}

func testCA(t testing.TB) *testca.CA {
	t.Helper()
	return testca.New(testTime())
}

func b64(data []byte) string { return base64.StdEncoding.EncodeToString(data) }

// recorded gives the recorded config dumps by name.
func recorded(t testing.TB) map[string]string {
	t.Helper()
	files, err := filepath.Glob("testdata/captures/*/config_dump.json.gz")
	if err != nil || len(files) == 0 {
		t.Fatalf("no recorded dumps: %v", err)
	}
	dumps := map[string]string{}
	for _, file := range files {
		dumps[filepath.Base(filepath.Dir(file))] = gunzip(t, file)
	}
	return dumps
}

func gunzip(t testing.TB, file string) string {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
