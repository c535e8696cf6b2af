package handshake

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// arrive follows what is on the wire into the server.
func (r *replay) arrive(w wire) *Edge {
	r.assume(NetworkPolicyNotRead)
	pod := r.Server.Pod
	port := uint32(r.Server.Address.Port())
	switch {
	case pod == nil:
		r.fact(Cluster, "endpoint "+r.endpoint(), "no pod of the mesh holds this address")
		return r.application(w)
	case pod.Plane == mesh.Ztunnel:
		r.block(NotModelled, "%s is reached through ztunnel, which is not modelled yet", pod.Key())
	case !pod.HasProxy():
		r.fact(Cluster, "pod "+pod.Key().String(), "has no proxy")
		return r.application(w)
	case pod.Plane == mesh.Sidecar && !pod.Capture.Inbound(port):
		r.assume(CaptureAsAnnotated)
		r.fact(Cluster, pod.Capture.Source, fmt.Sprintf("port %d bypasses the proxy", port))
		return r.application(w)
	case pod.Proxy == nil:
		r.block(ServerUnread, "%s: %s", pod.Key(), pod.Unread)
	case !pod.Proxy.Read.Has(envoy.SectionListeners):
		r.block(EvidenceMissing, "the listeners of %s were not read", pod.Key())
	default:
		return r.listener(w, port)
	}
	return r.finish()
}

func (r *replay) endpoint() string {
	if r.Server.Hostname != "" {
		return fmt.Sprintf("%s:%d", r.Server.Hostname, r.Server.Address.Port())
	}
	return r.Server.Address.String()
}

// inboundListener is the listener that takes a connection to a port of a pod.
func (e *Engine) inboundListener(pod *mesh.Pod, port uint32) *envoy.Listener {
	ix := e.index(pod.Proxy)
	if pod.Plane == mesh.Gateway || pod.Plane == mesh.Waypoint {
		return ix.listener(address(pod), port, nil)
	}
	if ix.inbound == nil || !ix.inbound.UseOrigDst {
		return ix.inbound
	}
	return ix.listener(address(pod), port, ix.inbound)
}

func address(pod *mesh.Pod) netip.Addr {
	if len(pod.Addresses) == 0 {
		return netip.Addr{}
	}
	return pod.Addresses[0]
}

func (r *replay) listener(w wire, port uint32) *Edge {
	pod := r.Server.Pod
	l := r.engine.inboundListener(pod, port)
	if l == nil {
		return r.noListener(port)
	}
	r.Inbound = Inbound{Captured: true, Listener: l.Name, Accepts: accepts(l, port)}
	source := pod.Key().String() + " config_dump listeners/" + l.Name
	if len(l.Unmodelled) > 0 {
		r.block(NotModelled, "listener %s of %s sets %s", l.Name, pod.Key(), l.Unmodelled[0])
		return r.finish()
	}
	chain := matchChain(l, r.inboundConn(l, w, port))
	if chain == nil {
		return r.refused(l, w, port, source)
	}
	r.Inbound.Chain = chain.Name
	r.fact(Proxy, source+"/filter_chains/"+chain.Name, describeMatch(&chain.Match)+": "+describeServerSocket(chain.Socket))
	return r.chain(chain, w)
}

// noListener is a port on which the proxy does not listen. A gateway's pod then refuses the
// connection, unless another container of it listens there.
func (r *replay) noListener(port uint32) *Edge {
	pod := r.Server.Pod
	switch {
	case pod.Plane == mesh.Sidecar && rejectedListener(pod.Proxy) != "":
		r.block(ListenerRejected, "the proxy of %s runs no inbound listener: it rejected the update (%s)", pod.Key(), rejectedListener(pod.Proxy))
	case pod.Plane == mesh.Sidecar:
		r.block(EvidenceMissing, "%s has no inbound listener in its config dump", pod.Key())
	case len(pod.Spec.Containers) == 1:
		r.block(NoListener, "nothing listens on port %d of %s: no Gateway opens it", port, pod.Key())
	default:
		r.block(EvidenceMissing, "the proxy of %s does not listen on port %d; whether another container does is not known", pod.Key(), port)
	}
	return r.finish()
}

