package envoy

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/certs"
)

// Proxy is what one Envoy runs at one moment, as its admin interface told it.
type Proxy struct {
	Node Node
	// Version is Envoy's own version ("1.40.0"), empty when no section told it.
	Version string
	// API is the xDS API generation of the dump: "v3", or "v2" for Istio 1.5 and older,
	// which is recognised and not judged.
	API string

	Listeners []*Listener
	Clusters  []*Cluster
	// Endpoints maps a cluster's EDS service name to its endpoints (EndpointsConfigDump).
	Endpoints map[string][]Endpoint
	// Routes maps a route configuration's name (RDS) to it.
	Routes  map[string]*RouteConfig
	Secrets []*Secret
	// Rejected lists the resources whose last update Envoy refused (error_state).
	Rejected []Rejection
	// Loaded are the certificates of /certs: everything loaded, stale ones included.
	Loaded []LoadedCertificate
	// Hosts are the host states of /clusters, by cluster name.
	Hosts map[string][]Host
	// Stats are the counters that this proxy keeps. An absent name means "not collected", never 0.
	Stats map[string]uint64

	// Read says which sections were present, even when empty. A section that was not read
	// is unknown, not empty.
	Read Sections
	// Cut are sections whose reading broke off. What came before is kept, but they do not count
	// as read: what is absent may only be missing.
	Cut Sections
	// Unmodelled are the type URLs and field paths met in TLS-relevant places that the model
	// does not understand, with how often.
	Unmodelled map[string]int
}

// Sections is the set of admin sections that were read.
type Sections uint16

// The sections of the admin output.
const (
	SectionBootstrap Sections = 1 << iota
	SectionListeners
	SectionClusters
	SectionEndpoints
	SectionRoutes
	SectionSecrets
	SectionCerts
	SectionHosts
	SectionStats
	SectionServerInfo
)

// Has reports whether every section of want was read.
func (s Sections) Has(want Sections) bool { return s&want == want }

// sectionNames are in the order of the sections.
var sectionNames = [...]string{"bootstrap", "listeners", "clusters", "endpoints", "routes", "secrets", "certs", "hosts", "stats", "server_info"}

// Names are the sections in their order: "listeners", "clusters".
func (s Sections) Names() []string {
	var out []string
	for i, name := range sectionNames {
		if s.Has(1 << i) {
			out = append(out, name)
		}
	}
	return out
}

// Node identifies the proxy to its control plane (bootstrap.node).
type Node struct {
	ID             string            // "sidecar~10.244.1.62~client-1.shop~shop.svc.cluster.local"
	Cluster        string            // "client.shop"
	Type           string            // "sidecar", "router" (gateway), "waypoint", "ztunnel"; from ID
	IstioVersion   string            // metadata ISTIO_VERSION
	Namespace      string            // metadata NAMESPACE
	Name           string            // metadata NAME: the pod
	ServiceAccount string            // metadata SERVICE_ACCOUNT
	Owner          string            // metadata OWNER
	ClusterID      string            // metadata CLUSTER_ID
	MeshID         string            // metadata MESH_ID
	Network        string            // metadata NETWORK
	Interception   string            // metadata INTERCEPTION_MODE: REDIRECT, TPROXY, NONE
	Revision       string            // annotation or label istio.io/rev
	Labels         map[string]string // metadata LABELS
	TrustDomain    string            // proxy metadata, when it says so
}

// Freshness says in which state a resource is and since when.
type Freshness struct {
	State       State
	Version     string    // version_info
	LastUpdated time.Time // zero when the dump does not say
}

// State is the state of a dynamic resource in a config dump.
type State string

// The states. Only Active and Static resources take connections.
const (
	Active   State = "active"
	Static   State = "static"
	Warming  State = "warming"
	Draining State = "draining"
)

// Rejection is an update that Envoy refused (error_state, UpdateFailureState).
type Rejection struct {
	Kind        string // "listener", "cluster", "secret", "endpoint", "route"
	Name        string // may be empty: Envoy does not always say
	Details     string
	Version     string
	LastAttempt time.Time
}

