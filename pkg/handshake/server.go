package handshake

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// arrive follows what is on the wire into the server.
func (r *replay) arrive(w wire) *Edge {
	r.assume(NetworkPolicyNotRead)
	r.tellWire(w)
	pod := r.Server.Pod
	port := uint32(r.Server.Address.Port())
	switch {
	case pod == nil:
		return r.stranger(w)
	case pod.Plane == mesh.Ztunnel:
		r.unseen(pod, NotModelled, "%s is reached through ztunnel, which is not modelled yet", pod.Key())
	case !pod.HasProxy():
		r.fact(Cluster, podSource(pod), "has no proxy")
		r.tellInbound(podSource(pod), "has no proxy")
		return r.application(w)
	case pod.Capture.Assumed && pod.Plane == mesh.Sidecar:
		r.unseen(pod, EvidenceMissing, "pod %s was not read: whether port %d bypasses its proxy is not known", pod.Key(), port)
	case pod.Plane == mesh.Sidecar && pod.Capture.Mode != "NONE" && !r.captured(port):
		return r.bypass(w, port)
	case pod.Proxy == nil:
		r.unseen(pod, ServerUnread, "%s: %s", pod.Key(), pod.Unread)
	case !pod.Proxy.Read.Has(envoy.SectionListeners):
		r.unseen(pod, EvidenceMissing, "the listeners of %s were not read", pod.Key())
	default:
		return r.listener(w, port)
	}
	return r.finish()
}

// captured reports whether iptables hands the connection to the server's proxy. What a proxy sends to
// its own pod stays on the loopback device, where other rules hold.
func (r *replay) captured(port uint32) bool {
	if r.source() == r.Server.Pod {
		return r.Client.Capture.Loopback(port)
	}
	return r.Server.Pod.Capture.Inbound(port)
}

// bypass is a port of a pod with a proxy that does not take it.
func (r *replay) bypass(w wire, port uint32) *Edge {
	r.assume(CaptureAsAnnotated)
	says := fmt.Sprintf("port %d bypasses the proxy", port)
	r.fact(Cluster, r.Server.Pod.Capture.Source, says)
	r.tellInbound(r.Server.Pod.Capture.Source, says)
	return r.application(w)
}

// stranger is an address that no pod of the evidence holds: outside the cluster, or in a part of
// the mesh that was not read (another cluster, a virtual machine).
func (r *replay) stranger(w wire) *Edge {
	host := r.Server.Host
	switch {
	case r.translatedByProxies():
		r.block(EvidenceMissing, "%s is an address of %s, which only proxies lead on: where it leads without one is not known", r.endpoint(), host.Ref)
		return r.finish()
	case r.tlsMode == "istio", host != nil && !host.External && host.Ref.Kind == "ServiceEntry":
		r.block(ServerUnread, "%s is an endpoint of the mesh and its proxy is not in the evidence", r.endpoint())
		return r.finish()
	case (host == nil || !host.External) && !r.engine.snap.Resources.HasRead("pods.core"):
		r.block(EvidenceMissing, "the pods were not read: who holds %s is not known", r.endpoint())
		return r.finish()
	case r.engine.nodePort(r.Server.Address):
		r.block(EvidenceMissing, "%s is a port of a node: which pod takes it is not known", r.endpoint())
		return r.finish()
	}
	what := "no pod of the mesh holds this address"
	if r.Server.Hostname != "" {
		what = "a name that no Service has: no pod of the mesh is known behind it"
	}
	r.fact(Cluster, "endpoint "+r.endpoint(), what)
	r.tellInbound("endpoint "+r.endpoint(), what)
	return r.application(w)
}

// translatedByProxies reports an address of a ServiceEntry inside the mesh at which none of its endpoints stands, dialled
// past the proxies that know these.
func (r *replay) translatedByProxies() bool {
	host, at := r.Server.Host, r.Server.Address.Addr()
	stands := func(ep mesh.Endpoint) bool { return ep.Address.Addr() == at }
	return host != nil && !host.External && host.Ref.Kind == "ServiceEntry" && slices.Contains(host.Addresses, at) &&
		!slices.ContainsFunc(r.dial.registered, stands)
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
	if pod.Plane == mesh.Gateway || pod.Plane == mesh.Waypoint || pod.Capture.Mode == "NONE" {
		return bound(ix.listenerIndex().find(address(pod), port, nil))
	}
	inbound := ix.inbound()
	if inbound == nil || !inbound.UseOrigDst {
		return inbound
	}
	return ix.listenerIndex().find(address(pod), port, inbound)
}

// bound keeps a listener that has a socket of its own: without iptables nothing hands it
// connections.
func bound(l *envoy.Listener) *envoy.Listener {
	if l == nil || !l.BindToPort {
		return nil
	}
	return l
}

func address(pod *mesh.Pod) netip.Addr {
	if len(pod.Addresses) == 0 {
		return netip.Addr{}
	}
	return pod.Addresses[0]
}

