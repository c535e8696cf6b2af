package kube

import "github.com/go-json-experiment/json/jsontext"

// PeerAuthentication is a security.istio.io PeerAuthentication.
type PeerAuthentication struct {
	Meta `json:"metadata"`
	Spec PeerAuthenticationSpec `json:"spec,omitzero"`
}

// PeerAuthenticationSpec says which mutual TLS a workload accepts.
type PeerAuthenticationSpec struct {
	Selector      *Selector            `json:"selector,omitempty"`
	MTLS          *MutualTLS           `json:"mtls,omitempty"`
	PortLevelMTLS map[string]MutualTLS `json:"portLevelMtls,omitempty"`
}

// MutualTLS holds a mode: UNSET, DISABLE, PERMISSIVE, STRICT, or "" which means UNSET.
type MutualTLS struct {
	Mode string `json:"mode,omitempty"`
}

// Selector selects workloads by label.
type Selector struct {
	MatchLabels map[string]string `json:"matchLabels,omitempty"`
}

// Matches reports whether all labels of the selector are on a workload. A nil or empty
// selector matches everything.
func (s *Selector) Matches(labels map[string]string) bool {
	return s == nil || HasLabels(s.MatchLabels, labels)
}

// Empty reports whether the selector selects nothing in particular.
func (s *Selector) Empty() bool { return s == nil || len(s.MatchLabels) == 0 }

// HasLabels reports whether every pair of want is in have.
func HasLabels(want, have map[string]string) bool {
	for k, v := range want {
		if h, ok := have[k]; !ok || h != v {
			return false
		}
	}
	return true
}

// DestinationRule is a networking.istio.io DestinationRule.
type DestinationRule struct {
	Meta `json:"metadata"`
	Spec DestinationRuleSpec `json:"spec,omitzero"`
}

// DestinationRuleSpec is what clients do on their way to a host.
type DestinationRuleSpec struct {
	Host             string         `json:"host"`
	TrafficPolicy    *TrafficPolicy `json:"trafficPolicy,omitempty"`
	Subsets          []Subset       `json:"subsets,omitempty"`
	ExportTo         []string       `json:"exportTo,omitempty"`
	WorkloadSelector *Selector      `json:"workloadSelector,omitempty"`
}

// Subset is a named subset of a host's endpoints.
type Subset struct {
	Name          string            `json:"name"`
	Labels        map[string]string `json:"labels,omitempty"`
	TrafficPolicy *TrafficPolicy    `json:"trafficPolicy,omitempty"`
}

// TrafficPolicy is the part of a traffic policy that decides TLS.
type TrafficPolicy struct {
	TLS               *ClientTLS          `json:"tls,omitempty"`
	LoadBalancer      *LoadBalancer       `json:"loadBalancer,omitempty"`
	PortLevelSettings []PortTrafficPolicy `json:"portLevelSettings,omitempty"`
	// ProxyProtocol makes the client's proxy send a header before all else, the TLS too.
	ProxyProtocol *ProxyProtocol `json:"proxyProtocol,omitempty"`
	// Rest are the fields that say nothing about TLS: whether a policy is empty depends on them.
	Rest jsontext.Value `json:",embed"`
}

// PortTrafficPolicy is the policy of one service port.
type PortTrafficPolicy struct {
	Port         PortSelector  `json:"port,omitzero"`
	TLS          *ClientTLS    `json:"tls,omitempty"`
	LoadBalancer *LoadBalancer `json:"loadBalancer,omitempty"`
	// Rest are the fields that say nothing about TLS.
	Rest jsontext.Value `json:",embed"`
}

// ProxyProtocol is the version of the PROXY protocol: V1, which is the default, or V2.
type ProxyProtocol struct {
	Version string `json:"version,omitempty"`
}

// LoadBalancer is the simple load balancer: PASSTHROUGH makes an ORIGINAL_DST cluster.
type LoadBalancer struct {
	Simple string `json:"simple,omitempty"`
}

// PortSelector is a port by number.
type PortSelector struct {
	Number int32 `json:"number,omitempty"`
}

// ClientTLS is ClientTLSSettings. An absent Mode means DISABLE (the enum's zero value).
type ClientTLS struct {
	Mode               string   `json:"mode,omitempty"`
	SNI                string   `json:"sni,omitempty"`
	SubjectAltNames    []string `json:"subjectAltNames,omitempty"`
	ClientCertificate  string   `json:"clientCertificate,omitempty"`
	PrivateKey         string   `json:"privateKey,omitempty"`
	CACertificates     string   `json:"caCertificates,omitempty"`
	CredentialName     string   `json:"credentialName,omitempty"`
	InsecureSkipVerify *bool    `json:"insecureSkipVerify,omitempty"`
}

// ServiceEntry is a networking.istio.io ServiceEntry.
type ServiceEntry struct {
	Meta `json:"metadata"`
	Spec ServiceEntrySpec `json:"spec,omitzero"`
}