// Listener is one listener with the filter chains that its connections meet.
type Listener struct {
	Name       string
	Addresses  []netip.AddrPort // the first is the main address, then additional_addresses
	Pipe       string           // set instead of Addresses for unix sockets
	Direction  string           // INBOUND, OUTBOUND or ""
	BindToPort bool             // default true
	UseOrigDst bool
	// UDP says that the address is a UDP one: TCP connections do not reach it.
	UDP bool
	// Internal says that it is an internal listener (HBONE), reached only from inside the proxy.
	Internal     bool
	Filters      []ListenerFilter
	FilterChains []*FilterChain
	Default      *FilterChain
	// Timeout is listener_filters_timeout; zero means none. ContinueOnTimeout goes with it.
	Timeout           time.Duration
	ContinueOnTimeout bool
	Freshness
	// Unmodelled are paths of set fields that decide chain choice and are not modelled
	// (filter_chain_matcher for example).
	Unmodelled []string
}

// Chains are the filter chains of a listener, the default one last.
func (l *Listener) Chains() []*FilterChain {
	if l.Default == nil {
		return l.FilterChains
	}
	return append(slices.Clone(l.FilterChains), l.Default)
}

// ListenerFilterKind is the kind of a listener filter.
type ListenerFilterKind string

// The listener filters that decide what a filter chain match can see.
const (
	OriginalDst   ListenerFilterKind = "original_dst"
	OriginalSrc   ListenerFilterKind = "original_src"
	TLSInspector  ListenerFilterKind = "tls_inspector"
	HTTPInspector ListenerFilterKind = "http_inspector"
	ProxyProtocol ListenerFilterKind = "proxy_protocol"
	OtherListener ListenerFilterKind = "other"
)

// ListenerFilter is one listener filter and the destination ports on which it is off.
type ListenerFilter struct {
	Kind ListenerFilterKind
	Name string
	// Disabled is filter_disabled; nil means never disabled.
	Disabled *PortPredicate
	// Optional is proxy_protocol's allow_requests_without_proxy_protocol: without it the filter closes a
	// connection that does not begin with the header.
	Optional bool
}

// PortPredicate is a ListenerFilterChainMatchPredicate over destination ports.
// Exactly one field is set.
type PortPredicate struct {
	Any   bool
	Range *PortRange
	Or    []*PortPredicate
	And   []*PortPredicate
	Not   *PortPredicate
}

// PortRange is [Start, End).
type PortRange struct{ Start, End uint32 }

// Matches reports whether the predicate holds for a connection to destination port.
// A nil predicate never matches.
func (p *PortPredicate) Matches(port uint32) bool {
	switch {
	case p == nil:
		return false
	case p.Any:
		return true
	case p.Range != nil:
		return p.Range.Start <= port && port < p.Range.End
	case p.Not != nil:
		return !p.Not.Matches(port)
	case len(p.Or) > 0:
		for _, q := range p.Or {
			if q.Matches(port) {
				return true
			}
		}
		return false
	case len(p.And) > 0:
		for _, q := range p.And {
			if !q.Matches(port) {
				return false
			}
		}
		return true
	}
	return false
}

// FilterChain is one chain: what it matches, how it speaks TLS, what its filters do.
type FilterChain struct {
	Name   string
	Match  FilterChainMatch
	Socket *TransportSocket // nil means raw_buffer
	// Filters are the network filters in order.
	Filters []*Filter
	// ConnectTimeout is transport_socket_connect_timeout.
	ConnectTimeout time.Duration
	// Config is metadata istio.config: the resource that it was made from, as a VirtualService's tcp route.
	Config string
}

// FilterChainMatch is the match of a filter chain; empty fields match anything.
// See envoy/config/listener/v3/listener_components.proto, FilterChainMatch, for the order
// in which Envoy narrows by these fields.
type FilterChainMatch struct {
	DestinationPort      uint32 // 0: any
	DestinationPrefixes  []netip.Prefix
	ServerNames          []string
	TransportProtocol    string // "", "tls", "raw_buffer", "quic"
	ApplicationProtocols []string
	DirectSourcePrefixes []netip.Prefix
	SourceType           string // "", SAME_IP_OR_LOOPBACK, EXTERNAL
	SourcePrefixes       []netip.Prefix
	SourcePorts          []uint32
	Unmodelled           []string
}

// FilterKind is the kind of a network or HTTP filter, as far as a verdict needs it.
type FilterKind string

