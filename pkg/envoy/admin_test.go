package envoy

import (
	"errors"
	"io"
	"net/netip"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// decoded runs one method of a Decoder on text, which must be read without an error.
func decoded(t *testing.T, read func(d *Decoder, text string) error, text string) *Proxy {
	t.Helper()
	d := NewDecoder(nil)
	if err := read(d, text); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return d.Proxy()
}

func readClusters(d *Decoder, text string) error { return d.Clusters(strings.NewReader(text)) }
func readCerts(d *Decoder, text string) error    { return d.Certs(strings.NewReader(text)) }
func readStats(d *Decoder, text string) error    { return d.Stats(strings.NewReader(text)) }
func readInfo(d *Decoder, text string) error     { return d.ServerInfo(strings.NewReader(text)) }

var wantHosts = map[string][]Host{
	"outbound|80||a": {
		{Address: netip.MustParseAddrPort("10.0.0.1:8080"), Health: "HEALTHY", Stats: map[string]uint64{"cx_total": 3, "cx_connect_fail": 0}},
		{Address: netip.MustParseAddrPort("[fd00::1]:8080"), Hostname: "a.b", Health: "UNHEALTHY", Flags: []string{"failed_outlier_check"}, Stats: map[string]uint64{"cx_total": 1}},
	},
	"empty": nil,
}

func TestClustersJSON(t *testing.T) {
	p := decoded(t, readClusters, `{"cluster_statuses":[
		{"name":"outbound|80||a","added_via_api":true,"host_statuses":[
			{"address":{"socket_address":{"address":"10.0.0.1","port_value":8080}},"weight":1,"health_status":{"eds_health_status":"HEALTHY"},
			 "stats":[{"name":"cx_total","value":"3"},{"name":"cx_connect_fail"},{"type":"GAUGE","name":"something_new","value":"7"}]},
			{"address":{"socketAddress":{"address":"fd00::1","portValue":8080}},"hostname":"a.b","healthStatus":{"edsHealthStatus":"UNHEALTHY","failedOutlierCheck":true,"failed_active_health_check":false},"stats":[{"name":"cx_total","value":1}]}]},
		{"name":"empty"}]}`)
	diff(t, "hosts", wantHosts, p.Hosts)
	if !p.Read.Has(SectionHosts) {
		t.Error("hosts do not count as read")
	}
}

func TestClustersText(t *testing.T) {
	p := decoded(t, readClusters, strings.Join([]string{
		"empty::observability_name::empty", "empty::default_priority::max_connections::1024",
		"outbound|80||a::default_priority::max_connections::4294967295", "outbound|80||a::added_via_api::true",
		"outbound|80||a::10.0.0.1:8080::cx_total::3", "outbound|80||a::10.0.0.1:8080::cx_connect_fail::0", "outbound|80||a::10.0.0.1:8080::rq_active::9",
		"outbound|80||a::10.0.0.1:8080::hostname::", "outbound|80||a::10.0.0.1:8080::health_flags::healthy",
		"outbound|80||a::[fd00::1]:8080::cx_total::1", "outbound|80||a::[fd00::1]:8080::hostname::a.b\r",
		"outbound|80||a::[fd00::1]:8080::health_flags::/failed_outlier_check/failed_eds_health", "",
	}, "\n"))
	diff(t, "hosts", wantHosts, p.Hosts)
}

func TestClustersTextFlags(t *testing.T) {
	for flags, want := range map[string]Host{
		"healthy":                          {Health: "HEALTHY"},
		"/failed_active_hc":                {Flags: []string{"failed_active_health_check"}},
		"/degraded_eds_health":             {Health: "DEGRADED"},
		"/eds_status_draining":             {Health: "DRAINING"},
		"/pending_dynamic_removal/novelty": {Flags: []string{"pending_dynamic_removal", "novelty"}},
	} {
		p := decoded(t, readClusters, "c::/tmp/socket::health_flags::"+flags+"\n")
		want.Hostname = "/tmp/socket"
		diff(t, flags, []Host{want}, p.Hosts["c"])
	}
}

func TestCertsAreKeptOnce(t *testing.T) {
	pair := `{"ca_cert":[{"path":"<inline>","serial_number":"c0","subject_alt_names":[],"days_until_expiration":"3649","valid_from":"2026-11-23T12:00:00Z","expiration_time":"2036-11-23T12:00:00Z"}],
		"cert_chain":[{"path":"<inline>","serial_number":"f4","subject_alt_names":[{"uri":"spiffe://cluster.local/ns/shop/sa/a"},{"dns":"a"},{"ip_address":"1.1.1.1"}],"days_until_expiration":"0","valid_from":"2026-11-23T12:00:00Z","expiration_time":"2026-11-24T12:00:00Z"}]}`
	p := decoded(t, readCerts, `{"certificates":[`+pair+`,`+pair+`,{}]}`)
	want := []LoadedCertificate{
		{CA: true, Path: "<inline>", Serial: "c0", NotBefore: testTime(), NotAfter: testTime().AddDate(10, 0, 0)},
		{Path: "<inline>", Serial: "f4", URIs: []string{"spiffe://cluster.local/ns/shop/sa/a"}, DNSNames: []string{"a"}, NotBefore: testTime(), NotAfter: testTime().Add(24 * time.Hour)},
	}
	diff(t, "certificates", want, p.Loaded)
}

func TestCertsOfEnvoy16AreText(t *testing.T) {
	p := decoded(t, readCerts, `{"certificates":[{"ca_cert":"Certificate Path: /etc/certs/root-cert.pem","cert_chain":"x"}]}`)
	diff(t, "certificates", []LoadedCertificate(nil), p.Loaded)
}

func TestStats(t *testing.T) {
	for name, tc := range map[string]struct {
		text string
		want map[string]uint64
	}{
		"json":       {`{"stats":[{"name":"cds.version_text","value":"v1"},{"name":"lds.update_rejected","value":1},{"value":0,"name":"server.live"},{"histograms":{"x":1}}]}`, map[string]uint64{"lds.update_rejected": 1, "server.live": 0}},
		"text":       {"cds.version_text: \"v1\"\nlds.update_rejected: 1\ncluster.outbound|80||a;.x: 18446744073709551615\nh: P0(nan,1) P25(nan,2)\ni: No recorded values\n", map[string]uint64{"lds.update_rejected": 1, "cluster.outbound|80||a;.x": 1<<64 - 1}},
		"prometheus": {"# TYPE envoy_x counter\nenvoy_x{a=\"b c\",d=\": 1\"} 3\nenvoy_y{} 4\nenvoy_z 1.5\n", map[string]uint64{`envoy_x{a="b c",d=": 1"}`: 3, "envoy_y{}": 4}},
	} {
		p := decoded(t, readStats, tc.text)
		diff(t, name, tc.want, p.Stats)
		if !p.Read.Has(SectionStats) {
			t.Errorf("%s: stats do not count as read", name)
		}
	}
}

func TestServerInfo(t *testing.T) {
	p := decoded(t, readInfo, `{"version":"9e55/1.40.0/Clean/RELEASE/BoringSSL","state":"LIVE","command_line_options":{"base_id":"0"},"node":{"id":"router~10.0.0.1~gw-1.istio-system~istio-system.svc.cluster.local","extensions":[{"name":"x"}]}}`)
	diff(t, "node", Node{ID: "router~10.0.0.1~gw-1.istio-system~istio-system.svc.cluster.local", Type: "router", Name: "gw-1", Namespace: "istio-system"}, p.Node)
	if p.Version != "1.40.0" || !p.Read.Has(SectionServerInfo) {
		t.Errorf("version %q, read %b", p.Version, p.Read)
	}
}

func TestNode(t *testing.T) {
	p := mustDump(t, dump(`{`+typeOf("envoy.admin.v3.BootstrapConfigDump")+`,"bootstrap":{"static_resources":{"clusters":[{"name":"not this way"}]},"node":{
		"id":"sidecar~10.0.0.1~a-1.shop~shop.svc.cluster.local","cluster":"a.shop",
		"metadata":{"ISTIO_VERSION":"1.31.0","NAMESPACE":"shop","NAME":"a-1","SERVICE_ACCOUNT":"a","OWNER":"kubernetes://x","CLUSTER_ID":"k","MESH_ID":"m","NETWORK":"n",
			"INTERCEPTION_MODE":"TPROXY","TRUST_DOMAIN":"td","LABELS":{"app":"a","security.istio.io/tlsMode":"istio"},"ANNOTATIONS":{"istio.io/rev":"canary"},"PROXY_CONFIG":{"a":1}},
		"user_agent_build_version":{"version":{"major_number":1,"minor_number":40}}}}}`))
	want := Node{
		ID: "sidecar~10.0.0.1~a-1.shop~shop.svc.cluster.local", Cluster: "a.shop", Type: "sidecar", IstioVersion: "1.31.0", Namespace: "shop", Name: "a-1",
		ServiceAccount: "a", Owner: "kubernetes://x", ClusterID: "k", MeshID: "m", Network: "n", Interception: "TPROXY", Revision: "canary", TrustDomain: "td",
		Labels: map[string]string{"app": "a", "security.istio.io/tlsMode": "istio"},
	}
	diff(t, "node", want, p.Node)
	if p.Version != "1.40.0" || p.API != "v3" || !p.Read.Has(SectionBootstrap) || p.Read.Has(SectionClusters) {
		t.Errorf("version %q, API %q, read %b", p.Version, p.API, p.Read)
	}
}

func TestNodeOfAnotherControlPlaneHasNoType(t *testing.T) {
	p := mustDump(t, `{"bootstrap":{"node":{"id":"backend-658b679b45-sidecar-proxy"}}}`)
	diff(t, "node", Node{ID: "backend-658b679b45-sidecar-proxy"}, p.Node)
}

func TestTextThatBreaksOff(t *testing.T) {
	broken := errors.New("connection lost")
	for _, head := range []string{"server.live: 1\n", "a::10.0.0.1:80::cx_total::1\n", "configs:\n- a: 1\n"} {
		p, _, err := DecodeAny(io.MultiReader(strings.NewReader(head), iotest.ErrReader(broken)), nil)
		var cut *CutError
		if !errors.Is(err, broken) || !errors.As(err, &cut) || cut.Offset != int64(len(head)) {
			t.Errorf("%q: %v, read %b", head, err, p.Read)
		}
	}
}
