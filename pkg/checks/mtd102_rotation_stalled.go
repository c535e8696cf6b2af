package checks

import (
	"fmt"
	"time"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/certs"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

var mtd102 = &diagnose.Check{
	Code: "MTD102", Name: "certificate-rotation-stalled", Severity: diagnose.Warning,
	Title: "a certificate is overdue for renewal, or near its end",
	Doc: diagnose.Doc{
		Meaning: "istio-agent renews the workload certificate at half of its lifetime. One that is well past that and still in use was not renewed: the agent cannot reach the CA, or the CA refuses. Everything works until the end, then every connection of the workload fails at once (MTD101). " +
			"Certificates above the leaf, and the mesh's root, are renewed by people: they are told of a month before.",
		Symptoms: []string{
			"none yet; later CERTIFICATE_VERIFY_FAILED … certificate has expired",
			"istio-proxy container's log: failed to sign CSR, failed to warm certificate",
			"istiod's log: CSR signing errors, or no request from that pod at all",
		},
		Detection:  "Secret default: past 55 % of the lifetime it is told, past 75 % it is a warning. Other certificates of proxies: past 90 %. Intermediates and roots: 30 days before the end. By the time of the capture.",
		NotThis:    "The counter server.days_until_first_cert_expiring is 0 for healthy short-lived certificates too, and /certs lists old ones that long-lived connections hold.",
		Fix:        "Find why the agent cannot renew; restarting the pod hides the cause and may leave it without any certificate. For a CA: plan its rotation, new root into all trust bundles first.",
		References: []string{"istio/istio#26225", "istio/istio#53118", "istio/istio#14942", "istio/istio#28575"},
	},
	Needs: []diagnose.Evidence{diagnose.Secrets},
	Run:   rotationStalled,
}

// Shares of a lifetime, and the time before the end of a CA's certificate.
const (
	renewalDue, renewalLate = 0.55, 0.75
	otherLate               = 0.9
	caNotice                = 30 * 24 * time.Hour
)

func rotationStalled(p *diagnose.Pass) {
	for h := range holdings(p) {
		if len(h.secret.Chain) == 0 {
			judgeAnchors(p, h)
			continue
		}
		for i := range h.secret.Chain {
			if f, late := overdue(p, h, i); late {
				p.Failed(f)
			} else {
				p.Passed()
			}
		}
	}
}

// overdue judges one certificate of a chain. Expired ones are for MTD101.
func overdue(p *diagnose.Pass, h holding, i int) (diagnose.Finding, bool) {
	c, ref := h.secret.Chain[i], h.pod.Workload.Ref
	left := c.NotAfter.Sub(p.CapturedAt)
	used := certs.Describe(c).UsedAt(p.CapturedAt)
	f := diagnose.Finding{
		Subject: ref, Field: h.name(i), Workloads: []kube.Ref{ref}, Severity: diagnose.Warning,
		Evidence: []handshake.Fact{h.fact(c), capturedAt(p)}, Fixes: renewal(h, i),
	}
	switch {
	case left <= 0:
		return f, false
	case i > 0:
		f.Title = fmt.Sprintf("the %s certificate above that of %s ends in %s", role(h.secret.Chain, i), ref, ago(left))
		return f, left < caNotice && used > renewalDue
	case h.secret.Name != "default":
		f.Title = fmt.Sprintf("the certificate %s of %s ends in %s", h.secret.Name, ref, ago(left))
		return f, used > otherLate
	}
	f.Title = fmt.Sprintf("the certificate of %s was not renewed at half of its lifetime: %d %% have passed, it ends in %s", ref, int(used*100), ago(left))
	if used < renewalLate {
		f.Severity = diagnose.Info
	}
	return f, used > renewalDue
}

// judgeAnchors looks at the roots that a proxy trusts: near their end, all of the mesh is hit.
func judgeAnchors(p *diagnose.Pass, h holding) {
	for _, c := range h.secret.Bundle.Certificates() {
		left := c.NotAfter.Sub(p.CapturedAt)
		if left <= 0 || left > caNotice || certs.Describe(c).UsedAt(p.CapturedAt) < renewalDue {
			p.Passed()
			continue
		}
		ref := rootCertRef(p)
		p.Failed(diagnose.Finding{
			Subject: ref, Field: "data[root-cert.pem]", Group: certs.Describe(c).SHA256, Workloads: []kube.Ref{h.pod.Workload.Ref},
			Title:    fmt.Sprintf("the root certificate %q, which proxies trust, ends in %s", c.Subject, ago(left)),
			Evidence: []handshake.Fact{h.fact(c), capturedAt(p)}, Fixes: renewal(h, 1),
		})
	}
}