// The kinds of filters.
const (
	TCPProxy    FilterKind = "tcp_proxy"
	HTTPManager FilterKind = "http_connection_manager"
	RBACFilter  FilterKind = "rbac"   // network and HTTP
	ALPNFilter  FilterKind = "alpn"   // istio.alpn: overrides the upstream ALPN of HTTP traffic
	SNICluster  FilterKind = "sni"    // sni_cluster: AUTO_PASSTHROUGH of east-west gateways
	JWTFilter   FilterKind = "jwt"    // jwt_authn
	RouterHTTP  FilterKind = "router" // the HTTP router
	AppProtocol FilterKind = "app"    // application protocol filters (mysql, redis, mongo…)
	Metadata    FilterKind = "meta"   // what has no say in a verdict: metadata exchange, stats, limits, CORS, faults
	OtherFilter FilterKind = "other"  // anything else; TypeURL names it
)

// Filter is one network or HTTP filter.
type Filter struct {
	Kind    FilterKind
	Name    string
	TypeURL string
	// Clusters are where a tcp_proxy sends the connection: one, or several by weight.
	Clusters []WeightedCluster
	// Tunnels says that a tcp_proxy asks for them by an HTTP CONNECT (tunneling_config).
	Tunnels bool
	// Routes is an HTTP connection manager's inline route configuration,
	// RouteName its RDS name. CodecType is AUTO, HTTP1, HTTP2 or HTTP3.
	Routes    *RouteConfig
	RouteName string
	CodecType string
	// HTTPFilters are the HTTP filters of a connection manager, in order.
	HTTPFilters []*Filter
	// RBAC is set for RBAC filters.
	RBAC *RBAC
	// ALPN is set for istio.alpn: the protocols offered upstream per downstream protocol.
	ALPN map[string][]string
}

// WeightedCluster is a target with its share; Weight is 0 where there is only one.
type WeightedCluster struct {
	Name   string
	Weight uint32
}

// RouteConfig is an HTTP route configuration.
type RouteConfig struct {
	Name         string
	VirtualHosts []*VirtualHost
	// Unmodelled are paths of set fields that bring routes from elsewhere (vhds).
	Unmodelled []string
	// OwnRBAC says that RBACPerRoute gives some requests rules that replace the RBAC filter's.
	OwnRBAC bool
	Freshness
}

// VirtualHost is a set of domains with their routes, in order.
type VirtualHost struct {
	Name    string
	Domains []string
	Routes  []*Route
	// Unmodelled are paths of set fields that choose a route in another way (matcher).
	Unmodelled []string
}

// Route is one route. Exactly one of Clusters, ClusterHeader, Redirect, DirectResponse is set
// (none when the action is not modelled).
type Route struct {
	Name string
	// CatchAll reports that the match is satisfied by every request (prefix "/" without
	// further conditions). Match is the match in words for people, such as `prefix /api`.
	CatchAll       bool
	Match          string
	Clusters       []WeightedCluster
	ClusterHeader  string
	Redirect       bool
	DirectResponse uint32 // HTTP status, 0 if none
	// Config is metadata istio.config: the VirtualService that it was made from,
	// "/apis/networking.istio.io/v1/namespaces/shop/virtual-service/server"; "" for istiod's own.
	Config string
}

// Cluster is one upstream cluster.
type Cluster struct {
	Name string
	// Type is EDS, STATIC, STRICT_DNS, LOGICAL_DNS, ORIGINAL_DST, or a custom cluster type's name.
	Type string
	// ServiceName is the EDS name, Name when the cluster does not say.
	ServiceName string
	// Socket is transport_socket (nil: raw_buffer). Matches are transport_socket_matches, tried
	// in order against each endpoint's metadata; Socket is the fallback.
	Socket  *TransportSocket
	Matches []SocketMatch
	// HasMatcher reports a transport_socket_matcher tree, which is not modelled.
	HasMatcher bool
	// Endpoints are inline load_assignment endpoints (STATIC, DNS); EDS ones are in Proxy.Endpoints.
	Endpoints []Endpoint
	// Config is metadata istio.config: the DestinationRule that was applied,
	// "/apis/networking.istio.io/v1/namespaces/shop/destination-rule/server".
	Config string
	// Services are the services that istiod made it from (metadata istio.services).
	Services []ServiceRef
	// UseHTTPHeader and PortOverride are those of original_dst_lb_config.
	UseHTTPHeader bool
	PortOverride  uint32
	// AutoSNI and AutoSANValidation are upstream_http_protocol_options.
	AutoSNI, AutoSANValidation bool
	// HTTP is the version of HTTP by which requests travel.
	HTTP UpstreamHTTP
	// KeepsALPN is metadata istio.alpn_override "false": Istio's alpn filter leaves the ALPN of the transport
	// socket as it is (mode SIMPLE or MUTUAL).
	KeepsALPN bool
	// PanicThreshold is common_lb_config.healthy_panic_threshold in percent: where fewer of the
	// endpoints are healthy, all take connections. 0 is never, which Istio sets; nil is Envoy's default, 50.
	PanicThreshold *uint32
	Freshness
	Unmodelled []string
}

