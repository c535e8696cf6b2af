package envoy

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCleanTextDropsSecrets(t *testing.T) {
	key := testKey(t)
	for _, tt := range []struct{ name, in, want string }{
		{"key", "before\n" + key + "after\n", "before\n[redacted]\nafter\n"},
		{"kubeconfig", "client-key-data: " + encode(key), `client-key-data: ` + encode(redacted+"\n")},
		{"bearer", "> authorization: Bearer $S\r\n", "> authorization: [redacted]\r\n"},
		{"short bearer", `"authorization": "Bearer abc"`, `"authorization": "[redacted]"`},
		{"basic", "Basic " + encode("user:"+hidden), "Basic [redacted]"},
		{"flag", "exec redis-cli --password=$S -h redis", "exec redis-cli --password=[redacted] -h redis"},
		{"quotes", `set password: "$S $S" secret_key='$S $S' {\"password\": \"$S $S\"}`, `set password: "[redacted]" secret_key='[redacted]' {\"password\": \"[redacted]\"}`},
		{"environment", "DB_PASSWORD=$S\nPATH=/bin\n", "DB_PASSWORD=[redacted]\nPATH=/bin\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := cleanText(plant(t, tt.in))
			if diff := cmp.Diff(plant(t, tt.want), got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			assertNoSecret(t, got)
		})
	}
}

func TestCleanTextKeepsTheRest(t *testing.T) {
	for _, text := range []string{
		"",
		"outbound|80||token.shop::10.0.0.1:8080::cx_total::1\n",
		`[2026-11-23T21:39:51.405Z] "GET /token HTTP/1.1" 200 - via_upstream - "-" 0 5 "10.0.0.1:8080" outbound|80||server.shop` + "\n",
		"TLS_error:|268435581:SSL routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED:TLS_error_end\n",
		"listener: basic authentication failed; bearer token is missing; secret: Secret is not supplied by SDS\n",
		"$CERTlast\n",
	} {
		in := strings.ReplaceAll(plant(t, text), `\n`, "\n")
		if diff := cmp.Diff(in, cleanText(in)); diff != "" {
			t.Errorf("changed (-was +is):\n%s", diff)
		}
	}
}
