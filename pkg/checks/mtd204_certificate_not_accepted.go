package checks

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/certs"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

var mtd204 = &diagnose.Check{
	Code: "MTD204", Name: "certificate-not-accepted", Severity: diagnose.Error,
	Title: "a proxy presents a certificate or chain that is made wrongly",
	Doc: diagnose.Doc{
		Meaning: "The certificate has not ended and the roots may well agree, and still the peer refuses it: the intermediate is not sent, the key usage does not allow client or server authentication, a CA is not marked as one, a path length or name constraint is broken, the key is too short, a revocation list names it or is missing, or the peer lists other certificates. " +
			"It happens with CAs other than istiod: plug-in intermediates, cert-manager templates, certificates mounted by hand.",
		Symptoms: []string{
			"client proxy's log: CERTIFICATE_VERIFY_FAILED … unable_to_get_local_issuer_certificate (missing intermediate)",
			"… unsupported certificate purpose, KEY_USAGE_BIT_INCORRECT, path length constraint exceeded, permitted subtree violation, invalid CA certificate",
			"SSLV3_ALERT_HANDSHAKE_FAILURE … ON_CLIENT_HELLO",
			"client: HTTP 503 upstream connect error … remote connection failure",
		},
		Detection: "Each side's chain is verified as Envoy does it, certificate by certificate, against the bundle that the other side's proxy holds.",
		ByHand: []diagnose.Look{
			seeChain("a wrong key usage, a CA flag that is missing, or a path length that is exceeded"),
			seeLog("CLIENT", "CERTIFICATE_VERIFY_FAILED, with the rule that is broken"),
		},
		NotThis:    "A different root is MTD201, an expired certificate MTD101, another trust domain MTD203.",
		Fix:        "Correct the CA's template or the chain file, and reissue: the finding says which rule is broken.",
		References: []string{"istio.io/docs/tasks/security/cert-management/plugin-ca-cert", "istio.io/docs/ops/integrations/certmanager", "envoyproxy/envoy#36369"},
	},
	Needs:    []diagnose.Evidence{diagnose.Proxies, diagnose.Secrets},
	Run:      notAccepted,
	Describe: describeNotAccepted,
}

// malformed are the reasons that no other check tells of.
var malformed = []certs.Reason{
	certs.MissingIntermediate, certs.NotSPIFFE, certs.KeyUsage, certs.NotACA, certs.PathLength, certs.NameConstraints,
	certs.WeakKey, certs.UnsupportedAlgorithm, certs.NoBundle, certs.Other,
	certs.Revoked, certs.NoCRL, certs.BadCRL, certs.NotPinned,
}

func notAccepted(p *diagnose.Pass) {
	for e := range p.Known() {
		if e.TLS == nil {
			p.NotApplicable()
			continue
		}
		found := false
		for _, side := range []handshake.Side{handshake.ClientSide, handshake.ServerSide} {
			for _, b := range e.Blockers {
				reason, ok := strings.CutPrefix(string(b.Reason), string(side)+"-certificate-")
				if !ok || !slices.Contains(malformed, certs.Reason(reason)) || !mutual(e) {
					continue
				}
				found = true
				p.Failed(diagnose.Finding{Subject: holder(e, side), Field: "secret default", Group: reason, Edges: edge(e)})
			}
		}
		if !found {
			p.Passed()
		}
	}
}

// holder is the workload that presents a certificate.
func holder(e *handshake.Edge, side handshake.Side) kube.Ref {
	if side == handshake.ServerSide && e.Server.Pod != nil {
		return e.Server.Pod.Workload.Ref
	}
	return e.Client.Workload.Ref
}

func describeNotAccepted(p *diagnose.Pass, f *diagnose.Finding) {
	f.Title = fmt.Sprintf("the certificate of %s is not accepted by its peers: %s", f.Subject, strings.ReplaceAll(f.Group, "-", " "))
	f.Fixes = []diagnose.Fix{{
		Title:   "see which CA issued it, and how: that CA's template or configuration is to be mended, then restart the workload",
		Command: shell("istioctl proxy-config secret -n %s %s/%s -o json", f.Subject.Namespace, strings.ToLower(f.Subject.Kind), f.Subject.Name),
	}}
	switch certs.Reason(f.Group) {
	case certs.NoCRL, certs.BadCRL:
		f.Fixes = []diagnose.Fix{{Title: "renew the revocation list that the peers hold (crl of their validation context, or beside the trust anchors): every CA of the chain needs one that is in force"}}
	case certs.NotPinned:
		f.Fixes = []diagnose.Fix{{Title: "add the certificate or its key to what the peers list (verify_certificate_hash, verify_certificate_spki), which an EnvoyFilter sets: each renewal changes the hash"}}
	case certs.MissingIntermediate:
		f.Title = fmt.Sprintf("%s sends its certificate without the intermediate that issued it, which peers that trust only the root need", f.Subject)
		f.Fixes = []diagnose.Fix{{
			Title: "have the CA hand out the whole chain: with a CA plugged into istiod, cert-chain.pem of Secret cacerts must hold every intermediate, the issuing one first; then restart istiod and the workload",
		}}
	}
	f.Evidence = bothSides(p, f.Edges[0])
	for _, b := range f.Edges[0].Blockers {
		f.Evidence = append(f.Evidence, handshake.Fact{Layer: handshake.Proxy, Source: "verified on paper", Value: b.Why})
	}
}