// UpstreamHTTP says how a cluster comes to its version of HTTP
// (envoy/extensions/upstreams/http/v3/http_protocol_options.proto).
type UpstreamHTTP string

// The ways.
const (
	HTTP1        UpstreamHTTP = ""         // HTTP/1.1, Envoy's default
	HTTP2        UpstreamHTTP = "h2"       // explicit_http_config
	HTTPByALPN   UpstreamHTTP = "alpn"     // auto_config: HTTP/2 if the server chooses it, else HTTP/1.1
	HTTPAsCalled UpstreamHTTP = "asCalled" // use_downstream_protocol_config: as the caller
)

// ServiceRef names a service behind a cluster.
type ServiceRef struct{ Host, Name, Namespace string }

// SocketMatch is one entry of transport_socket_matches.
type SocketMatch struct {
	Name string
	// Match must be a subset of the endpoint's envoy.transport_socket_match metadata.
	Match  map[string]string
	Socket *TransportSocket
}

// Endpoint is one upstream endpoint as the proxy knows it.
type Endpoint struct {
	// Address is the IP and port; for DNS clusters Hostname and Port are set instead. Pipe and
	// Internal are the other address kinds.
	Address  netip.AddrPort
	Hostname string
	Port     uint32
	Pipe     string
	Internal string // internal listener name (HBONE)
	// Health is HEALTHY, UNHEALTHY, DRAINING, TIMEOUT, DEGRADED or "" (UNKNOWN). In a config dump it
	// is what Envoy holds of the endpoint, ejections and health checks included.
	Health string
	// SocketMatch is metadata envoy.transport_socket_match (tlsMode: istio).
	SocketMatch map[string]string
	// Workload is metadata istio.workload: "name;namespace;canonical;revision;cluster".
	Workload string
	Weight   uint32
	Priority uint32
}

// SocketKind is the kind of a transport socket, decided by its type URL, never by its name.
type SocketKind string

// The kinds of transport sockets.
const (
	Raw         SocketKind = "raw"
	TLS         SocketKind = "tls"
	Tunnel      SocketKind = "tunnel"       // internal_upstream: HBONE
	ProxyHeader SocketKind = "proxy-header" // proxy_protocol: a header, then what Inner sends
	OtherSocket SocketKind = "other"
)

// TransportSocket is how bytes travel. Equal sockets decoded with one Interner are the same
// pointer, so that a verdict can be memoised by it.
type TransportSocket struct {
	Kind    SocketKind
	TypeURL string
	TLS     *TLSContext
	// Inner is the wrapped socket (internal_upstream, proxy_protocol, tap, starttls).
	Inner *TransportSocket
}

// Behind is the socket that sends what follows a header of the PROXY protocol, and whether there is such a
// header; the socket itself where there is none.
func (s *TransportSocket) Behind() (inner *TransportSocket, header bool) {
	if s != nil && s.Kind == ProxyHeader {
		return s.Inner, true
	}
	return s, false
}

// Secrets names the SDS secrets that the socket and those that it wraps need.
func (s *TransportSocket) Secrets() []string {
	var out []string
	for ; s != nil; s = s.Inner {
		if s.TLS == nil {
			continue
		}
		for _, c := range s.TLS.Certificates {
			out = append(out, c.SDS)
		}
		if ca := s.TLS.Validation.CA; ca != nil {
			out = append(out, ca.SDS)
		}
	}
	return slices.DeleteFunc(out, func(name string) bool { return name == "" })
}

