package handshake

import (
	"slices"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// wire is what travels from the client's side.
type wire struct {
	// App is what the application itself speaks, inside everything else.
	App mesh.Protocol
	// TLS is the TLS context of the client's proxy; nil when it adds no TLS.
	TLS  *envoy.TLSContext
	SNI  string
	ALPN []string
	// routed says that the client's proxy speaks HTTP itself, by the version of http; else the bytes are the application's.
	routed bool
	http   envoy.UpstreamHTTP
	// requests says that a gateway's route sends HTTP, whatever the port is declared as.
	requests bool
	// verifyHost is the name that the server's certificate must bear besides all else.
	verifyHost string
	// header says that a header of the PROXY protocol goes before all else.
	header bool
	// from is the proxy that holds the client's certificates.
	from *proxyIndex
}

// encrypted reports whether TLS of any kind is on the wire.
func (w *wire) encrypted() bool { return w.TLS != nil || w.App == mesh.TLS }

// mesh reports whether the client's proxy speaks Istio's mutual TLS: its own certificate and
// an ALPN of Istio's.
func (w *wire) mesh() bool {
	return w.TLS != nil && len(w.TLS.Certificates) > 0 && slices.ContainsFunc(w.ALPN, istioALPN)
}

func istioALPN(p string) bool { return p == "istio" || strings.HasPrefix(p, "istio-") }

// wireOf is what the client's proxy sends through a socket.
func (r *replay) wireOf(ix *proxyIndex, c *envoy.Cluster, socket *envoy.TransportSocket, by way) wire {
	w := wire{App: r.dial.protocol, SNI: r.dial.name, from: ix, routed: by.http != nil, http: c.HTTP}
	if w.requests = by.requests; w.requests {
		w.App = mesh.HTTP
	}
	socket, w.header = socket.Behind()
	r.Outbound.Socket = "plaintext"
	if socket == nil || socket.Kind == envoy.Raw || socket.TLS == nil {
		return w
	}
	w.TLS = socket.TLS
	w.SNI = socket.TLS.SNI
	if w.SNI == "" && (c.AutoSNI || socket.TLS.AutoHostSNI) {
		w.SNI = r.dial.name
	}
	if socket.TLS.AutoSANValidation || c.AutoSANValidation {
		w.verifyHost = w.SNI
	}
	w.offer(c, by.http)
	r.Outbound.Socket = "tls"
	if w.mesh() {
		r.Outbound.Socket = "mTLS"
	}
	return w
}

// inspect adds to a connection what the listener's inspectors find in it. An inspector that is
// disabled for the port sees nothing: TLS then arrives as raw_buffer.
func inspect(c *conn, l *envoy.Listener, w wire) {
	switch {
	case w.header: // the first bytes are neither TLS nor HTTP
	case w.encrypted() && inspects(l, envoy.TLSInspector, c.Port):
		c.Transport = "tls"
		c.SNI, c.ALPN = w.SNI, w.ALPN
		if w.TLS == nil {
			c.ALPN = []string{"h2", "http/1.1"}
		}
		if isIP(c.SNI) {
			c.SNI = ""
		}
	case !w.encrypted() && w.App == mesh.HTTP && inspects(l, envoy.HTTPInspector, c.Port):
		c.ALPN = []string{"http/1.1"}
	}
}

func inspects(l *envoy.Listener, kind envoy.ListenerFilterKind, port uint32) bool {
	return slices.ContainsFunc(l.Filters, func(f envoy.ListenerFilter) bool {
		return f.Kind == kind && !f.Disabled.Matches(port)
	})
}

// describeSocket says in a few words what a socket does.
func describeSocket(s *envoy.TransportSocket) string {
	if s == nil || s.Kind == envoy.Raw {
		return "plaintext"
	}
	if inner, header := s.Behind(); header {
		return "a PROXY protocol header, then " + describeSocket(inner)
	}
	if s.TLS == nil {
		return s.TypeURL
	}
	words := []string{"TLS"}
	if len(s.TLS.Certificates) > 0 {
		words = append(words, "with client certificate "+s.TLS.Certificates[0].Name())
	} else {
		words = append(words, "without client certificate")
	}
	if s.TLS.SNI != "" {
		words = append(words, "SNI "+s.TLS.SNI)
	}
	if len(s.TLS.ALPN) > 0 {
		words = append(words, "ALPN "+strings.Join(s.TLS.ALPN, ","))
	}
	if len(s.TLS.Validation.SANs) > 0 {
		var sans []string
		for _, m := range s.TLS.Validation.SANs {
			sans = append(sans, m.Value)
		}
		words = append(words, "accepts "+strings.Join(sans, ","))
	}
	return strings.Join(words, ", ")
}
