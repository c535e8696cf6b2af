package checks

import (
	"fmt"
	"slices"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/certs"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
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
			"client: HTTP 503 upstream connect error … remote connection failure",
		},
		Detection: "The active secrets of each proxy, against the time of the capture.",
		ByHand: []diagnose.Look{
			seeSecrets("NOT BEFORE in the future"),
			look("kubectl get pod POD -n NS -o jsonpath='{.spec.nodeName}'", "the node whose clock to compare with that of the CA"),
		},
		NotThis:    "The time of the capture is the clock of the machine that captured. If everything seems not yet valid, that clock is slow.",
		Fix:        "Compare the clocks of the nodes, of the CA and of your machine, and mend time synchronisation.",
		References: []string{"istio.io/docs/ops/common-problems/security-issues", "security/pkg/pki/util/generate_cert.go"},
	},
	Needs: []diagnose.Evidence{diagnose.Secrets},
	Run:   notYetValid,
}

func notYetValid(p *diagnose.Pass) {
	early := func(c held) bool { return p.CapturedAt.Before(c.NotBefore) }
	for h := range holdings(p) {
		if h.secret.LastUpdated.After(p.CapturedAt) && slices.ContainsFunc(h.certificates(), early) {
			p.Unknown(kube.PodRef(h.pod.Key()), "its secret "+h.secret.Name+" was updated after the time of the capture: the clock of the capture is slow")
			continue
		}
		h.judgeAll(p, early, tooEarly)
	}
}

func tooEarly(p *diagnose.Pass, c held) diagnose.Finding {
	title := fmt.Sprintf("the %s begins %s after the capture, so peers refuse it until then", c.what(), ago(c.NotBefore.Sub(p.CapturedAt)))
	return c.outOfTime(p, certs.NotYetValid, title, []diagnose.Fix{{
		Title: "compare the clock of its node with the CA's and your own",
		Command: shell("kubectl -n %s exec %s -c istio-proxy -- date -u; kubectl -n %s exec deploy/istiod -- date -u; date -u",
			c.pod.Namespace, c.pod.Name, p.MeshConfig("").Root()),
	}})
}
