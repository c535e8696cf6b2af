package handshake

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/certs"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// tellWire tells what travels.
func (r *replay) tellWire(w wire) {
	r.tell(func() Step {
		says := "plaintext " + strings.ToUpper(string(w.App))
		switch {
		case w.TLS != nil:
			says = "TLS by the client's proxy" + also("SNI", w.SNI) + also("ALPN", strings.Join(w.ALPN, ","))
		case w.App == mesh.TLS:
			says = "the application's own TLS" + also("SNI", w.SNI)
		}
		if w.header {
			says = "a PROXY protocol header, then " + says
		}
		return Step{At: StageWire, Says: says}
	})
}

// tellBehind begins what would follow if that step had been right.
func (r *replay) tellBehind() {
	r.tell(func() Step { return Step{At: StageWire, Says: "had the client sent Istio's mutual TLS instead:"} })
}

// tellInbound tells whether the server's proxy takes the port.
func (r *replay) tellInbound(source, says string) {
	r.tell(func() Step { return Step{At: StageCapture, Side: ServerSide, Source: source, Says: says} })
}

// tellListener tells what the server's listener sees and which chain it takes.
func (r *replay) tellListener(l *envoy.Listener, w wire, port uint32) {
	if !r.tracing() {
		return
	}
	pod := r.Server.Pod
	r.tellInbound(podSource(pod), fmt.Sprintf("the proxy takes port %d", port))
	says := "takes the connection"
	switch {
	case inspects(l, envoy.TLSInspector, port):
		says += "; its tls_inspector looks at the first bytes"
	case w.encrypted():
		says += "; it does not look for TLS on this port"
	}
	source := dumpOf(pod, "listeners", l.Name)
	r.tell(func() Step { return Step{At: StageListener, Side: ServerSide, Source: source, Says: says} })
	r.tellChains(ServerSide, source, l, r.inboundConn(l, w, port))
}

// tellPassed tells that a gateway hands the bytes on.
func (r *replay) tellPassed(source string) {
	r.tell(func() Step {
		return Step{At: StageCluster, Side: ServerSide, Source: source, Says: "the gateway passes the TLS on to " + r.endpoint()}
	})
}

// tellTLS tells what both sides settle on.
func (r *replay) tellTLS() {
	r.tell(func() Step {
		s := r.TLS
		says := cmp.Or(s.Version, "no common version") + also("cipher", s.Cipher) + also("curve", s.Curve) + also("SNI", s.SNI) + also("ALPN", s.ALPN)
		return Step{At: StageTLS, Says: says}
	})
}

// tellCertificate tells what a side presents and against what it is verified.
func (r *replay) tellCertificate(side Side, holder party, chain certs.Chain, verifier party) {
	r.tell(func() Step {
		says := r.engine.chain(chain).text + "; judged by " + verifier.name
		return Step{At: StageCertificate, Side: side, Source: holder.name + " config_dump secrets", Says: says}
	})
}

// tellAuthorization tells whom the RBAC filters see.
func (r *replay) tellAuthorization(fc *envoy.FilterChain, who caller) {
	if !r.tracing() {
		return
	}
	n := len(enforcedRBAC(fc))
	if n == 0 {
		return
	}
	r.tell(func() Step {
		filters := fmt.Sprintf("%d RBAC filters see", n)
		if n == 1 {
			filters = "an RBAC filter sees"
		}
		says := filters + " " + cmp.Or(who.identity, "no identity")
		return Step{At: StageAuthorization, Side: ServerSide, Source: dumpOf(r.Server.Pod, "listeners", r.Inbound.Listener), Says: says}
	})
}

// tellArrival tells that TLS reaches an application that no proxy unwraps it for.
func (r *replay) tellArrival() {
	r.tell(func() Step {
		return Step{At: StageApplication, Side: ServerSide, Says: "TLS by the client's proxy reaches " + r.receiver()}
	})
}

// tellOutcome tells what arrives.
func (r *replay) tellOutcome() {
	if r.Verdict.Works() {
		r.tell(func() Step { return Step{At: StageApplication, Side: ServerSide, Says: r.Why} })
	}
}
