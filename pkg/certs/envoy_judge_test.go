//go:build envoyjudge

package certs_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mtls-doctor/kubectl-mtls-doctor/internal/testca"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/certs"
)

// TestVerifyAgainstEnvoy lets a real Envoy judge every case in both roles,
// and compares verdict, depth and text. It runs on request only:
//
//	ENVOY=/path/to/envoy go test -tags envoyjudge -run AgainstEnvoy ./pkg/certs
func TestVerifyAgainstEnvoy(t *testing.T) {
	now := time.Now()
	cases := judgeCases(now)
	for _, c := range judgeCases(now) {
		c.spiffe = true
		cases = append(cases, c)
	}
	for _, c := range constraintCases() {
		cases = append(cases, c.judgeCase(now, certs.ServerCertificate), c.judgeCase(now, certs.ClientCertificate))
	}
	cases = append(cases, revocationCases(now)...)
	cases = append(cases, pinCases(now)...)
	e := startEnvoy(t, now, cases)
	wrong := 0
	for i, c := range cases {
		theirs := e.ask(t, i, c)
		ours := verdictOf(t, c.verify(now))
		if (ours.Reason == "") != (theirs == "") || !strings.Contains(theirs, strings.ReplaceAll(ours.Text, "_", " ")) {
			wrong++
			t.Errorf("%s: Verify says %+v, Envoy %q", c.name(), ours, theirs)
		}
	}
	t.Logf("%d of %d cases differ", wrong, len(cases))
}

// envoy is a running one: HTTP requests to front make it a TLS client,
// connections to back a TLS server.
type envoy struct {
	front, back string
	out         *bufio.Scanner
	http        http.Client
}

func startEnvoy(t *testing.T, now time.Time, cases []judgeCase) *envoy {
	t.Helper()
	dir := t.TempDir()
	e := &envoy{front: freePort(t), back: freePort(t)}
	upstream := serveLeaves(t, cases)
	config := filepath.Join(dir, "envoy.json")
	data, err := json.Marshal(envoyConfig(e, upstream, now, cases))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(config, data, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, os.Getenv("ENVOY"), "-c", config, "--concurrency", "1", "-l", "error",
		"--disable-hot-restart", "--file-flush-interval-msec", "5")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); _ = cmd.Wait() })
	e.out = bufio.NewScanner(out)
	waitFor(t, e.front)
	return e
}

func waitFor(t *testing.T, address string) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for time.Now().Before(deadline) {
		if c, err := net.Dial("tcp", address); err == nil {
			_ = c.Close()
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("envoy does not listen")
}

// ask gives Envoy's reason for refusing a case, "" if it accepts.
func (e *envoy) ask(t *testing.T, i int, c judgeCase) string {
	t.Helper()
	accepts := e.askClient
	if c.role == certs.ClientCertificate {
		accepts = e.askServer
	}
	accepted := accepts(t, i, c)
	for e.out.Scan() {
		name, reason, _ := strings.Cut(e.out.Text(), " ")
		if name != sni(i) {
			continue
		}
		if accepted {
			return ""
		}
		return strings.ReplaceAll(reason, "_", " ")
	}
	t.Fatalf("no log line for case %d", i)
	return ""
}

// askClient makes Envoy connect to the case's leaf.
func (e *envoy) askClient(t *testing.T, i int, _ judgeCase) bool {
	t.Helper()
	res, err := e.http.Get(fmt.Sprintf("http://%s/%d", e.front, i))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	_, _ = io.Copy(io.Discard, res.Body)
	return res.StatusCode == http.StatusOK
}

// askServer connects to Envoy with the case's leaf; Envoy answers
// whom it accepts.
func (e *envoy) askServer(t *testing.T, i int, c judgeCase) bool {
	t.Helper()
	conn, err := net.Dial("tcp", e.back)
	if err != nil {
		t.Fatal(err)
	}
	cert := c.leaf.TLS()
	client := tls.Client(conn, &tls.Config{
		ServerName: sni(i), InsecureSkipVerify: true,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &cert, nil },
	})
	defer func() { _ = client.Close() }()
	_, _ = io.WriteString(client, "GET / HTTP/1.1\r\nHost: judge\r\nConnection: close\r\n\r\n")
	n, _ := client.Read(make([]byte, 1))
	return n > 0
}

func sni(i int) string { return "case-" + strconv.Itoa(i) + ".test" }

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// serveLeaves answers HTTP over TLS with the leaf that the SNI names.
func serveLeaves(t *testing.T, cases []judgeCase) string {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		GetCertificate: func(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
			i, err := strconv.Atoi(strings.TrimSuffix(strings.TrimPrefix(h.ServerName, "case-"), ".test"))
			if err != nil {
				return nil, err
			}
			cert := cases[i].leaf.TLS()
			return &cert, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{ErrorLog: log.New(io.Discard, "", 0), Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {})}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
	return l.Addr().String()
}

type object = map[string]any

// tls13 is what istiod sets on both sides.
var tls13 = object{"tls_minimum_protocol_version": "TLSv1_2", "tls_maximum_protocol_version": "TLSv1_3"}

