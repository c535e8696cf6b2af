package envoy

import (
	"strings"
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/certs"
)

const (
	sdsGRPC = `"sds_config":{"api_config_source":{"api_type":"GRPC","grpc_services":[{"envoy_grpc":{"cluster_name":"sds-grpc"}}]},"resource_api_version":"V3"}`
	sdsCA   = `"validation_context_sds_secret_config":{"name":"ROOTCA",` + sdsGRPC + `}`
)

func TestTLSContext(t *testing.T) {
	for _, tc := range []struct {
		name, inside string
		want         TLSContext
	}{
		{
			"what istiod sends",
			`"sni":"outbound_.80_._.a","common_tls_context":{"tls_params":{"tls_minimum_protocol_version":"TLSv1_2","tls_maximum_protocol_version":4},
			 "alpn_protocols":["istio-peer-exchange","istio"],"tls_certificate_sds_secret_configs":[{"name":"default",` + sdsGRPC + `}],
			 "combined_validation_context":{"default_validation_context":{"match_subject_alt_names":[{"exact":"spiffe://cluster.local/ns/shop/sa/a"}]},` + sdsCA + `}}`,
			TLSContext{
				SNI: "outbound_.80_._.a", ALPN: []string{"istio-peer-exchange", "istio"}, MinVersion: "TLSv1_2", MaxVersion: "TLSv1_3",
				Certificates: []CertificateRef{{SDS: "default", SDSVia: "sds-grpc"}},
				Validation: Validation{
					Present: true, CA: &TrustRef{SDS: "ROOTCA", SDSVia: "sds-grpc"},
					Demands: Demands{SANs: []certs.Matcher{{Kind: "exact", Value: "spiffe://cluster.local/ns/shop/sa/a"}}},
				},
			},
		},
		{"no validation at all", `"common_tls_context":{}`, TLSContext{}},
		{"automatic versions are none", `"common_tls_context":{"tls_params":{"tls_minimum_protocol_version":"TLS_AUTO","cipher_suites":["a"],"ecdh_curves":["P-256"]}}`, TLSContext{Ciphers: []string{"a"}, Curves: []string{"P-256"}}},
		{"SDS alone", `"common_tls_context":{` + sdsCA + `}`, TLSContext{Validation: Validation{Present: true, CA: &TrustRef{SDS: "ROOTCA", SDSVia: "sds-grpc"}}}},
		{
			"the secret wins over the default in either order",
			`"common_tls_context":{"combined_validation_context":{` + sdsCA + `,"default_validation_context":{"trusted_ca":{"filename":"/etc/ca"}}}}`,
			TLSContext{Validation: Validation{Present: true, CA: &TrustRef{SDS: "ROOTCA", SDSVia: "sds-grpc"}}},
		},
		{
			"files", `"common_tls_context":{"tls_certificates":[{"certificate_chain":{"filename":"/c"},"private_key":{"filename":"/k"}}],"validation_context":{"trusted_ca":{"filename":"/ca"}}}`,
			TLSContext{Certificates: []CertificateRef{{File: "/c"}}, Validation: Validation{Present: true, CA: &TrustRef{File: "/ca"}}},
		},
		{"an SDS secret by path", `"common_tls_context":{"tls_certificate_sds_secret_configs":[{"name":"n","sds_config":{"path_config_source":{"path":"/etc/sds"}}},{"name":"o","sds_config":{"ads":{}}}]}`, TLSContext{
			Certificates: []CertificateRef{{SDS: "n", SDSVia: "/etc/sds"}, {SDS: "o", SDSVia: "ads"}},
		}},
		{"upstream flags", `"auto_host_sni":true,"auto_sni_san_validation":true,"common_tls_context":{"key_log":{}},"max_session_keys":1`, TLSContext{AutoHostSNI: true, AutoSANValidation: true}},
		{
			"validation options",
			`"common_tls_context":{"validation_context":{"verify_certificate_hash":["h"],"verify_certificate_spki":["s"],"allow_expired_certificate":true,"trust_chain_verification":1,"system_root_certs":{},"crl":{"filename":"/crl"},"only_verify_leaf_cert_crl":true,"max_verify_depth":0}}`,
			TLSContext{Validation: Validation{Present: true, Demands: Demands{
				Pins: certs.Pins{Hashes: []string{"h"}, Keys: []string{"s"}}, AllowExpired: true, AcceptUntrusted: true, SystemRoots: true, CRLFile: "/crl", LeafCRLOnly: true, MaxVerifyDepth: 1,
			}}},
		},
		{
			"a revocation list", `"common_tls_context":{"validation_context":{"crl":{"inline_string":"x"}}}`,
			TLSContext{Validation: Validation{Present: true, Demands: Demands{CRL: certs.ParseCRL([]byte("x"))}}},
		},
		{"no revocation list", `"common_tls_context":{"validation_context":{"crl":{}}}`, TLSContext{Validation: Validation{Present: true}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, p := oneTLS(t, tc.inside)
			diff(t, "context", &tc.want, got)
			silent(t, p)
		})
	}
}