// addressLike is a pod's address of the family of another.
func addressLike(pod *mesh.Pod, other netip.Addr) netip.Addr {
	for _, a := range pod.Addresses {
		if a.Is4() == other.Is4() {
			return a
		}
	}
	return address(pod)
}

func (r *replay) listener(w wire, port uint32) *Edge {
	pod := r.Server.Pod
	l := r.engine.inboundListener(pod, port)
	if l == nil {
		return r.noListener(w, port)
	}
	if pod.Plane == mesh.Sidecar {
		r.assume(CaptureAsAnnotated)
	}
	ix := r.engine.index(pod.Proxy)
	r.Inbound = Inbound{Captured: true, Listener: l.Name, Accepts: ix.accepts(l, port)}
	at := placeOf(pod, "listeners", l.Name)
	if what := ix.opaque(l); what != "" {
		r.block(NotModelled, "listener %s of %s sets %s", l.Name, pod.Key(), what)
		return r.finish()
	}
	w = r.header(l, w, port)
	r.tellListener(l, w, port)
	r.bySource = r.bySource || r.forClass() && matchesSource(l)
	chain := matchChain(l, r.inboundConn(l, w, port))
	if chain == nil {
		return r.refused(l, w, port, at)
	}
	r.sniffed(l, port, w)
	r.Inbound.Chain = chain.Name
	r.read(at.within("filter_chains/"+chain.Name), r.engine.filterChain(chain))
	return r.chain(chain, w)
}

// noListener is a port on which the proxy does not listen. A gateway's pod then refuses the
// connection, unless another container of it listens there.
func (r *replay) noListener(w wire, port uint32) *Edge {
	pod := r.Server.Pod
	switch {
	case pod.Plane == mesh.Sidecar && pod.Capture.Mode == "NONE":
		return r.bypass(w, port)
	case pod.Plane == mesh.Sidecar && rejectedListener(pod.Proxy) != "":
		r.block(ListenerRejected, "the proxy of %s runs no inbound listener: it rejected the update (%s)", pod.Key(), rejectedListener(pod.Proxy))
	case pod.Plane == mesh.Sidecar:
		r.unseen(pod, EvidenceMissing, "%s has no inbound listener in its config dump", pod.Key())
	case len(pod.Spec.Containers) == 1:
		r.block(NoListener, "nothing listens on port %d of %s: no Gateway opens it", port, pod.Key())
	default:
		r.unseen(pod, EvidenceMissing, "the proxy of %s does not listen on port %d; whether another container does is not known", pod.Key(), port)
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
	c := conn{Port: port, Dest: r.Server.Address.Addr(), Transport: "raw_buffer", Local: r.source() == r.Server.Pod}
	c.Source = addressLike(r.source(), c.Dest)
	inspect(&c, l, w)
	return c
}

// refused is a connection that no filter chain takes: Envoy closes it (NR filter_chain_not_found).
// The replay goes on with the mutual TLS that the listener would have taken.
func (r *replay) refused(l *envoy.Listener, w wire, port uint32, at place) *Edge {
	if w.encrypted() {
		r.read(at, "no filter chain matches TLS with ALPN "+strings.Join(r.inboundConn(l, w, port).ALPN, ","))
		r.block(NoFilterChain, "no filter chain of %s takes this TLS on port %d (SNI %q)", r.Server.Pod.Key(), port, w.SNI)
		return r.finish()
	}
	r.read(at, fmt.Sprintf("no filter chain takes plaintext on port %d", port))
	r.block(PlaintextRefused, "%s sends plaintext and %s accepts only mutual TLS on port %d", r.sender(), r.Server.Pod.Key(), port)
	r.behind(l, w, port)
	return r.finish()
}

// sender names the client for people, with what is wrong about it.
func (r *replay) sender() string {
	switch {
	case !r.Client.HasProxy():
		return r.Client.Key().String() + ", which has no proxy,"
	case r.Outbound.Path == Direct && r.Client.Capture.AsProxy:
		return r.Client.Key().String() + ", whose application runs as its proxy's user,"
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
	w.SNI = r.meshSNI()
	chain := matchChain(l, r.inboundConn(l, w, port))
	if chain != nil && chain.Socket != nil && chain.Socket.TLS != nil {
		r.tellBehind()
		r.handshake(chain.Socket.TLS, w)
		r.TLS = nil
	}
}

// meshSNI is the server name by which auto mTLS asks for the destination.
func (r *replay) meshSNI() string {
	host, port := r.SentTo()
	name := r.Server.Name
	if host != nil {
		name = host.Name
	}
	return fmt.Sprintf("outbound_.%d_.%s_.%s", port, r.Server.Subset, name)
}

// workloadTLS is what auto mTLS gives a client, without the SAN list.
var workloadTLS = &envoy.TLSContext{
	Certificates: []envoy.CertificateRef{{SDS: "default"}},
	Validation:   envoy.Validation{Present: true, CA: &envoy.TrustRef{SDS: "ROOTCA"}},
	ALPN:         []string{"istio"},
	MaxVersion:   "TLSv1_3",
}
