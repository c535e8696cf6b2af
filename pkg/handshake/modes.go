package handshake

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// What a port accepts from the mesh, in the words of PeerAuthentication.
const (
	AcceptsMTLS      = "STRICT"
	AcceptsBoth      = "PERMISSIVE"
	AcceptsPlaintext = "DISABLE"
)

// The addresses of a probe lie in a documentation range (RFC 5737): only chains for any address
// take them.
var (
	probed = netip.AddrFrom4([4]byte{192, 0, 2, 1})
	prober = netip.AddrFrom4([4]byte{192, 0, 2, 2})
)

// portOf is one port of one listener.
type portOf struct {
	listener *envoy.Listener
	port     uint32
}

// accepts probes each port once.
func (ix *proxyIndex) accepts(l *envoy.Listener, port uint32) string {
	k := portOf{l, port}
	mode, ok := ix.modes[k]
	if !ok {
		mode = accepts(l, port)
		ix.modes[k] = mode
	}
	return mode
}

// accepts probes a listener: would it take plaintext, would it take Istio's mutual TLS, on a
// port? "" when neither.
func accepts(l *envoy.Listener, port uint32) string {
	probe := func(w wire) *envoy.FilterChain {
		c := conn{Port: port, Dest: probed, Source: prober, Transport: "raw_buffer"}
		inspect(&c, l, w)
		return matchChain(l, c)
	}
	plain := probe(wire{App: mesh.HTTP})
	mtls := probe(wire{App: mesh.HTTP, TLS: workloadTLS, ALPN: []string{"istio", "istio-http/1.1"}, SNI: "outbound_.1_._.probe"})
	takesClear := plain != nil && (plain.Socket == nil || plain.Socket.Kind == envoy.Raw)
	takesTLS := mtls != nil && mtls.Socket != nil && mtls.Socket.TLS != nil && mtls.Socket.TLS.RequireClientCertificate
	switch {
	case takesClear && takesTLS:
		return AcceptsBoth
	case takesTLS:
		return AcceptsMTLS
	case takesClear:
		return AcceptsPlaintext
	}
	return ""
}

// PortMode is what one inbound port of a sidecar accepts.
type PortMode struct {
	// Port is the container port; 0 stands for every port that no chain names.
	Port uint32
	// Mode is STRICT, PERMISSIVE, DISABLE, or "" when the port takes neither.
	Mode string
	// Bypassed says that iptables is asked to keep the port away from the proxy.
	Bypassed bool
}

// InboundModes reads from a sidecar's inbound listener what each of its ports accepts. The
// result is sorted, port 0 (the catch-all) first, and nil when the listener was not read.
func (e *Engine) InboundModes(pod *mesh.Pod) []PortMode {
	if pod.Proxy == nil || pod.Plane != mesh.Sidecar {
		return nil
	}
	ix := e.index(pod.Proxy)
	l := ix.inbound()
	if l == nil {
		return nil
	}
	ports := []uint32{0}
	for _, fc := range l.FilterChains {
		if p := fc.Match.DestinationPort; p != 0 && p != inboundPort && !slices.Contains(ports, p) {
			ports = append(ports, p)
		}
	}
	slices.Sort(ports)
	out := make([]PortMode, 0, len(ports))
	for _, p := range ports {
		out = append(out, PortMode{Port: p, Mode: ix.accepts(l, p), Bypassed: p != 0 && !pod.Capture.Inbound(p)})
	}
	return out
}

func describeMatch(m *envoy.FilterChainMatch) string {
	var words []string
	if m.DestinationPort != 0 {
		words = append(words, fmt.Sprintf("port %d", m.DestinationPort))
	}
	if m.TransportProtocol != "" {
		words = append(words, "transport "+m.TransportProtocol)
	}
	if len(m.ApplicationProtocols) > 0 {
		words = append(words, "ALPN "+strings.Join(m.ApplicationProtocols, ","))
	}
	if len(m.ServerNames) > 0 {
		words = append(words, "SNI "+strings.Join(m.ServerNames, ","))
	}
	if len(words) == 0 {
		return "matches anything"
	}
	return "matches " + strings.Join(words, ", ")
}

func describeServerSocket(s *envoy.TransportSocket) string {
	switch {
	case s == nil || s.Kind == envoy.Raw:
		return "plaintext"
	case s.TLS == nil:
		return s.TypeURL
	case s.TLS.RequireClientCertificate:
		return "TLS, client certificate required"
	}
	return "TLS, no client certificate required"
}
