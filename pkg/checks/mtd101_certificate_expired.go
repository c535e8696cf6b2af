package checks

import (
	"crypto/x509"
	"fmt"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/certs"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

var mtd101 = &diagnose.Check{
	Code: "MTD101", Name: "certificate-expired", Severity: diagnose.Error,
	Title: "a proxy presents a certificate that has expired",
	Doc: diagnose.Doc{
		Meaning: "The certificate that a proxy presents, or one above it in its chain, is past its end. No peer accepts it, in either direction: the workload can neither be called with mutual TLS nor call. " +
			"An expired leaf means that the proxy could not renew: istio-agent asks for a new one at half of the lifetime, so it has failed for as long as the other half.",
		Symptoms: []string{
			"client proxy's log: UF,URX CERTIFICATE_VERIFY_FAILED (268435581) … certificate has expired",
			"as a client, under TLS 1.3: only UC, or nothing at all on TCP, and no TLS text",
			"SSLV3_ALERT_CERTIFICATE_EXPIRED",
			"istio-proxy container's log: failed to sign CSR",
		},
		Detection:  "The active secrets of each proxy, against the time of the capture. The report says which certificate of the chain it is.",
		NotThis:    "A certificate that its peer does not trust (MTD201) fails in the same places. /certs may list old certificates that only long-lived connections still use; active secrets are what counts.",
		Fix:        "Leaf: find why the agent cannot reach the CA (port 15012, its token, the CA itself); it recovers by itself once it can. Intermediate or root: rotate the CA. Restarting the pod gets a new certificate only if the cause is gone.",
		References: []string{"istio/istio#28050", "istio/istio#26225", "istio.io/docs/ops/common-problems/security-issues"},
	},
	Needs: []diagnose.Evidence{diagnose.Secrets},
	Run:   certificateExpired,
}

func certificateExpired(p *diagnose.Pass) {
	for h := range holdings(p) {
		i := h.find(func(c *x509.Certificate) bool { return !p.CapturedAt.Before(c.NotAfter) })
		switch {
		case len(h.secret.Chain) == 0:
			p.NotApplicable()
		case i < 0:
			p.Passed()
		default:
			p.Failed(expired(p, h, i))
		}
	}
}

func expired(p *diagnose.Pass, h holding, i int) diagnose.Finding {
	c, ref := h.secret.Chain[i], h.pod.Workload.Ref
	return diagnose.Finding{
		Subject: ref, Field: h.name(i),
		Title: fmt.Sprintf("the %s certificate of %s expired %s before the capture, so no peer accepts it",
			role(h.secret.Chain, i), ref, ago(p.CapturedAt.Sub(c.NotAfter))),
		Evidence:  []handshake.Fact{h.fact(c), capturedAt(p)},
		Edges:     rejected(p, h.pod, certs.Expired),
		Workloads: []kube.Ref{ref},
		Fixes:     renewal(h, i),
	}
}

// renewal is what to do about a certificate that is not renewed.
func renewal(h holding, i int) []diagnose.Fix {
	if i > 0 {
		return []diagnose.Fix{{
			Title: "rotate the CA: the certificate above the workload's own has ended",
			Risk:  "distribute the new root to every proxy before certificates under it are issued, else peers reject each other",
		}}
	}
	pod := h.pod.Key()
	return []diagnose.Fix{{
		Title:   "see why the agent could not renew, and mend that: it then recovers without a restart",
		Command: fmt.Sprintf("kubectl -n %s logs %s -c istio-proxy --tail=200 | grep -iE 'csr|sign|citadel|sds|15012'", pod.Namespace, pod.Name),
	}}
}
