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

// ParseProtocol reads the protocol of a Service's port as Istio does: appProtocol, or in its
// absence the port name, up to a dash; then, for a few ports whose server speaks first, the
// number (ConvertProtocol in istio/istio, pkg/config/kube/conversion.go).
func ParseProtocol(port uint32, name, appProtocol, transport string) Protocol {
	if strings.EqualFold(transport, "UDP") {
		return UDP
	}
	if p, ok := kubernetesProtocols[appProtocol]; ok {
		return p
	}
	if appProtocol != "" {
		name = appProtocol
	}
	name = strings.ToLower(name)
	if strings.HasPrefix(name, "grpc-web") {
		return HTTP
	}
	prefix, _, _ := strings.Cut(name, "-")
	if p := parseInstance(prefix); p != Auto || !serverFirst[port] {
		return p
	}
	return TCP
}

// parseInstance reads the protocol of a ServiceEntry's port: the word alone counts
// (protocol.Parse in istio/istio, pkg/config/protocol/instance.go).
func parseInstance(word string) Protocol {
	if p, ok := protocols[strings.ToLower(word)]; ok {
		return p
	}
	return Auto
}

// serverFirst are the ports on which Istio never sniffs: SMTP, DNS, MySQL, MongoDB.
var serverFirst = map[uint32]bool{25: true, 53: true, 3306: true, 27017: true}

// kubernetesProtocols are those of KEP-3726, known to appProtocol only.
var kubernetesProtocols = map[string]Protocol{"kubernetes.io/h2c": HTTP, "kubernetes.io/ws": HTTP, "kubernetes.io/wss": TLS}

var protocols = map[string]Protocol{
	"http": HTTP, "http2": HTTP, "grpc": HTTP, "grpc-web": HTTP, "http_proxy": HTTP,
	"https": TLS, "tls": TLS,
	"tcp": TCP, "mongo": TCP, "mysql": TCP, "redis": TCP,
	"udp": UDP,
}