// rejectedListener is why Envoy refused an inbound listener, "" if it refused none.
func rejectedListener(p *envoy.Proxy) string {
	for _, x := range p.Rejected {
		if x.Kind == "listener" && (x.Name == "" || strings.Contains(strings.ToLower(x.Name), "inbound")) {
			return x.Details
		}
	}
	return ""
}

func (r *replay) inboundConn(l *envoy.Listener, w wire, port uint32) conn {
	c := conn{Port: port, Dest: address(r.Server.Pod), Transport: "raw_buffer", Source: address(r.Client)}
	inspect(&c, l, w)
	return c
}

// refused is a connection that no filter chain takes: Envoy closes it (NR filter_chain_not_found).
// The replay goes on with the mutual TLS that the listener would have taken.
func (r *replay) refused(l *envoy.Listener, w wire, port uint32, source string) *Edge {
	if w.encrypted() {
		r.fact(Proxy, source, "no filter chain matches TLS with ALPN "+strings.Join(r.inboundConn(l, w, port).ALPN, ","))
		r.block(NoFilterChain, "no filter chain of %s takes this TLS on port %d (SNI %q)", r.Server.Pod.Key(), port, w.SNI)
		return r.finish()
	}
	r.fact(Proxy, source, fmt.Sprintf("no filter chain takes plaintext on port %d", port))
	r.block(PlaintextRefused, "%s sends plaintext and %s accepts only mutual TLS on port %d", r.sender(), r.Server.Pod.Key(), port)
	r.behind(l, w, port)
	return r.finish()
}

// sender names the client for people, with what is wrong about it.
func (r *replay) sender() string {
	switch {
	case !r.Client.HasProxy():
		return r.Client.Key().String() + ", which has no proxy,"
	case r.Outbound.Path == Direct:
		return r.Client.Key().String() + ", whose pod excludes this traffic from capture,"
	case r.Outbound.Path == Passthrough:
		return r.Client.Key().String() + ", whose proxy does not know " + r.dial.label() + ","
	}
	return r.Client.Key().String()
}

// behind looks past refused plaintext: would Istio's mutual TLS between the two have worked?
func (r *replay) behind(l *envoy.Listener, w wire, port uint32) {
	if r.Client.Proxy == nil {
		return
	}
	w.from = r.engine.index(r.Client.Proxy)
	w.TLS, w.ALPN = workloadTLS, workloadTLS.ALPN
	w.SNI = fmt.Sprintf("outbound_.%d_._.%s", r.Server.Port, r.Server.Name)
	chain := matchChain(l, r.inboundConn(l, w, port))
	if chain != nil && chain.Socket != nil && chain.Socket.TLS != nil {
		r.handshake(chain.Socket.TLS, w)
		r.TLS = nil
	}
}

// workloadTLS is what auto mTLS gives a client, without the SAN list.
var workloadTLS = &envoy.TLSContext{
	Certificates: []envoy.CertificateRef{{SDS: "default"}},
	Validation:   envoy.Validation{Present: true, CA: &envoy.TrustRef{SDS: "ROOTCA"}},
	ALPN:         []string{"istio"},
}

