//go:build !race

package envoy

import (
	"testing"
)

// TestDecoderReadsOddConfigsAsProtojson holds what the fuzzer found, as small as it gets: each is a
// config that is valid JSON of the schema, in an order or with gaps that Envoy itself does not print.
func TestDecoderReadsOddConfigsAsProtojson(t *testing.T) {
	for _, tt := range []struct{ name, listener string }{
		{"RBAC filter without rules", filterOf(`"@type":"type.googleapis.com/envoy.extensions.filters.network.rbac.v3.RBAC"`)},
		{"RBAC filter without rules, named", filterOf(`"@type":"type.googleapis.com/envoy.extensions.filters.network.rbac.v3.RBAC","stat_prefix":"tcp."`)},
		{"shadow rules before rules", filterOf(`"@type":"type.googleapis.com/envoy.extensions.filters.network.rbac.v3.RBAC",
			"shadow_rules":{"policies":{"a":{"permissions":[{"any":true}],"principals":[{"any":true}],"condition":{}}}},"rules":{}`)},
		{"matcher before shadow rules", filterOf(`"@type":"type.googleapis.com/envoy.extensions.filters.network.rbac.v3.RBAC",
			"matcher":{},"shadow_rules":{"action":"DENY"}`)},
		{"shadow rules before matcher", filterOf(`"@type":"type.googleapis.com/envoy.extensions.filters.network.rbac.v3.RBAC",
			"shadow_rules":{"action":"DENY"},"matcher":{}`)},
		{"listener on an internal address without a name", `"address":{"envoy_internal_address":{}}`},
		{"SAN of no type", chainOfTLS(`"validation_context":{"match_typed_subject_alt_names":[{"matcher":{"exact":"a"}}]}`)},
		{"SAN of type 0", chainOfTLS(`"validation_context":{"match_typed_subject_alt_names":[{"san_type":0,"matcher":{"exact":"a"}}]}`)},
		{"both SAN fields", chainOfTLS(`"validation_context":{"match_subject_alt_names":[{"prefix":"b"}],"match_typed_subject_alt_names":[{"san_type":"URI","matcher":{"exact":"a"}}]}`)},
		{"SDS before the default", chainOfTLS(`"combined_validation_context":{"validation_context_sds_secret_config":{"name":"ROOTCA"},"default_validation_context":{"trusted_ca":{"filename":"/a"}}}`)},
		{"STARTTLS upstream", `"filter_chains":[{"transport_socket":{"name":"starttls","typed_config":{
			"@type":"type.googleapis.com/envoy.extensions.transport_sockets.starttls.v3.UpstreamStartTlsConfig","tls_socket_config":{"sni":"a","max_session_keys":1}}}}]`},
		{"bind_to_port in both forms", `"deprecated_v1":{"bind_to_port":false},"bind_to_port":true`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := []byte(`{"configs":[{"@type":"type.googleapis.com/envoy.admin.v3.ListenersConfigDump","static_listeners":[{"listener":{
				"@type":"type.googleapis.com/envoy.config.listener.v3.Listener","name":"a",` + tt.listener + `}}]}]}`)
			compareProxies(t, newProtoModel(t).dump(protoDump(t, text)), decodeDump(t, text))
		})
	}
}

// TestSocketsThatDifferAreNotInterned puts two contexts into one dump that differ only in what a
// fingerprint of their anchors does not show.
func TestSocketsThatDifferAreNotInterned(t *testing.T) {
	_, root := testPEMs(t)
	withCA := func(pem string) string {
		return `{"listener":{"@type":"type.googleapis.com/envoy.config.listener.v3.Listener",` +
			chainOfTLS(`"validation_context":{"trusted_ca":{"inline_string":"`+escape(t, pem)+`"}}`) + `}}`
	}
	text := []byte(`{"configs":[{"@type":"type.googleapis.com/envoy.admin.v3.ListenersConfigDump","static_listeners":[` +
		withCA(root) + `,` + withCA(root+testCRL) + `]}]}`)
	compareProxies(t, newProtoModel(t).dump(protoDump(t, text)), decodeDump(t, text))
}

func filterOf(config string) string {
	return `"filter_chains":[{"filters":[{"name":"f","typed_config":{` + config + `}}]}]`
}

func chainOfTLS(common string) string {
	return `"filter_chains":[{"transport_socket":{"name":"tls","typed_config":{
		"@type":"type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext","common_tls_context":{` + common + `}}}}]`
}
