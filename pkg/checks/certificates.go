package checks

import (
	"crypto/x509"
	"fmt"
	"iter"
	"slices"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/certs"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
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
				p.Unknown(kube.PodRef(pod.Key()), "its proxy's secrets were not read")
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

// What a certificate is for.
const (
	leaf         = "leaf"
	intermediate = "intermediate"
	root         = "root"
)

// held is one certificate of a holding: of the chain that the proxy presents, or of the bundle
// that it trusts.
type held struct {
	*x509.Certificate
	holding
	role string
	sent bool // it is of the chain
}

// certificates are those of a holding, the leaf first.
func (h holding) certificates() []held {
	var out []held
	for i, c := range h.secret.Chain {
		x := held{c, h, intermediate, true}
		if i == 0 {
			x.role = leaf
		} else if certs.Describe(c).SelfSigned {
			x.role = root
		}
		out = append(out, x)
	}
	for _, c := range h.secret.Bundle.Certificates() {
		out = append(out, held{c, h, root, false})
	}
	return out
}

// blame names what has to be renewed: the workload's own certificate, or the CA that many share.
func (c held) blame(p *diagnose.Pass) (ref kube.Ref, field string) {
	switch {
	case c.role == leaf:
		return c.pod.Workload.Ref, "secret " + c.secret.Name + ", leaf"
	case c.role == intermediate:
		return kube.Ref{Kind: "CertificateAuthority", Name: c.Subject.String()}, c.role + " certificate, serial " + certs.Describe(c.Certificate).Serial
	}
	return rootCertRef(p), "data[root-cert.pem]"
}

// group keeps the certificates of CAs apart, and joins those of a workload's pods.
func (c held) group() string {
	if c.role == leaf {
		return ""
	}
	return certs.Describe(c.Certificate).SHA256
}

// what says in words which certificate it is.
func (c held) what() string {
	switch {
	case c.role == leaf && c.secret.Name == "default":
		return "leaf certificate of " + c.pod.Workload.String()
	case c.role == leaf:
		return "certificate " + c.secret.Name + " of " + c.pod.Workload.String()
	case c.role == intermediate:
		return fmt.Sprintf("intermediate certificate %q, which proxies send,", c.Subject)
	}
	return fmt.Sprintf("root certificate %q, which proxies trust,", c.Subject)
}

// fact says what was read of it.
func (c held) fact() handshake.Fact {
	info := certs.Describe(c.Certificate)
	name := info.Subject
	if len(info.URIs) > 0 {
		name = info.URIs[0]
	}
	return handshake.DumpFact(c.pod, "secrets", c.secret.Name,
		fmt.Sprintf("%s of %s, serial %s, valid %s to %s, issued by %q", c.role, name, info.Serial, stamp(c.NotBefore), stamp(c.NotAfter), info.Issuer))
}

// rejected are the edges that fail for one of these reasons because of it: those where a peer
// rejects the holder's chain, or the holder of a bundle rejects the peer's.
func (c held) rejected(p *diagnose.Pass, reasons ...certs.Reason) []*handshake.Edge {
	var out []*handshake.Edge
	for _, e := range p.EdgesOf(c.pod) {
		side, ok := sideOf(e, c.pod)
		if ok && !c.sent {
			side = other(side)
			ok = !slices.Contains(reasons, ownFault(p, e, side))
		}
		if ok && slices.ContainsFunc(reasons, func(r certs.Reason) bool { return e.Blocked(handshake.CertificateReason(side, r)) }) {
			out = append(out, e)
		}
	}
	return out
}

// outOfTime is the finding that a certificate is not valid at the time of the capture.
func (c held) outOfTime(p *diagnose.Pass, reason certs.Reason, title string, fixes []diagnose.Fix) diagnose.Finding {
	ref, field := c.blame(p)
	f := diagnose.Finding{
		Subject: ref, Field: field, Group: c.group(), Title: title,
		Evidence:  []handshake.Fact{c.fact(), capturedAt(p)},
		Edges:     c.rejected(p, reason),
		Workloads: []kube.Ref{c.pod.Workload.Ref},
		Fixes:     fixes,
	}
	if undated(p) || c.unused(&f) {
		f.Severity = diagnose.Info
	}
	return f
}

// unused reports whether a root is one that no certificate in use needs.
func (c held) unused(f *diagnose.Finding) bool { return c.role == root && len(f.Edges) == 0 }

// judgeAll reports the certificates of a holding that are bad, or that there are none.
func (h holding) judgeAll(p *diagnose.Pass, bad func(held) bool, tell func(*diagnose.Pass, held) diagnose.Finding) {
	failed := false
	for _, c := range h.certificates() {
		if bad(c) {
			failed = true
			p.Failed(tell(p, c))
		}
	}
	if !failed {
		p.Passed()
	}
}

// ownFault is why a peer's chain is out of its time by itself, whatever the roots are; "" if it
// is not.
func ownFault(p *diagnose.Pass, e *handshake.Edge, side handshake.Side) certs.Reason {
	pod := e.Client
	if side == handshake.ServerSide {
		pod = e.Server.Pod
	}
	if pod == nil || pod.Proxy == nil {
		return ""
	}
	for _, s := range pod.Proxy.Secrets {
		for _, c := range s.Chain {
			switch {
			case !p.CapturedAt.Before(c.NotAfter):
				return certs.Expired
			case p.CapturedAt.Before(c.NotBefore):
				return certs.NotYetValid
			}
		}
	}
	return ""
}

func other(s handshake.Side) handshake.Side {
	if s == handshake.ClientSide {
		return handshake.ServerSide
	}
	return handshake.ClientSide
}

// renewal is what to do about a certificate that is not renewed.
func renewal(c held) []diagnose.Fix {
	if c.role != leaf {
		return []diagnose.Fix{{
			Title: "rotate the CA: put its next root into every trust bundle first, then issue under it (istiod: Secret cacerts in its namespace)",
			Risk:  "in the other order peers reject each other",
		}}
	}
	return []diagnose.Fix{{
		Title:   "see why the agent could not renew, and mend that: it then recovers without a restart",
		Command: agentLog(c.pod),
	}}
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