// chain lets a filter chain take the connection: TLS, authorization, application.
func (r *replay) chain(fc *envoy.FilterChain, w wire) *Edge {
	switch {
	case fc.Socket == nil || fc.Socket.Kind == envoy.Raw:
		r.authorize(fc, "")
		return r.application(w)
	case fc.Socket.Kind != envoy.TLS || fc.Socket.TLS == nil:
		r.block(NotModelled, "filter chain %s of %s uses transport socket %s", fc.Name, r.Server.Pod.Key(), fc.Socket.TypeURL)
		return r.finish()
	case !w.encrypted():
		r.block(PlaintextRefused, "%s sends plaintext and filter chain %s of %s speaks TLS", r.sender(), fc.Name, r.Server.Pod.Key())
		return r.finish()
	case w.TLS == nil:
		return r.appMeetsProxy(fc, w)
	}
	identity := r.handshake(fc.Socket.TLS, w)
	r.authorize(fc, identity)
	if fc.Socket.TLS.Validation.Present && fc.Socket.TLS.RequireClientCertificate {
		r.pass(MTLS, "mutual TLS: %s", r.identities())
	} else {
		r.pass(TLS, "TLS without a client certificate: filter chain %s of %s asks for none", fc.Name, r.Server.Pod.Key())
	}
	return r.finish()
}

func (r *replay) identities() string {
	if r.TLS == nil || r.TLS.ClientID == "" || r.TLS.ServerID == "" {
		return "both sides present certificates that the other accepts"
	}
	return r.TLS.ClientID + " to " + r.TLS.ServerID
}

// appMeetsProxy is the application's own TLS against a proxy's TLS socket.
func (r *replay) appMeetsProxy(fc *envoy.FilterChain, w wire) *Edge {
	if fc.Socket.TLS.RequireClientCertificate {
		r.block(ClientCertificateRequired,
			"the application's own TLS meets the proxy of %s, which demands a certificate of the mesh (filter chain %s)", r.Server.Pod.Key(), fc.Name)
		return r.finish()
	}
	r.assume(AppCertificateAccepted)
	r.authorize(fc, "")
	r.pass(TLS, "the application's TLS ends at the proxy of %s (filter chain %s)", r.Server.Pod.Key(), fc.Name)
	return r.finish()
}

// application is what the server's application gets when no proxy unwraps it.
func (r *replay) application(w wire) *Edge {
	if w.TLS == nil {
		if w.App == mesh.TLS {
			r.assume(AppCertificateAccepted)
			r.pass(AppTLS, "the application's own TLS reaches %s", r.receiver())
		} else {
			r.pass(Plaintext, "plaintext reaches %s", r.receiver())
		}
		return r.finish()
	}
	r.proxyMeetsApp(w)
	return r.finish()
}

// proxyMeetsApp is TLS of the client's proxy against the server's bare application.
func (r *replay) proxyMeetsApp(w wire) {
	r.assume(ProtocolAsDeclared)
	switch expects := r.engine.appAt(r.Server, r.dial); {
	case w.App == mesh.TLS && !w.mesh():
		r.block(DoubleTLS, "the application's TLS is wrapped in TLS that the client's proxy adds, and %s unwraps only one", r.receiver())
	case w.mesh() && expects == mesh.TLS:
		r.block(TLSToAppTLS, "the client's proxy starts Istio's mutual TLS and %s answers with the application's own TLS", r.receiver())
	case expects == mesh.TLS && !verifies(w.TLS):
		r.pass(TLS, "TLS by the client's proxy reaches %s, whose certificate is not verified", r.receiver())
	case expects == mesh.TLS:
		r.block(ForeignCertificate, "the certificate of %s is outside the evidence", r.receiver())
	case expects == mesh.Auto && !w.mesh():
		r.block(ForeignCertificate, "what %s speaks is not declared", r.receiver())
	default:
		r.block(TLSToPlaintext, "the client's proxy starts TLS and %s", r.bareReceiver())
	}
}

// receiver names the server's end for people.
func (r *replay) receiver() string {
	if r.Server.Pod != nil {
		return fmt.Sprintf("%s port %d", r.Server.Pod.Key(), r.Server.Address.Port())
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

// appAt is what the application behind an endpoint is declared to speak.
func (e *Engine) appAt(s Server, d dial) mesh.Protocol {
	if p, ok := e.apps[s.Address]; ok && s.Address.Addr().IsValid() {
		return p
	}
	if d.guessed && s.Pod == nil {
		return mesh.Auto
	}
	return d.protocol
}
