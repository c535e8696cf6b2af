package envoy

import (
	"strings"
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/certs"
)

func TestCertificateSecret(t *testing.T) {
	leaf := testCA(t).Leaf("shop/a")
	chain, err := certs.ParseChain(leaf.PEM())
	if err != nil {
		t.Fatal(err)
	}
	standard := b64(leaf.PEM())
	url := strings.TrimRight(strings.NewReplacer("+", "-", "/", "_").Replace(standard), "=")
	quoted := strings.ReplaceAll(string(leaf.PEM()), "\n", `\n`)
	for name, source := range map[string]string{
		"base64":                 `"inline_bytes":"` + standard + `"`,
		"base64 URL, no padding": `"inlineBytes":"` + url + `"`,
		"a string":               `"inline_string":"` + quoted + `"`,
		"DER":                    `"inline_bytes":"` + b64(leaf.DER()) + `"`,
	} {
		t.Run(name, func(t *testing.T) {
			s, p := oneSecret(t, `"name":"default","tls_certificate":{"certificate_chain":{`+source+`},"private_key":{"inline_bytes":"`+b64(leaf.KeyPEM())+`"}}`)
			diff(t, "secret", &Secret{Name: "default", Chain: chain, Freshness: Freshness{State: Active}}, s)
			silent(t, p)
		})
	}
}

// TestRedactedMaterialIsSaid covers the five ways in which dumps hide content: what is hidden
// is a problem of the secret, never content and never an empty success.
func TestRedactedMaterialIsSaid(t *testing.T) {
	for source, want := range map[string]string{
		`"inline_bytes":"` + b64([]byte("[redacted]")) + `"`: "the dump has it redacted",
		`"inline_bytes":"[redacted]"`:                        "the dump has it redacted",
		`"inline_string":"[redacted]"`:                       "the dump has it redacted",
		`"filename":"[redacted]"`:                            "the dump has it redacted",
		`"inline_bytes":""`:                                  "the dump does not hold its content",
		`"environment_variable":"CERT"`:                      "it is in the environment variable CERT of the proxy, which the dump does not show",
	} {
		for _, form := range []string{`"tls_certificate":{"certificate_chain":{` + source + `}}`, `"validation_context":{"trusted_ca":{` + source + `}}`} {
			s, _ := oneSecret(t, `"name":"default",`+form)
			diff(t, form, &Secret{Name: "default", Problem: want, Freshness: Freshness{State: Active}}, s)
		}
	}
}

func TestKeysAreNeverKept(t *testing.T) {
	leaf := testCA(t).Leaf("shop/a")
	key := b64(leaf.KeyPEM())
	s, _ := oneSecret(t, `"name":"default","tls_certificate":{"private_key":{"inline_bytes":"`+key+`"},"password":{"inline_string":"geheim"}}`)
	diff(t, "secret", &Secret{Name: "default", Problem: "the dump does not hold its content", Freshness: Freshness{State: Active}}, s)
	for _, inside := range []string{`"session_ticket_keys":{"keys":[{"inline_bytes":"` + key + `"}]}`, `"generic_secret":{"secret":{"inline_bytes":"` + key + `"}}`} {
		s, _ := oneSecret(t, `"name":"x",`+inside)
		if !strings.HasPrefix(s.Problem, "it holds no certificate but a ") || s.Chain != nil || s.Bundle != nil {
			t.Errorf("secret = %+v", s)
		}
	}
}

func TestTrustSecrets(t *testing.T) {
	ca := testCA(t)
	bundle, err := certs.ParseBundle(ca.PEM())
	if err != nil {
		t.Fatal(err)
	}
	inline := `{"inline_bytes":"` + b64(ca.PEM()) + `"}`
	active := Freshness{State: Active}
	for _, tc := range []struct {
		name, inside string
		want         Secret
	}{
		{"a bundle", `"trusted_ca":` + inline, Secret{Bundle: bundle}},
		{"a file", `"trusted_ca":{"filename":"/etc/ca.pem"}`, Secret{File: "/etc/ca.pem"}},
		{"with SANs", `"match_subject_alt_names":[{"exact":"a"}],"trusted_ca":` + inline, Secret{Bundle: bundle, Demands: Demands{SANs: []certs.Matcher{{Kind: "exact", Value: "a"}}}}},
		{
			"SPIRE's, with an empty trusted_ca",
			`"trusted_ca":{},"custom_validator_config":{"name":"envoy.tls.cert_validator.spiffe","typed_config":{` + typeOf(spiffeValidator) + `,"trust_domains":[{"name":"east.local","trust_bundle":` + inline + `}]}}`,
			Secret{Demands: Demands{SPIFFE: map[string]*certs.Bundle{"east.local": bundle}}},
		},
		{"nonsense", `"trusted_ca":{"inline_string":"no PEM"}`, Secret{Problem: "no certificate found"}},
		{
			"a SPIFFE validator without trust domains",
			`"custom_validator_config":{"typed_config":{` + typeOf(spiffeValidator) + `,"trust_domains":[]}}`,
			Secret{Problem: "the dump does not hold its content"},
		},
		{"no CA", `"match_subject_alt_names":[{"exact":"a"}]`, Secret{Demands: Demands{SANs: []certs.Matcher{{Kind: "exact", Value: "a"}}}, Problem: "the dump does not hold its content"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, _ := oneSecret(t, `"name":"ROOTCA","validation_context":{`+tc.inside+`}`)
			tc.want.Name, tc.want.Freshness = "ROOTCA", active
			if !strings.Contains(s.Problem, tc.want.Problem) {
				t.Errorf("problem = %q, want %q in it", s.Problem, tc.want.Problem)
			}
			tc.want.Problem = s.Problem
			diff(t, "secret", &tc.want, s)
		})
	}
}