// ServiceEntrySpec adds hosts to the mesh's registry.
type ServiceEntrySpec struct {
	Hosts            []string            `json:"hosts"`
	Addresses        []string            `json:"addresses,omitempty"`
	Ports            []EntryPort         `json:"ports,omitempty"`
	Location         string              `json:"location,omitempty"` // MESH_EXTERNAL (default) or MESH_INTERNAL
	Resolution       string              `json:"resolution,omitempty"`
	Endpoints        []WorkloadEntrySpec `json:"endpoints,omitempty"`
	WorkloadSelector *EntrySelector      `json:"workloadSelector,omitempty"`
	ExportTo         []string            `json:"exportTo,omitempty"`
	SubjectAltNames  []string            `json:"subjectAltNames,omitempty"`
}

// EntrySelector is a WorkloadSelector of networking.istio.io.
type EntrySelector struct {
	Labels map[string]string `json:"labels,omitempty"`
}

// EntryPort is a port of a ServiceEntry or Gateway.
type EntryPort struct {
	Number     int32  `json:"number"`
	Name       string `json:"name,omitempty"`
	Protocol   string `json:"protocol,omitempty"`
	TargetPort int32  `json:"targetPort,omitempty"`
}

// WorkloadEntry is a networking.istio.io WorkloadEntry.
type WorkloadEntry struct {
	Meta `json:"metadata"`
	Spec WorkloadEntrySpec `json:"spec,omitzero"`
}

// WorkloadEntrySpec is one endpoint outside Kubernetes.
type WorkloadEntrySpec struct {
	Address        string            `json:"address,omitempty"`
	Ports          map[string]int32  `json:"ports,omitempty"`
	Labels         map[string]string `json:"labels,omitempty"`
	ServiceAccount string            `json:"serviceAccount,omitempty"`
	Network        string            `json:"network,omitempty"`
}

// Sidecar is a networking.istio.io Sidecar.
type Sidecar struct {
	Meta `json:"metadata"`
	Spec SidecarSpec `json:"spec,omitzero"`
}

// SidecarSpec narrows what a proxy knows.
type SidecarSpec struct {
	WorkloadSelector      *EntrySelector   `json:"workloadSelector,omitempty"`
	Ingress               []SidecarIngress `json:"ingress,omitempty"`
	Egress                []SidecarEgress  `json:"egress,omitempty"`
	OutboundTrafficPolicy *OutboundPolicy  `json:"outboundTrafficPolicy,omitempty"`
}

// SidecarIngress is an inbound listener.
type SidecarIngress struct {
	Port            EntryPort `json:"port,omitzero"`
	DefaultEndpoint string    `json:"defaultEndpoint,omitempty"`
	// TLS has the proxy end TLS that comes from outside the mesh; nil when it does not.
	TLS *ServerTLS `json:"tls,omitempty"`
}

// SidecarEgress lists the hosts that a proxy imports: for one port, or without a port for all that no other has.
type SidecarEgress struct {
	Port  *EntryPort `json:"port,omitempty"`
	Hosts []string   `json:"hosts,omitempty"`
}

// OutboundPolicy is what happens to unknown destinations: ALLOW_ANY, ALLOW_ANY_DYNAMIC_DNS or REGISTRY_ONLY.
type OutboundPolicy struct {
	Mode string `json:"mode,omitempty"`
}

// VirtualService is a networking.istio.io VirtualService: which hosts it takes, and where to.
type VirtualService struct {
	Meta `json:"metadata"`
	Spec VirtualServiceSpec `json:"spec,omitzero"`
}

// VirtualServiceSpec is the part of routing that names destinations.
type VirtualServiceSpec struct {
	Hosts    []string       `json:"hosts,omitempty"`
	Gateways []string       `json:"gateways,omitempty"`
	HTTP     []VirtualRoute `json:"http,omitempty"`
	TLS      []VirtualRoute `json:"tls,omitempty"`
	TCP      []VirtualRoute `json:"tcp,omitempty"`
	ExportTo []string       `json:"exportTo,omitempty"`
}

// VirtualRoute is one route with its destinations.
type VirtualRoute struct {
	Name  string               `json:"name,omitempty"`
	Route []VirtualDestination `json:"route,omitempty"`
}

// VirtualDestination is a weighted destination.
type VirtualDestination struct {
	Destination Destination `json:"destination,omitzero"`
	Weight      int32       `json:"weight,omitempty"`
}

// Destination is a host, port and subset.
type Destination struct {
	Host   string       `json:"host,omitempty"`
	Subset string       `json:"subset,omitempty"`
	Port   PortSelector `json:"port,omitzero"`
}

// Gateway is a networking.istio.io Gateway.
type Gateway struct {
	Meta `json:"metadata"`
	Spec GatewaySpec `json:"spec,omitzero"`
}

// GatewaySpec configures the listeners of selected gateway pods.
type GatewaySpec struct {
	Selector map[string]string `json:"selector,omitempty"`
	Servers  []GatewayServer   `json:"servers,omitempty"`
}

// GatewayServer is one listener of a gateway.
type GatewayServer struct {
	Port  EntryPort  `json:"port,omitzero"`
	Hosts []string   `json:"hosts,omitempty"`
	TLS   *ServerTLS `json:"tls,omitempty"`
}

