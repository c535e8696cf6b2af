package checks

import (
	"crypto/x509"
	"fmt"
	"slices"
	"time"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/certs"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
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
		Detection: "Secret default: past 55 % of the lifetime it is told, past 75 % it is a warning. Other certificates of proxies: past 90 %. Intermediates and roots: 30 days before the end. By the time of the capture.",
		ByHand: []diagnose.Look{
			seeSecrets("NOT BEFORE and NOT AFTER: more than half of the time between them is over"),
			seeLog("POD", "failed to sign CSR, failed to warm certificate"),
		},
		NotThis:    "The counter server.days_until_first_cert_expiring is 0 for healthy short-lived certificates too, and /certs lists old ones that long-lived connections hold.",
		Fix:        "Find why the agent cannot renew; restarting the pod hides the cause and may leave it without any certificate. For a CA: plan its rotation, new root into all trust bundles first.",
		References: []string{"istio/istio#26225", "istio/istio#53118", "istio/istio#14942", "istio/istio#28575"},
	},
	Needs: []diagnose.Evidence{diagnose.Secrets},
	Run:   rotationStalled,
}

// readingTime is how far the reading of a proxy may lie from the time of the capture: a
// certificate of a minute's lifetime is not overdue for having been read first.
const readingTime = time.Minute

func rotationStalled(p *diagnose.Pass) {
	for h := range holdings(p) {
		if undated(p) {
			p.Unknown(kube.PodRef(h.pod.Key()), "the evidence does not say when it was taken")
			continue
		}
		for _, c := range h.certificates() {
			if f, late := overdue(p, c); late {
				p.Failed(f)
			} else {
				p.Passed()
			}
		}
	}
}

// overdue judges one certificate. Expired ones are for MTD101.
func overdue(p *diagnose.Pass, c held) (diagnose.Finding, bool) {
	left, info := c.NotAfter.Sub(p.CapturedAt), certs.Describe(c.Certificate)
	used := info.UsedAt(p.CapturedAt)
	late := time.Duration((used - certs.RenewalDue) * float64(info.Lifetime()))
	ref, field := c.blame(p)
	f := diagnose.Finding{
		Subject: ref, Field: field, Group: c.group(), Workloads: []kube.Ref{c.pod.Workload.Ref}, Severity: diagnose.Warning,
		Title:    fmt.Sprintf("the %s ends in %s", c.what(), ago(left)),
		Evidence: []handshake.Fact{c.fact(), capturedAt(p)}, Fixes: renewal(c),
	}
	switch {
	case left <= 0:
		return f, false
	case c.role != leaf:
		return f, left < certs.CANotice && used > certs.RenewalDue && (c.sent || needed(p, c))
	case c.secret.Name != "default":
		return f, used > certs.OtherLate
	}
	f.Title = fmt.Sprintf("the %s was not renewed at half of its lifetime: %d %% have passed, it ends in %s", c.what(), int(used*100), ago(left))
	if used < certs.RenewalLate {
		f.Severity = diagnose.Info
	}
	return f, late > readingTime
}

// needed reports whether a certificate of some proxy hangs on a root, and on no other of the
// bundle that lives longer. One that is left over from a rotation may end.
func needed(p *diagnose.Pass, c held) bool {
	longer := slices.DeleteFunc(c.secret.Bundle.Certificates(), func(o *x509.Certificate) bool { return !o.NotAfter.After(c.NotAfter) })
	return slices.ContainsFunc(p.Snapshot.Pods, func(pod *mesh.Pod) bool {
		return pod.Proxy != nil && slices.ContainsFunc(pod.Proxy.Secrets, func(s *envoy.Secret) bool {
			return s.Chain.HangsOn(c.Certificate) && !slices.ContainsFunc(longer, s.Chain.HangsOn)
		})
	})
}