// Secrets names the SDS secrets that any of the cluster's transport sockets needs.
func (c *Cluster) Secrets() []string {
	out := c.Socket.Secrets()
	for _, m := range c.Matches {
		out = append(out, m.Socket.Secrets()...)
	}
	return out
}

// TLSContext is an UpstreamTlsContext or DownstreamTlsContext.
type TLSContext struct {
	// Certificates are the SDS references or inline certificates offered, in order.
	Certificates []CertificateRef
	Validation   Validation
	ALPN         []string
	// MinVersion and MaxVersion are TLSv1_0 … TLSv1_3, or "" for Envoy's default: TLSv1_2 at least;
	// a client TLSv1_2 at most, a server TLSv1_3 (common.proto, TlsParameters).
	MinVersion, MaxVersion string
	Ciphers, Curves        []string
	// SNI is upstream only; AutoHostSNI and AutoSANValidation are upstream's auto_host_sni and
	// auto_sni_san_validation.
	SNI                            string
	AutoHostSNI, AutoSANValidation bool
	// RequireClientCertificate is downstream only.
	RequireClientCertificate bool
	// Unmodelled are paths of set fields that the model does not hold and that could matter.
	Unmodelled []string
}

// CertificateRef says where a certificate (or a validation context) comes from. One of
// SDS, File or Chain is set.
type CertificateRef struct {
	SDS    string // secret name
	SDSVia string // cluster or path of the SDS source: "sds-grpc", "ads", "/etc/…"
	File   string // path inside the proxy's container
	Chain  certs.Chain
}

// Validation is what a TLS context demands of its peer's certificate.
type Validation struct {
	// Present is false when there is no validation context at all: the peer is not verified.
	Present bool
	// CA is the trusted CA: from SDS, a file, or inline. Nil with Present: no chain is verified.
	CA *TrustRef
	Demands
}

// ChecksChain reports whether the peer's certificate is verified at all. What a secret demands is not looked at.
func (v *Validation) ChecksChain() bool {
	return v.Present && !v.AcceptUntrusted && (v.CA != nil || v.SystemRoots || len(v.SPIFFE) > 0 || !v.Pins.None())
}

// Demands are what a validation context asks of a certificate besides its roots.
type Demands struct {
	// SANs are the matchers; empty means that no SAN is checked.
	SANs []certs.Matcher
	// SPIFFE are the trust domains of SPIFFECertValidatorConfig, each with its bundle.
	SPIFFE map[string]*certs.Bundle
	// Pins are verify_certificate_hash and verify_certificate_spki.
	Pins certs.Pins
	// CRL are the revocation lists, nil for none; CRLFile is where they are when the dump does not
	// show them. LeafCRLOnly is only_verify_leaf_cert_crl.
	CRL             *certs.CRL
	CRLFile         string
	LeafCRLOnly     bool
	AllowExpired    bool   // allow_expired_certificate
	AcceptUntrusted bool   // trust_chain_verification: ACCEPT_UNTRUSTED
	SystemRoots     bool   // system_root_certs
	MaxVerifyDepth  uint32 // max_verify_depth, 0 when it is not set
}

// Merge adds what a validation context secret asks for to the demands of the context that refers to it,
// as Protobuf's MergeFrom does (CombinedCertificateValidationContext in common.proto).
func (d Demands) Merge(secret Demands) Demands {
	d.SANs = joined(d.SANs, secret.SANs)
	d.Pins.Hashes, d.Pins.Keys = joined(d.Pins.Hashes, secret.Pins.Hashes), joined(d.Pins.Keys, secret.Pins.Keys)
	if secret.SPIFFE != nil {
		d.SPIFFE = secret.SPIFFE
	}
	if secret.CRL != nil || secret.CRLFile != "" {
		d.CRL, d.CRLFile = secret.CRL, secret.CRLFile
	}
	d.LeafCRLOnly = d.LeafCRLOnly || secret.LeafCRLOnly
	d.AllowExpired = d.AllowExpired || secret.AllowExpired
	d.AcceptUntrusted = d.AcceptUntrusted || secret.AcceptUntrusted
	d.SystemRoots = d.SystemRoots || secret.SystemRoots
	d.MaxVerifyDepth = cmp.Or(secret.MaxVerifyDepth, d.MaxVerifyDepth)
	return d
}

