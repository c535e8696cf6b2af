package checks

import (
	"fmt"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/certs"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
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
		Detection: "The active secrets of each proxy, against the time of the capture. The report says which certificate of the chain it is. Of a lone dump, which does not say when it was taken, it is information.",
		ByHand: []diagnose.Look{
			seeSecrets("VALID CERT false, and NOT AFTER in the past"),
			seeLog("POD", "failed to sign CSR, or no certificate since NOT AFTER"),
		},
		NotThis:    "A certificate that its peer does not trust (MTD201) fails in the same places. /certs may list old certificates that only long-lived connections still use; active secrets are what counts.",
		Fix:        "Leaf: find why the agent cannot reach the CA (port 15012, its token, the CA itself); it recovers by itself once it can. Intermediate or root: rotate the CA. Restarting the pod gets a new certificate only if the cause is gone.",
		References: []string{"istio/istio#28050", "istio/istio#26225", "istio.io/docs/ops/common-problems/security-issues"},
	},
	Needs: []diagnose.Evidence{diagnose.Secrets},
	Run:   certificateExpired,
}

func certificateExpired(p *diagnose.Pass) {
	for h := range holdings(p) {
		h.judgeAll(p, func(c held) bool { return !p.CapturedAt.Before(c.NotAfter) }, expired)
	}
}

func expired(p *diagnose.Pass, c held) diagnose.Finding {
	since := ago(p.CapturedAt.Sub(c.NotAfter))
	f := c.outOfTime(p, certs.Expired, fmt.Sprintf("the %s expired %s before the capture, so no peer accepts it", c.what(), since), renewal(c))
	switch {
	case undated(p):
		f.Title = fmt.Sprintf("the %s ended %s before the date of the file; when the dump was taken is not known", c.what(), since)
	case c.unused(&f):
		f.Title = fmt.Sprintf("the %s expired %s before the capture; no certificate in use needs it", c.what(), since)
	}
	return f
}
