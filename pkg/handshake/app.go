package handshake

import (
	"fmt"
	"slices"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// application is what the server's application gets when no proxy unwraps it.
func (r *replay) application(w wire) *Edge {
	if w.header {
		r.block(EvidenceMissing, "the client's proxy sends a PROXY protocol header first (cluster %s), and whether %s reads one is not known", r.Outbound.Cluster, r.receiver())
	}
	if w.TLS == nil {
		r.meetAppTLS(w)
		if w.App == mesh.TLS {
			r.assume(AppCertificateAccepted)
			r.pass(AppTLS, "the application's own TLS %s", r.arrival())
		} else {
			r.pass(Plaintext, "plaintext %s", r.arrival())
		}
		return r.finish()
	}
	r.proxyMeetsApp(w)
	return r.finish()
}

// meetAppTLS blocks HTTP of a gateway's route before an application that speaks TLS of its own.
func (r *replay) meetAppTLS(w wire) {
	client := r.source()
	switch {
	case client.Proxy == nil || client.Plane != mesh.Gateway || r.dial.guessed || r.dial.protocol != mesh.TLS:
	case !client.Proxy.Read.Has(envoy.SectionRoutes) || !client.Proxy.Read.Has(envoy.SectionListeners):
		r.block(EvidenceMissing, "the routes of %s were not read: whether it sends HTTP to a port of TLS is not known", client.Key())
	case w.requests:
		r.assume(ProtocolAsDeclared)
		r.block(HTTPToAppTLS, "the route of %s sends HTTP, and %s is declared to speak TLS", client.Key(), r.receiver())
	}
}

// proxyMeetsApp is TLS of the client's proxy against the server's bare application.
func (r *replay) proxyMeetsApp(w wire) {
	r.tellArrival()
	r.assume(ProtocolAsDeclared)
	expects := r.engine.appAt(r.Server, r.dial)
	if r.Server.Pod == nil && expects != mesh.TLS && !w.mesh() {
		expects = mesh.Auto // outside, a port's protocol says what the client speaks, not what answers it
	}
	switch {
	case r.fromLabel && r.Inbound.Captured:
		r.block(EvidenceMissing, "the endpoints of %s were not read: whether it sends TLS to this port is not known", r.Client.Key())
	case w.App == mesh.TLS && !w.mesh():
		r.block(DoubleTLS, "the application's TLS is wrapped in TLS that the client's proxy adds, and %s unwraps only one", r.receiver())
	case w.mesh() && expects == mesh.TLS:
		r.block(TLSToAppTLS, "the client's proxy starts Istio's mutual TLS and %s answers with the application's own TLS", r.receiver())
	case expects == mesh.TLS && !w.TLS.Validation.ChecksChain():
		r.pass(TLS, "TLS by the client's proxy reaches %s, whose certificate is not verified", r.receiver())
	case expects == mesh.TLS:
		r.block(ForeignCertificate, "the certificate of %s is outside the evidence", r.receiver())
	case expects == mesh.Auto && !w.mesh():
		r.block(ForeignCertificate, "what %s speaks is not declared", r.receiver())
	default:
		r.block(TLSToPlaintext, "the client's proxy starts TLS and %s", r.bareReceiver())
	}
}

// arrival says whom bytes reach, as far as that is known: of a name of no registry nobody here knows where it leads.
func (r *replay) arrival() string {
	if r.Server.Host == nil && r.Server.Hostname != "" {
		return "leaves for " + r.endpoint() + ", and nothing in the evidence says where that name leads"
	}
	return "reaches " + r.receiver()
}

// receiver names the server's end for people.
func (r *replay) receiver() string {
	if r.Server.Pod != nil {
		return fmt.Sprintf("%s port %d", r.Server.Pod.Key(), r.Server.Address.Port())
	}
	if r.Server.Host == nil && r.Server.Address.Addr().IsValid() {
		return r.endpoint() + ", which nobody in the evidence holds"
	}
	return r.endpoint()
}

// bareReceiver says why nobody unwraps TLS there.
func (r *replay) bareReceiver() string {
	pod, port := r.Server.Pod, r.Server.Address.Port()
	switch {
	case pod == nil:
		return r.endpoint() + " is declared to speak plaintext"
	case !pod.HasProxy():
		return pod.Key().String() + ", which has no proxy, speaks plaintext"
	case !r.Inbound.Captured:
		return fmt.Sprintf("port %d of %s bypasses its proxy", port, pod.Key())
	}
	return fmt.Sprintf("port %d of %s takes only plaintext (filter chain %s)", port, pod.Key(), r.Inbound.Chain)
}

// appAt is what the application behind an endpoint is declared to speak. Where a route led away
// from what was dialled, its declaration says nothing of the endpoint.
func (e *Engine) appAt(s Server, d dial) mesh.Protocol {
	if p, ok := e.apps[s.Address]; ok && s.Address.Addr().IsValid() {
		return p
	}
	dialled := func(ep mesh.Endpoint) bool { return ep.Address == s.Address }
	known := slices.ContainsFunc(d.registered, dialled) || slices.ContainsFunc(d.direct, dialled)
	if s.Pod == nil && d.guessed || s.Pod != nil && !known {
		return mesh.Auto
	}
	return d.protocol
}