// joined is a itself where b adds nothing: what is interned stays so.
func joined[T any](a, b []T) []T {
	if len(b) == 0 {
		return a
	}
	return slices.Concat(a, b)
}

// TrustRef says where a trust bundle comes from. One of SDS, File or Bundle is set.
type TrustRef struct {
	SDS    string
	SDSVia string
	File   string
	Bundle *certs.Bundle
}

// Secret is one secret of the secrets dump. Key material is never kept.
type Secret struct {
	Name string
	Freshness
	// Chain is set for a certificate, Bundle for a trusted CA; neither for a warming secret.
	Chain  certs.Chain
	Bundle *certs.Bundle
	// Demands are those of a validation context secret.
	Demands
	// Unmodelled are paths of set fields of a validation context secret that the model does not
	// hold and that decide who is accepted (custom validators).
	Unmodelled []string
	// File is set when the material is in a file that the dump does not show.
	File string
	// Problem says why the content could not be read ("certificate 2: malformed …"), "" if it could.
	Problem string
}

// LoadedCertificate is one entry of /certs.
type LoadedCertificate struct {
	CA                  bool
	Path                string
	Serial              string
	URIs, DNSNames      []string
	NotBefore, NotAfter time.Time
}

// Host is one host of /clusters with the counters that Envoy keeps for it.
type Host struct {
	Address  netip.AddrPort
	Hostname string
	// Health is what eds_health_status says; Flags are the failing health flags
	// ("failed_outlier_check", "failed_active_health_check", …).
	Health string
	Flags  []string
	Stats  map[string]uint64 // cx_connect_fail, cx_total, rq_success, rq_error…
}

// Unhealthy reports that Envoy gives the endpoint no connections but in panic. It takes DRAINING and
// TIMEOUT for UNHEALTHY (HealthStatus in envoy/config/core/v3/health_check.proto).
func (e *Endpoint) Unhealthy() bool { return unhealthy(e.Health) }

// Unhealthy reports the same of a host: it was told so, or a check of its own or outlier detection
// failed (HostHealthStatus in envoy/admin/v3/clusters.proto).
func (h *Host) Unhealthy() bool {
	return unhealthy(h.Health) || slices.Contains(h.Flags, "failed_active_health_check") || slices.Contains(h.Flags, "failed_outlier_check")
}

func unhealthy(status string) bool {
	return status == "UNHEALTHY" || status == "DRAINING" || status == "TIMEOUT"
}

// RBAC is an RBAC filter's rules (envoy.config.rbac.v3.RBAC).
type RBAC struct {
	// Action is ALLOW, DENY or LOG. Enforced is false when the filter has no rules, or shadow rules
	// only: it then decides nothing.
	Action   string
	Enforced bool
	Policies []RBACPolicy
	// Unmodelled names a matcher tree or another form that is not modelled.
	Unmodelled []string
}

// RBACPolicy is one named policy: it matches when any permission and any principal match.
type RBACPolicy struct {
	Name        string // "ns[shop]-policy[server]-rule[0]"
	Permissions []*RBACRule
	Principals  []*RBACRule
}

// RBACRule is a node of a permission or principal tree. Exactly one field is set.
type RBACRule struct {
	Any bool
	And []*RBACRule
	Or  []*RBACRule
	Not *RBACRule
	// Principal is authenticated.principal_name, or a filter_state match of the peer's
	// principal. An empty Kind means "any authenticated peer".
	Principal *certs.Matcher
	// DestinationPorts, SourceIPs (remote_ip or direct_remote_ip), DestinationIPs, SNI.
	DestinationPorts *PortRange
	SourceIPs        []netip.Prefix
	DestinationIPs   []netip.Prefix
	SNI              *certs.Matcher
	// HTTP is set for conditions that depend on the request (headers, path, method, metadata):
	// they can go either way.
	HTTP string
	// Unmodelled is the field's path where nothing else fits: it can go either way.
	Unmodelled string
}

// Name says where the certificate comes from, for people.
func (c CertificateRef) Name() string {
	switch {
	case c.SDS != "":
		return c.SDS
	case c.File != "":
		return c.File
	}
	return "inline"
}
