package handshake

import "github.com/mtls-doctor/kubectl-mtls-doctor/pkg/certs"

// Reason says why a connection fails, is denied, or is unknown. The strings are part of the
// report's API and never change their meaning.
type Reason string

// Why a connection fails.
const (
	// PlaintextRefused: the client sends clear text and no filter chain of the server takes it (STRICT).
	PlaintextRefused Reason = "plaintext-refused"
	// NoFilterChain: TLS arrives that no filter chain matches (its ALPN or SNI), and there is no default.
	NoFilterChain Reason = "no-filter-chain"
	// TLSToPlaintext: the client's proxy starts TLS and the other end speaks clear text.
	TLSToPlaintext Reason = "tls-to-plaintext"
	// TLSToAppTLS: the client's proxy starts mesh TLS and the application's own TLS answers.
	TLSToAppTLS Reason = "mesh-tls-to-app-tls"
	// DoubleTLS: the application's TLS is wrapped in TLS that the client's proxy adds, and the server
	// unwraps only one.
	DoubleTLS Reason = "double-tls"
	// NotHTTP: what is not HTTP arrives at a filter chain of the server's proxy that takes only HTTP, which
	// answers 400: a container port has one inbound protocol, whatever several Services declare.
	NotHTTP Reason = "not-http"
	// HTTPVersion: the proxies speak different versions of HTTP: ALPN settled on another one than the client's sends.
	HTTPVersion Reason = "http-version"
	// HTTPToAppTLS: a gateway's route sends HTTP to a port on which the application speaks TLS of its own.
	HTTPToAppTLS Reason = "http-to-app-tls"
	// ProxyHeaderUnread: the client's proxy sends a header of the PROXY protocol before all else, and the server's proxy
	// takes it for the beginning of what it expects.
	ProxyHeaderUnread Reason = "proxy-header-unread"
	// ProxyHeaderMissing: the server's proxy closes connections that do not begin with a header of the PROXY protocol,
	// as a gateway behind a load balancer that sends one.
	ProxyHeaderMissing Reason = "proxy-header-missing"
	// ClientCertificateRequired: the server's chain demands a client certificate and none is presented.
	ClientCertificateRequired Reason = "client-certificate-required"
	// ClientSecretMissing, ServerSecretMissing: the certificate or the trust bundle is warming or absent.
	ClientSecretMissing Reason = "client-secret-missing"
	ServerSecretMissing Reason = "server-secret-missing"
	// ServerSANMismatch: the client's matchers do not accept the server's identity.
	ServerSANMismatch Reason = "server-san-mismatch"
	// ClientSANMismatch: the server's matchers do not accept the client's identity (trust domain).
	ClientSANMismatch Reason = "client-san-mismatch"
	// TLSVersion, TLSCipher: nothing in common.
	TLSVersion Reason = "tls-version"
	TLSCipher  Reason = "tls-cipher"
	// BlackHoled: the client's proxy drops traffic to unknown destinations (REGISTRY_ONLY).
	BlackHoled Reason = "black-holed"
	// NoRoute: no virtual host or route of the client's proxy takes the request.
	NoRoute Reason = "no-route"
	// ListenerRejected: the server's proxy started with an inbound listener that it rejected; it
	// accepts nothing.
	ListenerRejected Reason = "inbound-listener-rejected"
	// NoListener: the server's proxy does not listen on the port; the connection is refused.
	NoListener Reason = "no-listener"
	// NoEndpoint: there is no endpoint to connect to.
	NoEndpoint Reason = "no-healthy-upstream"
)

// NotTLS reports whether a connection fails for a reason that has nothing to do with mutual TLS.
func (r Reason) NotTLS() bool {
	switch r {
	case NoListener, NoEndpoint, NoRoute, BlackHoled, NotHTTP, ProxyHeaderMissing:
		return true
	}
	return false
}

// AuthorizationDenied is the reason of a denied connection.
const AuthorizationDenied Reason = "authorization-denied"

// Why a verdict is unknown.
const (
	ClientUnread Reason = "client-proxy-unread"
	ServerUnread Reason = "server-proxy-unread"
	// EvidenceMissing: a section that the verdict needs was not read.
	EvidenceMissing Reason = "evidence-missing"
	// NotModelled: the config holds something that the engine does not understand.
	NotModelled Reason = "not-modelled"
	// ForeignCertificate: the server's certificate is outside the evidence.
	ForeignCertificate Reason = "foreign-certificate"
)

// unknown reports whether a reason leaves the verdict open instead of failing it.
func (r Reason) unknown() bool {
	switch r {
	case ClientUnread, ServerUnread, EvidenceMissing, NotModelled, ForeignCertificate:
		return true
	}
	return false
}

// Side is the holder of a certificate.
type Side string

// The sides.
const (
	ClientSide Side = "client"
	ServerSide Side = "server"
)

// CertificateReason is the reason for a certificate that its peer rejects:
// "server-certificate-expired", "client-certificate-unknown-root" and so on.
func CertificateReason(side Side, r certs.Reason) Reason {
	return Reason(string(side) + "-certificate-" + string(r))
}

// Assumption is what a verdict had to take for granted because read-only evidence can not show it.
type Assumption string

// The assumptions.
const (
	// CaptureAsAnnotated: iptables does what the init container or the annotations ask for.
	CaptureAsAnnotated Assumption = "capture-as-annotated"
	// DNSAsRegistered: the name resolves to the registry's addresses.
	DNSAsRegistered Assumption = "dns-as-registered"
	// ProtocolAsDeclared: the application speaks what the port's name says.
	ProtocolAsDeclared Assumption = "app-protocol-as-declared"
	// ProtocolGuessed: the port does not declare a protocol; HTTP was replayed.
	ProtocolGuessed Assumption = "app-protocol-guessed-http"
	// TLSModeFromLabel: endpoints were not read; tlsMode is taken from the pod's label.
	TLSModeFromLabel Assumption = "tls-mode-from-pod-label"
	// NetworkPolicyNotRead: nothing else stops the packets.
	NetworkPolicyNotRead Assumption = "network-policy-not-read"
	// ClientSpeaksFirst: the server's proxy sniffs the client's first bytes; a plaintext protocol
	// in which the server speaks first (MySQL, SMTP) would hang.
	ClientSpeaksFirst Assumption = "client-speaks-first"
	// RequestDecides: authorization depends on the request, which is not known.
	RequestDecides Assumption = "request-decides-authorization"
	// RouteConditional: the route is taken by some requests only.
	RouteConditional Assumption = "route-conditional"
	// EndpointInRotation: the client's proxy calls the endpoint. At the moment of the evidence it holds it
	// for unhealthy (ejected, or a health check failed) and sends its connections to others; or what it
	// holds of it was not read, where endpoints stand in the cluster itself.
	EndpointInRotation Assumption = "endpoint-in-rotation"
	// ServerNotVerified: the server is who its certificate says. The client's proxy verifies no chain
	// (no validation context, no CA, or ACCEPT_UNTRUSTED): whoever takes the connection is believed.
	ServerNotVerified Assumption = "server-not-verified"
	// AppCertificateAccepted: the application's own TLS succeeds between the applications.
	AppCertificateAccepted Assumption = "app-certificate-accepted"
)
