package checks

import (
	"crypto/x509"
	"fmt"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/certs"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

var mtd103 = &diagnose.Check{
	Code: "MTD103", Name: "certificate-not-yet-valid", Severity: diagnose.Error,
	Title: "a proxy presents a certificate that is not valid yet",
	Doc: diagnose.Doc{
		Meaning: "The certificate begins after the moment of the capture. Peers whose clock has not reached it refuse it. Mostly a node's clock is slow, or that of the CA is fast; istiod backdates by two minutes, other CAs may not.",
		Symptoms: []string{
			"client proxy's log: CERTIFICATE_VERIFY_FAILED … certificate is not yet valid",
			"pods on one node fail, the others work; it heals by itself after a while",
			"as a client, under TLS 1.3: only UC",
		},
		Detection:  "The active secrets of each proxy, against the time of the capture.",
		NotThis:    "The time of the capture is the clock of the machine that captured. If everything seems not yet valid, that clock is slow.",
		Fix:        "Compare the clocks of the nodes, of the CA and of your machine, and mend time synchronisation.",
		References: []string{"istio.io/docs/ops/common-problems/security-issues", "security/pkg/pki/util/generate_cert.go"},
	},
	Needs: []diagnose.Evidence{diagnose.Secrets},
	Run:   notYetValid,
}

func notYetValid(p *diagnose.Pass) {
	for h := range holdings(p) {
		i := h.find(func(c *x509.Certificate) bool { return p.CapturedAt.Before(c.NotBefore) })
		switch {
		case len(h.secret.Chain) == 0:
			p.NotApplicable()
		case i < 0:
			p.Passed()
		default:
			p.Failed(early(p, h, i))
		}
	}
}

func early(p *diagnose.Pass, h holding, i int) diagnose.Finding {
	c, ref := h.secret.Chain[i], h.pod.Workload.Ref
	return diagnose.Finding{
		Subject: ref, Field: h.name(i),
		Title: fmt.Sprintf("the %s certificate of %s begins %s after the capture, so peers refuse it until then",
			role(h.secret.Chain, i), ref, ago(c.NotBefore.Sub(p.CapturedAt))),
		Evidence:  []handshake.Fact{h.fact(c), capturedAt(p)},
		Edges:     rejected(p, h.pod, certs.NotYetValid),
		Workloads: []kube.Ref{ref},
		Fixes: []diagnose.Fix{{
			Title:   "compare the clock of its node with the CA's and your own",
			Command: fmt.Sprintf("kubectl -n %s exec %s -c istio-proxy -- date -u; kubectl -n %s exec deploy/istiod -- date -u; date -u", h.pod.Namespace, h.pod.Name, p.MeshConfig("").Root()),
		}},
	}
}
