package checks

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
)

// TestSigns: whom a pasted text leads to a check, finds the same words there.
func TestSigns(t *testing.T) {
	symptoms := map[diagnose.Code]string{}
	for _, c := range All() {
		symptoms[c.Code] = strings.ReplaceAll(strings.Join(c.Doc.Symptoms, "\n"), "_", " ")
	}
	for _, s := range Signs() {
		re := regexp.MustCompile(s.Pattern)
		if s.Means == "" || (len(s.Codes) == 0) == (s.Next == "") || strings.Contains(s.Pattern, "_") {
			t.Errorf("%q has no meaning, or leads nowhere, or cannot match: %+v", s.Pattern, s)
		}
		for _, code := range s.Codes {
			if !re.MatchString(symptoms[code]) {
				t.Errorf("%q leads to %s, whose symptoms do not name it:\n%s", s.Pattern, code, symptoms[code])
			}
		}
	}
}

// TestRecognisePasted: texts as real proxies, istiod, curl and kubectl write them.
func TestRecognisePasted(t *testing.T) {
	const prefix = "upstream connect error or disconnect/reset before headers. reset reason: remote connection failure, transport failure reason: TLS_error:|268435581:SSL routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED:TLS_error_end"
	for text, want := range map[string]string{
		prefix: "MTD201 MTD202 MTD302 MTD101 MTD203 MTD204 MTD341 MTD103",
		"TLS_error:|268435581:SSL_routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED:verify_cert_failed:_SAN_matcher,_certificate_SANs_are_[spiffe://a/ns/b/sa/c]": "MTD202 MTD203 MTD501",
		"CERTIFICATE_VERIFY_FAILED:verify cert failed: X509_verify_cert: certificate verification error at depth 0: certificate has expired":                        "MTD101",
		"x509: certificate has expired or is not yet valid: current time 2026-11-24T03:00:00Z":                                                                      "MTD101 MTD103",
		"X509_verify_cert:_certificate_verification_error_at_depth_1:_self_signed_certificate_in_certificate_chain":                                                 "MTD302 MTD201 MTD341",
		"503 UF,URX upstream_reset_before_response_started{remote_connection_failure|TLS_error:|268435703:SSL_routines:OPENSSL_internal:WRONG_VERSION_NUMBER}":      "MTD303 MTD314 MTD313 MTD323 MTD307",
		"curl: (35) OpenSSL/3.0.13: error:0A00010B:SSL routines::wrong version number":                                                                              "MTD307 MTD333 MTD303 MTD314 MTD313 MTD323",
		"upstream connect error or disconnect/reset before headers. retried and the latest reset reason: remote connection failure":                                 "MTD303 MTD302 MTD201 MTD202 MTD314 MTD313 MTD101 MTD203 MTD204 MTD341 MTD206 MTD401 MTD103",
		"TLS_error:|268435581:SSL routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED:verify cert failed: verify SAN list":                                          "MTD202 MTD203 MTD501",
		`"- - -" 0 NR filter_chain_not_found - "-" 0 0 0 - "-"`:                                                                                                     "MTD601 MTD301 MTD306 MTD308 MTD315 MTD316 MTD312 MTD604 MTD321 MTD322 MTD320 MTD331 MTD340",
		`"GET / HTTP/1.1" 503 UC upstream_reset_before_response_started{connection_termination} 10.0.0.1:8080 PassthroughCluster`:                                   "MTD315 MTD316",
		"upstream connect error or disconnect/reset before headers. reset reason: connection termination":                                                           "MTD301 MTD306 MTD308 MTD312 MTD315 MTD316 MTD322 MTD320 MTD305 MTD304 MTD340 MTD201 MTD203 MTD101",
		`Internal error occurred: failed calling webhook "x.example.com": x509: certificate is not valid for any names, but wanted to match x`:                      "MTD610",
		`failed calling webhook "namespace.sidecar-injector.istio.io": context deadline exceeded`:                                                                   "MTD605 MTD610",
		"100% of the checkout/api targets in shop namespace are down: TargetDown":                                                                                   "MTD612 MTD603",
		"target is down": "MTD612 MTD603",
		"server returned HTTP status 503 Service Unavailable":                                                          "MTD612 MTD603",
		`Get "http://10.244.1.7:8080/metrics": read tcp 10.244.2.3:5->10.244.1.7:8080: read: connection reset by peer`: "MTD612 MTD603",
		`Get "http://10.244.1.7:8080/metrics": context deadline exceeded`:                                              "NetworkPolicies",
		"HTTP/1.1 503 Service Unavailable\n\nno healthy upstream":                                                      "kubectl -n NS get endpointslices",
		"upstream connect error or disconnect/reset before headers. reset reason: connection timeout":                  "NetworkPolicies",
		"reset reason: remote connection failure, transport failure reason: delayed connect error: 111":                "targetPort",
		`"GET /x HTTP/1.1" 404 NR route_not_found`:                                                                     "VirtualService",
		"RBAC: access denied":        "MTD317 MTD399",
		"everything is fine, thanks": "",
		"uc berkeley, nr. 5":         "",
	} {
		var got []string
		for _, s := range diagnose.Recognise(Signs(), text) {
			for _, c := range s.Codes {
				got = append(got, string(c))
			}
			if s.Next != "" {
				got = append(got, s.Next)
			}
			if !strings.Contains(text, s.Text) || s.Text == "" {
				t.Errorf("%q: %q is not in it", text, s.Text)
			}
		}
		if all := strings.Join(got, " "); want == "" && all != "" || !strings.Contains(all, want) || strings.HasPrefix(want, "MTD") && all != want {
			t.Errorf("%q: %s, want %s", text, all, want)
		}
	}
}

// TestSignsTellMostFirst: a text with a cause says nothing of its symptoms, wherever they stand.
func TestSignsTellMostFirst(t *testing.T) {
	seen := diagnose.Recognise(Signs(), "connection reset by peer; CERTIFICATE_VERIFY_FAILED: certificate has expired; 503 UC")
	if len(seen) != 1 || !slices.Equal(seen[0].Codes, []diagnose.Code{"MTD101"}) || seen[0].Text != "certificate has expired" {
		t.Errorf("%+v", seen)
	}
}

// TestSignsOfEachLine: a log is of many calls, and what one line tells takes nothing from another.
func TestSignsOfEachLine(t *testing.T) {
	seen := diagnose.Recognise(Signs(), "503 UC\nRBAC: access denied\n503 UC upstream_reset\n")
	if len(seen) != 2 || seen[0].Text != "RBAC: access denied" || seen[1].Text != "UC" {
		t.Errorf("%+v", seen)
	}
}