// TestOptionsOfATrustSecret: what decides who is accepted is kept, or named as not modelled.
func TestOptionsOfATrustSecret(t *testing.T) {
	const context = "CertificateValidationContext."
	for inside, want := range map[string]Secret{
		`"allow_expired_certificate":true`:              {Demands: Demands{AllowExpired: true}},
		`"trust_chain_verification":"ACCEPT_UNTRUSTED"`: {Demands: Demands{AcceptUntrusted: true}},
		`"max_verify_depth":2`:                          {Demands: Demands{MaxVerifyDepth: 2}},
		`"crl":{"filename":"c"}`:                        {Demands: Demands{CRLFile: "c"}},
		`"only_verify_leaf_cert_crl":true`:              {Demands: Demands{LeafCRLOnly: true}},
		`"verify_certificate_hash":["00"]`:              {Demands: Demands{Pins: certs.Pins{Hashes: []string{"00"}}}},
		`"verify_certificate_spki":["00"]`:              {Demands: Demands{Pins: certs.Pins{Keys: []string{"00"}}}},
		`"system_root_certs":{}`:                        {Demands: Demands{SystemRoots: true}},
		`"crl":{"environment_variable":"E"}`:            {Unmodelled: []string{context + "crl"}},
		`"custom_validator_config":{"typed_config":{` + typeOf("example.Validator") + `}}`: {Unmodelled: []string{context + "custom_validator_config"}},
		`"of_the_future":1`: {Unmodelled: []string{context + "of_the_future"}},
	} {
		s, p := oneSecret(t, `"name":"ROOTCA","validation_context":{"trusted_ca":{"filename":"f"},`+inside+`}`)
		want.Name, want.File, want.Freshness = "ROOTCA", "f", Freshness{State: Active}
		diff(t, inside, &want, s)
		for _, path := range want.Unmodelled { // of some what is the matter is noted too
			if !mentions(p.Unmodelled, path) && !strings.HasSuffix(path, "custom_validator_config") {
				t.Errorf("%s: %s is not noted: %v", inside, path, p.Unmodelled)
			}
		}
	}
}

func TestSecretStates(t *testing.T) {
	p := mustDump(t, dump(`{`+typeOf("envoy.admin.v3.SecretsConfigDump")+`,
		"static_secrets":[{"name":"s","secret":{"name":"s","validation_context":{"trusted_ca":{"filename":"f"}}}}],
		"dynamic_active_secrets":[{"name":"new","version_info":"uninitialized","secret":{"name":"new"}}],
		"dynamic_warming_secrets":[{"name":"w","version_info":"uninitialized","last_updated":"2026-11-23T12:00:00Z","secret":{"name":"w"}}]}`))
	want := []*Secret{
		{Name: "s", File: "f", Freshness: Freshness{State: Static}},
		{Name: "new", Freshness: Freshness{State: Warming, Version: "uninitialized"}},
		{Name: "w", Freshness: Freshness{State: Warming, Version: "uninitialized", LastUpdated: testTime()}},
	}
	diff(t, "secrets", want, p.Secrets)
}

func TestInlineCertificates(t *testing.T) {
	ca := testCA(t)
	leaf := ca.Leaf("shop/a")
	got, p := oneTLS(t, `"common_tls_context":{"tls_certificates":[{"certificate_chain":{"inline_bytes":"`+b64(leaf.PEM())+`"},"private_key":{"inline_string":"[redacted]"}}],
		"validation_context":{"trusted_ca":{"inline_bytes":"`+b64(ca.PEM())+`"}}}`)
	silent(t, p)
	if len(got.Certificates) != 1 || !got.Certificates[0].Chain.Leaf().Equal(leaf.Certificate()) {
		t.Errorf("certificates = %+v", got.Certificates)
	}
	if ca := got.Validation.CA; ca == nil || ca.Bundle == nil || len(ca.Bundle.Certificates()) != 1 {
		t.Errorf("CA = %+v", ca)
	}
}