// ServerTLS is the TLS of a gateway's server or of a Sidecar's listener: PASSTHROUGH, SIMPLE, MUTUAL, AUTO_PASSTHROUGH, ISTIO_MUTUAL…
type ServerTLS struct {
	Mode           string `json:"mode,omitempty"`
	CredentialName string `json:"credentialName,omitempty"`
}

// AuthorizationPolicy is a security.istio.io AuthorizationPolicy, as far as identity goes.
type AuthorizationPolicy struct {
	Meta `json:"metadata"`
	Spec AuthorizationPolicySpec `json:"spec,omitzero"`
}

// AuthorizationPolicySpec says who may call.
type AuthorizationPolicySpec struct {
	Selector *Selector   `json:"selector,omitempty"`
	Action   string      `json:"action,omitempty"` // ALLOW when empty
	Rules    []AuthzRule `json:"rules,omitempty"`
}

// AuthzRule is one rule.
type AuthzRule struct {
	From []AuthzFrom `json:"from,omitempty"`
}

// AuthzFrom is one source of a rule.
type AuthzFrom struct {
	Source AuthzSource `json:"source,omitzero"`
}

// AuthzSource identifies callers; principals and namespaces need mutual TLS.
type AuthzSource struct {
	Principals    []string `json:"principals,omitempty"`
	NotPrincipals []string `json:"notPrincipals,omitempty"`
	Namespaces    []string `json:"namespaces,omitempty"`
	NotNamespaces []string `json:"notNamespaces,omitempty"`
}

// RequestAuthentication is a security.istio.io RequestAuthentication, as far as it names where keys are
// fetched.
type RequestAuthentication struct {
	Meta `json:"metadata"`
	Spec RequestAuthenticationSpec `json:"spec,omitzero"`
}

// RequestAuthenticationSpec says which JSON web tokens a workload accepts.
type RequestAuthenticationSpec struct {
	Selector *Selector `json:"selector,omitempty"`
	JWTRules []JWTRule `json:"jwtRules,omitempty"`
}

// JWTRule is one issuer of tokens.
type JWTRule struct {
	Issuer  string `json:"issuer,omitempty"`
	JWKSURI string `json:"jwksUri,omitempty"`
}

// EnvoyFilter is a networking.istio.io EnvoyFilter. What its patches do is not modelled.
type EnvoyFilter struct {
	Meta `json:"metadata"`
	Spec EnvoyFilterSpec `json:"spec,omitzero"`
}

// EnvoyFilterSpec says which workloads are patched, and where.
type EnvoyFilterSpec struct {
	WorkloadSelector *EntrySelector `json:"workloadSelector,omitempty"`
	ConfigPatches    []ConfigPatch  `json:"configPatches,omitempty"`
}

// ConfigPatch is where a patch applies, and what it says.
type ConfigPatch struct {
	ApplyTo string     `json:"applyTo,omitempty"`
	Match   PatchMatch `json:"match,omitzero"`
	Patch   EnvoyPatch `json:"patch,omitzero"`
}

// PatchMatch is what of a proxy's config a patch is for: a context (SIDECAR_OUTBOUND, ANY…; none for any),
// and of a patch of clusters or listeners which ones.
type PatchMatch struct {
	Context  string        `json:"context,omitempty"`
	Cluster  ClusterMatch  `json:"cluster,omitzero"`
	Listener ListenerMatch `json:"listener,omitzero"`
}

// In reports whether a patch is for one part of a proxy's configuration: "SIDECAR_OUTBOUND", "GATEWAY".
func (m PatchMatch) In(context string) bool {
	return m.Context == "" || m.Context == "ANY" || m.Context == context
}

// ListenerMatch says which listeners and filter chains a patch is for: those of a port; 0 for all.
type ListenerMatch struct {
	PortNumber uint32 `json:"portNumber,omitempty"`
}

// ClusterMatch says which clusters a patch is for. A name is whole, and the others do not count then; what
// is not set fits all.
type ClusterMatch struct {
	Name       string `json:"name,omitempty"`
	Service    string `json:"service,omitempty"`
	Subset     string `json:"subset,omitempty"`
	PortNumber uint32 `json:"portNumber,omitempty"`
}

// EnvoyPatch is a patch: MERGE, ADD, REMOVE…, and the Envoy config that it brings.
type EnvoyPatch struct {
	Operation string      `json:"operation,omitempty"`
	Value     EnvoyConfig `json:"value,omitzero"`
}

// EnvoyConfig is what of a patched config is kept: its name, and whether it sets transport sockets or the
// options of an upstream protocol. The rest may hold secrets.
type EnvoyConfig struct {
	Name                          string               `json:"name,omitempty"`
	TransportSocket               *EnvoyPart           `json:"transport_socket,omitempty,case:ignore"`
	TransportSocketMatches        []EnvoyPart          `json:"transport_socket_matches,omitempty,case:ignore"`
	TypedExtensionProtocolOptions map[string]EnvoyPart `json:"typed_extension_protocol_options,omitempty,case:ignore"`
}

// EnvoyPart is a part of a config of which only the name is kept.
type EnvoyPart struct {
	Name string `json:"name,omitempty"`
}
