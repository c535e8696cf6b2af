package kube

import (
	"fmt"

	"github.com/go-json-experiment/json"
	"sigs.k8s.io/yaml"
)

// MeshConfig is the part of Istio's mesh config that decides mutual TLS
// (istio.io/docs/reference/config/istio.mesh.v1alpha1).
type MeshConfig struct {
	RootNamespace                  string         `json:"rootNamespace,omitempty"`
	TrustDomain                    string         `json:"trustDomain,omitempty"`
	TrustDomainAliases             []string       `json:"trustDomainAliases,omitempty"`
	EnableAutoMTLS                 *bool          `json:"enableAutoMtls,omitempty"`
	OutboundTrafficPolicy          OutboundPolicy `json:"outboundTrafficPolicy,omitzero"`
	DefaultConfig                  ProxyDefaults  `json:"defaultConfig,omitzero"`
	MeshMTLS                       *TLSParameters `json:"meshMTLS,omitempty"`
	DefaultServiceExportTo         []string       `json:"defaultServiceExportTo,omitempty"`
	DefaultDestinationRuleExportTo []string       `json:"defaultDestinationRuleExportTo,omitempty"`
	DefaultVirtualServiceExportTo  []string       `json:"defaultVirtualServiceExportTo,omitempty"`
	IngressClass                   string         `json:"ingressClass,omitempty"` // whose Ingresses Istio serves; "istio" when it is empty
}

// TLSParameters narrow what proxies take of TLS between workloads. MinProtocolVersion is TLSV1_2 or
// TLSV1_3, "" for Istio's default.
type TLSParameters struct {
	MinProtocolVersion string   `json:"minProtocolVersion,omitempty"`
	CipherSuites       []string `json:"cipherSuites,omitempty"`
	ECDHCurves         []string `json:"ecdhCurves,omitempty"`
}

// ProxyDefaults is the mesh-wide ProxyConfig.
type ProxyDefaults struct {
	ProxyAdminPort int32 `json:"proxyAdminPort,omitempty"`
}

// AutoMTLS reports whether auto mTLS is on, which it is unless the mesh config says otherwise.
func (m *MeshConfig) AutoMTLS() bool {
	return m == nil || m.EnableAutoMTLS == nil || *m.EnableAutoMTLS
}

// Root returns the root namespace, istio-system unless the mesh config says otherwise.
func (m *MeshConfig) Root() string {
	if m == nil || m.RootNamespace == "" {
		return "istio-system"
	}
	return m.RootNamespace
}

// Domain returns the trust domain, cluster.local unless the mesh config says otherwise.
func (m *MeshConfig) Domain() string {
	if m == nil || m.TrustDomain == "" {
		return "cluster.local"
	}
	return m.TrustDomain
}

// ParseMeshConfig reads a mesh config in YAML or JSON: the value of key "mesh" in the ConfigMap
// "istio", or istiod's /debug/mesh.
func ParseMeshConfig(data []byte) (*MeshConfig, error) {
	raw, err := yaml.YAMLToJSON(data)
	if err != nil {
		return nil, fmt.Errorf("mesh config is not YAML: %w", err)
	}
	m := new(MeshConfig)
	if err := json.Unmarshal(raw, m, json.MatchCaseInsensitiveNames(true)); err != nil {
		return nil, fmt.Errorf("mesh config: %w", err)
	}
	return m, nil
}
