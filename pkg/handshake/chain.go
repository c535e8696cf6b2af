package handshake

import (
	"slices"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// chain lets a filter chain take the connection: TLS, authorization, application.
func (r *replay) chain(fc *envoy.FilterChain, w wire) *Edge {
	pod := r.Server.Pod
	switch {
	case r.passesOn(fc, w):
		return r.passOn(fc, w)
	case fc.Socket == nil || fc.Socket.Kind == envoy.Raw:
		return r.rawChain(fc, w)
	case fc.Socket.Kind != envoy.TLS || fc.Socket.TLS == nil:
		r.block(NotModelled, "filter chain %s of %s uses transport socket %s", fc.Name, pod.Key(), fc.Socket.TypeURL)
	case !w.encrypted():
		r.block(PlaintextRefused, "%s sends plaintext and filter chain %s of %s speaks TLS", r.sender(), fc.Name, pod.Key())
	case w.TLS == nil:
		return r.appMeetsProxy(fc)
	default:
		return r.tlsChain(fc, w)
	}
	return r.finish()
}

// rawChain is a chain that takes bytes as they come.
func (r *replay) rawChain(fc *envoy.FilterChain, w wire) *Edge {
	if w.TLS == nil && notHTTP(fc, w) {
		return r.garbled(fc, w)
	}
	if w.TLS == nil {
		r.readHTTP(fc, w)
	}
	r.authorize(fc, nobody)
	return r.application(w)
}

// notHTTP reports bytes that are not HTTP before a chain that takes only HTTP.
func notHTTP(fc *envoy.FilterChain, w wire) bool {
	return w.App != mesh.HTTP && hasFilter(fc, envoy.HTTPManager)
}

// garbled is what is not HTTP before an HTTP connection manager, which answers 400 or waits for more.
func (r *replay) garbled(fc *envoy.FilterChain, w wire) *Edge {
	r.assume(ProtocolAsDeclared)
	what := "TCP, as the port that was called declares"
	if w.App == mesh.TLS {
		what = "the application's own TLS"
	}
	r.block(NotHTTP, "filter chain %s of %s takes only HTTP, and what arrives is %s", fc.Name, r.Server.Pod.Key(), what)
	return r.finish()
}

// tlsChain is TLS between two proxies.
func (r *replay) tlsChain(fc *envoy.FilterChain, w wire) *Edge {
	who := r.handshake(fc.Socket.TLS, w)
	if notHTTP(fc, w) {
		return r.garbled(fc, w)
	}
	r.readHTTP(fc, w)
	r.authorize(fc, who)
	r.meetAppTLS(w)
	switch ctx := fc.Socket.TLS; {
	case ctx.Validation.Present && who.presented && !slices.Contains(r.unverified, ClientSide):
		if slices.Contains(r.unverified, ServerSide) {
			r.assume(ServerNotVerified)
		}
		r.pass(MTLS, "mutual TLS: %s", r.identities())
	case who.presented && (ctx.RequireClientCertificate || ctx.Validation.Present):
		r.pass(TLS, "TLS: filter chain %s of %s asks for a client certificate and does not verify it", fc.Name, r.Server.Pod.Key())
	default:
		r.pass(TLS, "TLS without a client certificate: filter chain %s of %s asks for none", fc.Name, r.Server.Pod.Key())
	}
	return r.finish()
}

func hasFilter(fc *envoy.FilterChain, kind envoy.FilterKind) bool {
	return slices.ContainsFunc(fc.Filters, func(f *envoy.Filter) bool { return f.Kind == kind })
}

func (r *replay) identities() string {
	if r.TLS == nil || r.TLS.ClientID == "" || r.TLS.ServerID == "" {
		return "both sides present certificates that the other accepts"
	}
	return r.TLS.ClientID + " to " + r.TLS.ServerID
}

// appMeetsProxy is the application's own TLS against a proxy's TLS socket.
func (r *replay) appMeetsProxy(fc *envoy.FilterChain) *Edge {
	if fc.Socket.TLS.RequireClientCertificate {
		r.block(ClientCertificateRequired,
			"the application's own TLS meets the proxy of %s, which demands a certificate of the mesh (filter chain %s)", r.Server.Pod.Key(), fc.Name)
		return r.finish()
	}
	r.assume(AppCertificateAccepted)
	r.authorize(fc, nobody)
	r.pass(TLS, "the application's TLS ends at the proxy of %s (filter chain %s)", r.Server.Pod.Key(), fc.Name)
	return r.finish()
}
