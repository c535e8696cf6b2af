package checks

import (
	"crypto/x509"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/certs"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// holding is a secret that a pod's proxy uses.
type holding struct {
	pod    *mesh.Pod
	secret *envoy.Secret
}

// holdings yields the secrets in force of the proxies in scope. A proxy whose secrets were not
// read is unknown.
func holdings(p *diagnose.Pass) iter.Seq[holding] {
	return func(yield func(holding) bool) {
		for pod := range p.ProxyPods() {
			if !pod.Proxy.Read.Has(envoy.SectionSecrets) {
				p.Unknown(diagnose.PodRef(pod), "its proxy's secrets were not read")
				continue
			}
			for _, s := range pod.Proxy.Secrets {
				if (s.State == envoy.Active || s.State == envoy.Static) && !yield(holding{pod, s}) {
					return
				}
			}
		}
	}
}

// role is what a certificate of a chain is for: "leaf", "intermediate" or "root".
func role(chain certs.Chain, i int) string {
	switch {
	case i == 0:
		return "leaf"
	case certs.Describe(chain[i]).SelfSigned:
		return "root"
	}
	return "intermediate"
}

// name is how a finding's field calls a certificate of a holding.
func (h holding) name(i int) string {
	return fmt.Sprintf("secret %s, %s", h.secret.Name, role(h.secret.Chain, i))
}

// find is the place of the first certificate of the chain, from the leaf up, that is wrong; -1
// when none is.
func (h holding) find(wrong func(*x509.Certificate) bool) int {
	return slices.IndexFunc(h.secret.Chain, wrong)
}

// fact says what was read of a certificate.
func (h holding) fact(c *x509.Certificate) handshake.Fact {
	info := certs.Describe(c)
	name := info.Subject
	if len(info.URIs) > 0 {
		name = info.URIs[0]
	}
	return handshake.Fact{
		Layer:  handshake.Proxy,
		Source: h.pod.Key().String() + " config_dump secrets/" + h.secret.Name,
		Value:  fmt.Sprintf("%s, serial %s, valid %s to %s, issued by %q", name, info.Serial, stamp(c.NotBefore), stamp(c.NotAfter), info.Issuer),
	}
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// capturedAt is the clock by which certificates are judged.
func capturedAt(p *diagnose.Pass) handshake.Fact {
	return handshake.Fact{Layer: handshake.Observed, Source: "time of the capture", Value: stamp(p.CapturedAt)}
}

// rejected are the edges that fail because a peer rejects a pod's certificate for one of these
// reasons, whichever side the pod is on.
func rejected(p *diagnose.Pass, pod *mesh.Pod, reasons ...certs.Reason) []*handshake.Edge {
	var out []*handshake.Edge
	for e := range p.Edges() {
		if side, ok := sideOf(e, pod); ok && slices.ContainsFunc(reasons, func(r certs.Reason) bool {
			return e.Blocked(handshake.CertificateReason(side, r))
		}) {
			out = append(out, e)
		}
	}
	return out
}

// sideOf is the side of an edge on which a pod is.
func sideOf(e *handshake.Edge, pod *mesh.Pod) (handshake.Side, bool) {
	switch pod {
	case e.Client:
		return handshake.ClientSide, true
	case e.Server.Pod:
		return handshake.ServerSide, true
	}
	return "", false
}

// ago writes a duration in the two largest units that matter: "3h20m", "12d".
func ago(d time.Duration) string {
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%dd", int(d.Hours())/24)
	case d >= time.Hour:
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	case d >= time.Minute:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%ds", int(d.Seconds()))
}
