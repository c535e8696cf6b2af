package mesh

import "strings"

// Protocol is what an application speaks on a port, as far as it is declared.
type Protocol string

// The protocols that a verdict tells apart.
const (
	HTTP Protocol = "http" // HTTP/1, HTTP/2 and gRPC in clear text
	TCP  Protocol = "tcp"  // opaque bytes in clear text, client speaks first or not
	TLS  Protocol = "tls"  // the application's own TLS: https, tls
	Auto Protocol = "auto" // not declared: the proxy sniffs
	UDP  Protocol = "udp"  // not carried by the mesh
)

// ParseProtocol reads a port's protocol as Istio does: appProtocol first, then the port
// name's prefix up to a dash (istio.io/docs/ops/configuration/traffic-management/protocol-selection),
// then the transport protocol.
func ParseProtocol(name, appProtocol, transport string) Protocol {
	if strings.EqualFold(transport, "UDP") {
		return UDP
	}
	if appProtocol != "" {
		if p, ok := protocols[strings.ToLower(appProtocol)]; ok {
			return p
		}
	}
	prefix, _, _ := strings.Cut(strings.ToLower(name), "-")
	if p, ok := protocols[prefix]; ok {
		return p
	}
	if p, ok := protocols[strings.ToLower(name)]; ok { // grpc-web
		return p
	}
	return Auto
}

var protocols = map[string]Protocol{
	"http": HTTP, "http2": HTTP, "grpc": HTTP, "grpc-web": HTTP, "http_proxy": HTTP,
	"kubernetes.io/h2c": HTTP, "kubernetes.io/ws": HTTP, "kubernetes.io/wss": TLS,
	"https": TLS, "tls": TLS,
	"tcp": TCP, "mongo": TCP, "mysql": TCP, "redis": TCP, "hbone": TCP,
	"udp": UDP,
}
