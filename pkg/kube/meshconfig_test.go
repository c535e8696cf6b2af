package kube

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseMeshConfig(t *testing.T) {
	off := false
	full := &MeshConfig{
		RootNamespace: "infra", TrustDomain: "td", TrustDomainAliases: []string{"old"}, EnableAutoMTLS: &off,
		OutboundTrafficPolicy: OutboundPolicy{Mode: "REGISTRY_ONLY"}, DefaultConfig: ProxyDefaults{ProxyAdminPort: 15555},
		MeshMTLS: &TLSParameters{MinProtocolVersion: "TLSV1_3"},
	}
	tests := []struct {
		name, in string
		want     *MeshConfig
	}{
		{"YAML", `
accessLogFile: /dev/stdout
rootNamespace: infra
trustDomain: td
trustDomainAliases: [old]
enableAutoMtls: false
outboundTrafficPolicy: {mode: REGISTRY_ONLY}
defaultConfig: {proxyAdminPort: 15555, discoveryAddress: istiod}
meshMTLS: {minProtocolVersion: TLSV1_3}
proxyInboundListenPort: 16006
`, full},
		{"JSON, as istiod's /debug/mesh", `{"rootNamespace":"infra","trustDomain":"td","trustDomainAliases":["old"],"enableAutoMtls":false,
			"outboundTrafficPolicy":{"mode":"REGISTRY_ONLY"},"defaultConfig":{"proxyAdminPort":15555},"meshMTLS":{"minProtocolVersion":"TLSV1_3"},"proxyInboundListenPort":16006}`, full},
		{"the proto's own names", `
root_namespace: infra
trust_domain: td
trust_domain_aliases: [old]
enable_auto_mtls: false
outbound_traffic_policy: {mode: REGISTRY_ONLY}
default_config: {proxy_admin_port: 15555}
mesh_mTLS: {min_protocol_version: TLSV1_3}
proxy_inbound_listen_port: 16006
`, full},
		{"a comment alone: all defaults", "# nothing\n", &MeshConfig{}},
		{"empty: all defaults", "", &MeshConfig{}},
		{"fields that nobody needs", "x: {y: [1]}\n", &MeshConfig{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseMeshConfig([]byte(tt.in))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	for _, in := range []string{"a: b: c", "text", "[1]", "enableAutoMtls: maybe", "{", "\t"} {
		if m, err := ParseMeshConfig([]byte(in)); err == nil {
			t.Errorf("%q is read as %+v", in, m)
		}
	}
}

func TestMeshConfigDefaults(t *testing.T) {
	on, off := true, false
	var none *MeshConfig
	if !none.AutoMTLS() || none.Root() != "istio-system" || none.Domain() != "cluster.local" {
		t.Error("the defaults of no mesh config")
	}
	if !(&MeshConfig{EnableAutoMTLS: &on}).AutoMTLS() || (&MeshConfig{EnableAutoMTLS: &off}).AutoMTLS() || !new(MeshConfig).AutoMTLS() {
		t.Error("auto mTLS")
	}
	m := &MeshConfig{RootNamespace: "infra", TrustDomain: "td"}
	if m.Root() != "infra" || m.Domain() != "td" {
		t.Error("what the mesh config says")
	}
}

// FuzzParseMeshConfig: no bytes make it panic, and it gives a config or an error, never both.
func FuzzParseMeshConfig(f *testing.F) {
	for _, seed := range []string{"trustDomain: td\nenableAutoMtls: false\n", `{"rootNamespace":"x"}`, "a: &a [*a]", "- x", "", "\xff", "a: !!binary x"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		if m, err := ParseMeshConfig(in); (m == nil) == (err == nil) {
			t.Errorf("config %v and error %v", m, err)
		}
	})
}