func TestSANMatchersOfThreeGenerations(t *testing.T) {
	for _, tc := range []struct {
		name, fields string
		want         []certs.Matcher
	}{
		{"plain strings", `"verify_subject_alt_name":["a"]`, []certs.Matcher{{Kind: "exact", Value: "a"}}},
		{"plain strings of Envoy 1.14", `"hidden_envoy_deprecated_verify_subject_alt_name":["a"]`, []certs.Matcher{{Kind: "exact", Value: "a"}}},
		{"string matchers", `"match_subject_alt_names":[{"prefix":"p"},{"suffix":"s","ignore_case":true},{"contains":"c"},{"safe_regex":{"google_re2":{},"regex":"r.*"}}]`, []certs.Matcher{
			{Kind: "prefix", Value: "p"}, {Kind: "suffix", Value: "s", IgnoreCase: true}, {Kind: "contains", Value: "c"}, {Kind: "regex", Value: "r.*"},
		}},
		{"typed", `"match_typed_subject_alt_names":[{"san_type":"URI","matcher":{"exact":"u"}},{"san_type":2,"matcher":{"exact":"d"}},{"san_type":"OTHER_NAME","oid":"1.2","matcher":{"exact":"o"}}]`, []certs.Matcher{
			{SANType: "URI", Kind: "exact", Value: "u"}, {SANType: "DNS", Kind: "exact", Value: "d"}, {SANType: "OTHER_NAME", OID: "1.2", Kind: "exact", Value: "o"},
		}},
		{"typed without a type", `"match_typed_subject_alt_names":[{"matcher":{"exact":"u"}}]`, []certs.Matcher{{SANType: "unspecified", Kind: "exact", Value: "u"}}},
		{"typed ones win wherever they stand", `"match_subject_alt_names":[{"exact":"old"}],"match_typed_subject_alt_names":[{"san_type":"URI","matcher":{"exact":"u"}}]`, []certs.Matcher{{SANType: "URI", Kind: "exact", Value: "u"}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, p := oneTLS(t, `"common_tls_context":{"validation_context":{`+tc.fields+`}}`)
			diff(t, "SANs", tc.want, got.Validation.SANs)
			silent(t, p)
		})
	}
}

// TestUnknownFieldsOfTLSMessagesAreNamed holds for every message that decides a handshake:
// a field of the future must never be dropped in silence.
func TestUnknownFieldsOfTLSMessagesAreNamed(t *testing.T) {
	for path, inside := range map[string]string{
		"UpstreamTlsContext.novelty":                                        `"novelty":1`,
		"CommonTlsContext.novelty":                                          `"common_tls_context":{"novelty":{}}`,
		"CommonTlsContext.custom_handshaker":                                `"common_tls_context":{"custom_handshaker":{"name":"x"}}`,
		"TlsParameters.compliance_policies":                                 `"common_tls_context":{"tls_params":{"compliance_policies":["FIPS_202205"]}}`,
		"TlsCertificate.pkcs12":                                             `"common_tls_context":{"tls_certificates":[{"certificate_chain":{"filename":"f"},"pkcs12":{"filename":"p"}}]}`,
		"CertificateValidationContext.novelty":                              `"common_tls_context":{"validation_context":{"novelty":true}}`,
		"CertificateValidationContext.require_signed_certificate_timestamp": `"common_tls_context":{"validation_context":{"require_signed_certificate_timestamp":true}}`,
		"CombinedCertificateValidationContext.novelty":                      `"common_tls_context":{"combined_validation_context":{"novelty":1}}`,
		"StringMatcher.custom":                                              `"common_tls_context":{"validation_context":{"match_subject_alt_names":[{"custom":{}}]}}`,
		"SubjectAltNameMatcher.novelty":                                     `"common_tls_context":{"validation_context":{"match_typed_subject_alt_names":[{"novelty":1}]}}`,
		"CertificateValidationContext.custom_validator_config":              `"common_tls_context":{"validation_context":{"custom_validator_config":{"name":"x","typed_config":{` + typeOf("x.Y") + `,"a":1}}}}`,
		"CertificateValidationContext.trusted_ca":                           `"common_tls_context":{"validation_context":{"trusted_ca":{"inline_string":"nonsense"}}}`,
		"SPIFFECertValidatorConfig.trust_bundle":                            `"common_tls_context":{"validation_context":{"custom_validator_config":{"typed_config":{` + typeOf(spiffeValidator) + `,"trust_domains":[{"name":"a","trust_bundle":{"filename":"f"}}]}}}}`,
		"TlsCertificate.certificate_chain":                                  `"common_tls_context":{"tls_certificates":[{"certificate_chain":{"inline_string":"[redacted]"}}]}`,
	} {
		t.Run(path, func(t *testing.T) {
			got, p := oneTLS(t, inside)
			diff(t, "unmodelled", []string{path}, got.Unmodelled)
			if len(p.Unmodelled) == 0 {
				t.Error("nothing is counted")
			}
		})
	}
}

func TestHarmlessFieldsAreSilent(t *testing.T) {
	for path, why := range harmless {
		message, field, _ := strings.Cut(path, ".")
		if why == "" {
			t.Errorf("%s has no reason", path)
		}
		inside, ok := map[string]string{
			"CommonTlsContext":             `"common_tls_context":{"` + field + `":{"x":1}}`,
			"CertificateValidationContext": `"common_tls_context":{"validation_context":{"` + field + `":{"x":1}}}`,
			"TlsCertificate":               `"common_tls_context":{"tls_certificates":[{"certificate_chain":{"filename":"f"},"` + field + `":{"x":1}}]}`,
			"UpstreamTlsContext":           `"` + field + `":1`,
		}[message]
		if !ok {
			continue // DownstreamTlsContext and FilterChain have tests of their own
		}
		got, p := oneTLS(t, inside)
		if len(got.Unmodelled) > 0 {
			t.Errorf("%s is in Unmodelled", path)
		}
		silent(t, p)
	}
}

func TestNullIsUnset(t *testing.T) {
	got, p := oneTLS(t, `"sni":null,"novelty":null,"common_tls_context":{"alpn_protocols":null,"validation_context":{"novelty":null}}`)
	diff(t, "context", &TLSContext{Validation: Validation{Present: true}}, got)
	silent(t, p)

	got, p = oneTLS(t, `"common_tls_context":{"validation_context":null,"tls_params":null}`)
	diff(t, "context", &TLSContext{}, got)
	silent(t, p)
}
