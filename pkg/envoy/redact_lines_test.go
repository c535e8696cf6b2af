package envoy

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

func TestRedactTextDropsSecrets(t *testing.T) {
	key := testKey(t)
	for _, tt := range []struct{ name, in, want string }{
		{"key", "before\n" + key + "after\n", "before\n[redacted]\nafter\n"},
		{"encrypted key", "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\n$S\n-----END RSA PRIVATE KEY----- x", "[redacted]\n x"},
		{"key behind time stamps", "1 -----BEGIN PRIVATE KEY-----\n2 $S\n3 -----END PRIVATE KEY-----\n4 $CERT", "1 [redacted]\n2 [redacted]\n4 $CERT"},
		{"key in one line", `x -----BEGIN PRIVATE KEY-----\n$S\n-----END PRIVATE KEY-----\n y`, `x [redacted]\n y`},
		{"key without an end", "-----BEGIN PRIVATE KEY-----\n$S\nthe next message\n", "[redacted]\nthe next message\n"},
		{"kubeconfig", "client-key-data: " + encode(key), `client-key-data: ` + encode(redacted+"\n")},
		{"bearer", "> authorization: Bearer $S\r\n", "> authorization: [redacted]\r\n"},
		{"short bearer", `"authorization": "Bearer abc"`, `"authorization": "[redacted]"`},
		{"basic", "Basic " + encode("user:"+hidden), "Basic [redacted]"},
		{"flag", "exec redis-cli --password=$S -h redis", "exec redis-cli --password=[redacted] -h redis"},
		{"quotes", `set password: "$S $S" secret_key='$S $S' {\"password\": \"$S $S\"}`, `set password: "[redacted]" secret_key='[redacted]' {\"password\": \"[redacted]\"}`},
		{"environment", "DB_PASSWORD=$S\nPATH=/bin\n", "DB_PASSWORD=[redacted]\nPATH=/bin\n"},
		{"JSON line", `{"level":"info","password":"$S"}` + "\n", `{"level":"info","password":"[redacted]"}` + "\n"},
		{"YAML field", "a:\n  private_key: $S\n  b: 1\n", "a:\n  private_key: \"[redacted]\"\n  b: 1\n"},
		{"YAML source", "private_key:\n  inline_bytes: $B\nname: x\n", "private_key:\n  inline_bytes: $EMPTY64\nname: x\n"},
		{"YAML text", "- privateKey:\n    inlineString: |\n      $S\n      $S\n    filename: /etc/key.pem\n  name: x\n", "- privateKey:\n    inlineString: \"[redacted]\"\n    filename: /etc/key.pem\n  name: x\n"},
		{"YAML list", "session_ticket_keys:\n  keys:\n  - inline_string: $S\n  - $S\nname: x", "session_ticket_keys:\n  keys:\n  - inline_string: \"[redacted]\"\nname: x"},
		{"YAML block", "password: >-\n  $S\nname: x", "password: [redacted]\nname: x"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := redactLines(t, plant(t, tt.in))
			if diff := cmp.Diff(plant(t, tt.want), got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			assertNoSecret(t, got)
		})
	}
}

func TestRedactTextKeepsTheRest(t *testing.T) {
	for _, text := range []string{
		"",
		"\n",
		"no end of line",
		"outbound|80||token.shop::10.0.0.1:8080::cx_total::1\n",
		`[2026-11-23T21:39:51.405Z] "GET /token HTTP/1.1" 200 - via_upstream - "-" 0 5 "10.0.0.1:8080" outbound|80||server.shop` + "\n",
		"TLS_error:|268435581:SSL routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED:TLS_error_end\n",
		"cluster.xds-grpc.upstream_cx_total: 4\n$CERTlast\n",
		"listener: basic authentication failed; bearer token is missing; secret: Secret is not supplied by SDS\n",
		"name: default\ntls_certificate:\n  certificate_chain:\n    inline_bytes: $CERT64\n",
	} {
		in := strings.ReplaceAll(plant(t, text), `\n`, "\n")
		if diff := cmp.Diff(in, redactLines(t, in)); diff != "" {
			t.Errorf("changed (-was +is):\n%s", diff)
		}
	}
}

func TestRedactTextReportsBothEnds(t *testing.T) {
	broken := errors.New("broken pipe")
	if err := RedactText(&bytes.Buffer{}, iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("reader's error is lost: %v", err)
	}
	if err := RedactText(failingWriter{broken}, strings.NewReader("x")); !errors.Is(err, broken) {
		t.Errorf("writer's error is lost: %v", err)
	}
}

func redactLines(t *testing.T, in string) string {
	t.Helper()
	var out bytes.Buffer
	if err := RedactText(&out, strings.NewReader(in)); err != nil {
		t.Fatal(err)
	}
	return out.String()
}