func address(hostPort string) object {
	host, port, _ := net.SplitHostPort(hostPort)
	n, _ := strconv.Atoi(port)
	return object{"socket_address": object{"address": host, "port_value": n}}
}

func typed(kind string, o object) object {
	o["@type"] = "type.googleapis.com/envoy." + kind
	return o
}

func envoyConfig(e *envoy, upstream string, now time.Time, cases []judgeCase) object {
	peer := testca.New(now, testca.Seed("peer")).Leaf("shop/peer")
	var clusters, routes, chains []object
	for i, c := range cases {
		if c.role == certs.ServerCertificate {
			clusters = append(clusters, cluster(i, c, upstream))
			routes = append(routes, object{"match": object{"path": fmt.Sprintf("/%d", i)}, "route": object{"cluster": sni(i)}})
			continue
		}
		chains = append(chains, filterChain(i, c, peer))
	}
	return object{"static_resources": object{"clusters": clusters, "listeners": []object{front(e, routes), back(e, chains)}}}
}

func validation(c judgeCase) object {
	anchors := string(testca.PEM(c.trust...))
	if c.inBundle {
		anchors += string(c.crl)
	}
	pem := object{"inline_string": anchors}
	out := object{"only_verify_leaf_cert_crl": c.leafOnly, "verify_certificate_hash": c.pins.Hashes, "verify_certificate_spki": c.pins.Keys}
	if c.crl != nil && !c.inBundle {
		out["crl"] = object{"inline_string": string(c.crl)}
	}
	switch {
	case len(c.trust) == 0:
		return out
	case !c.spiffe:
		out["trusted_ca"] = pem
		return out
	}
	var domains []object
	for _, td := range spiffeDomains {
		domains = append(domains, object{"name": td, "trust_bundle": pem})
	}
	out["custom_validator_config"] = object{
		"name":         "envoy.tls.cert_validator.spiffe",
		"typed_config": typed("extensions.transport_sockets.tls.v3.SPIFFECertValidatorConfig", object{"trust_domains": domains}),
	}
	return out
}

func cluster(i int, c judgeCase, upstream string) object {
	return object{
		"name": sni(i), "type": "STATIC", "connect_timeout": "5s",
		"load_assignment": object{"cluster_name": sni(i), "endpoints": []object{{"lb_endpoints": []object{{"endpoint": object{"address": address(upstream)}}}}}},
		"transport_socket": object{"name": "tls", "typed_config": typed("extensions.transport_sockets.tls.v3.UpstreamTlsContext", object{
			"sni": sni(i), "common_tls_context": object{"tls_params": tls13, "validation_context": validation(c)},
		})},
	}
}

func front(e *envoy, routes []object) object {
	return object{"name": "front", "address": address(e.front), "filter_chains": []object{{"filters": []object{manager(routes, accessLog("UPSTREAM"))}}}}
}

func manager(routes, log []object) object {
	return object{"name": "hcm", "typed_config": typed("extensions.filters.network.http_connection_manager.v3.HttpConnectionManager", object{
		"stat_prefix":  "hcm",
		"access_log":   log,
		"route_config": object{"virtual_hosts": []object{{"name": "all", "domains": []string{"*"}, "routes": routes}}},
		"http_filters": []object{{"name": "router", "typed_config": typed("extensions.filters.http.router.v3.Router", object{})}},
	})}
}

func filterChain(i int, c judgeCase, peer *testca.Leaf) object {
	pair := object{
		"certificate_chain": object{"inline_string": string(peer.PEM())},
		"private_key":       object{"inline_string": string(peer.KeyPEM())},
	}
	answer := object{"match": object{"prefix": "/"}, "direct_response": object{"status": 200}}
	return object{
		"filter_chain_match": object{"server_names": []string{sni(i)}},
		"filters":            []object{manager([]object{answer}, nil)},
		"transport_socket": object{"name": "tls", "typed_config": typed("extensions.transport_sockets.tls.v3.DownstreamTlsContext", object{
			"require_client_certificate": true,
			"common_tls_context":         object{"tls_params": tls13, "tls_certificates": []object{pair}, "validation_context": validation(c)},
		})},
	}
}

func back(e *envoy, chains []object) object {
	return object{
		"name": "back", "address": address(e.back), "filter_chains": chains,
		"listener_filters": []object{{"name": "sni", "typed_config": typed("extensions.filters.listener.tls_inspector.v3.TlsInspector", object{})}},
		"access_log":       accessLog("DOWNSTREAM"),
	}
}

// accessLog writes the case and why the TLS of that side failed.
func accessLog(side string) []object {
	name := map[string]string{"UPSTREAM": "%UPSTREAM_CLUSTER%", "DOWNSTREAM": "%REQUESTED_SERVER_NAME%"}[side]
	format := object{"text_format_source": object{"inline_string": name + " %" + side + "_TRANSPORT_FAILURE_REASON%\n"}}
	return []object{{"name": "out", "typed_config": typed("extensions.access_loggers.stream.v3.StdoutAccessLog", object{"log_format": format})}}
}
