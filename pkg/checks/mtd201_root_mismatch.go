package checks

import (
	"fmt"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/certs"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

var mtd201 = &diagnose.Check{
	Code: "MTD201", Name: "root-mismatch", Severity: diagnose.Error,
	Title: "a workload's certificate or trust bundle comes from another CA than its peers'",
	Doc: diagnose.Doc{
		Meaning: "Two sides of mutual TLS must each trust the root of the other. A workload whose certificate another CA issued, or whose trust bundle holds another root, can neither be called with mutual TLS nor call. " +
			"It is usually one workload or one revision that differs: certificates mounted by hand, an istiod with a CA of its own, a root that was replaced while old proxies run.",
		Symptoms: []string{
			"client proxy's log: 268435581 CERTIFICATE_VERIFY_FAILED … unable_to_get_local_issuer_certificate (the server's certificate is foreign)",
			"the same with self_signed_certificate_in_certificate_chain (the client holds the wrong root)",
			"a foreign client certificate, under TLS 1.3: only UC, on TCP nothing",
			"client proxy's log: SSLV3_ALERT_CERTIFICATE_UNKNOWN, TLSV1_ALERT_UNKNOWN_CA (the server refuses the client's certificate)",
			"client: HTTP 503 upstream connect error … remote connection failure",
		},
		Detection: "Each side's chain is verified against the trust bundle that the other side's proxy holds. To blame is the side whose bundle differs from that of most proxies; when both hold the common one, the side whose certificate does not chain to it.",
		ByHand: []diagnose.Look{
			look("istioctl proxy-config rootca-compare CLIENT.NS SERVER.NS", "both ROOTCA differ"),
			seeChain("an Issuer that is not in the other side's ROOTCA"),
		},
		NotThis:    "The same text with a DestinationRule SIMPLE towards a meshed server means OS roots (MTD302). An expired certificate says so (MTD101).",
		Fix:        "Let the odd one get its certificate and its root from the mesh's CA. While CAs are being changed, put both roots into the bundles first (plug-in root-cert.pem with both, or meshConfig.caCertificates), then reissue.",
		References: []string{"istio/istio#30947", "istio/istio#53961", "istio/istio#39739", "istio.io/docs/tasks/security/cert-management/plugin-ca-cert"},
	},
	Needs:    []diagnose.Evidence{diagnose.Proxies, diagnose.Secrets},
	After:    []diagnose.Code{"MTD101"},
	Run:      rootMismatch,
	Describe: describeRoot,
}

// foreign are the reasons by which a chain ends outside the verifier's bundle.
var foreign = []certs.Reason{certs.UnknownRoot, certs.SelfSignedInChain, certs.BadSignature}

func rootMismatch(p *diagnose.Pass) {
	common := commonBundle(p)
	for e := range p.Known() {
		server, client := foreignOn(e, handshake.ServerSide), foreignOn(e, handshake.ClientSide)
		switch {
		case !mutual(e) || !meshed(e):
			p.NotApplicable()
		case !server && !client:
			p.Passed()
		default:
			odd := oddOne(e, common, server)
			p.Failed(diagnose.Finding{Subject: odd.Workload.Ref, Field: "secret ROOTCA", Edges: edge(e)})
		}
	}
}

func foreignOn(e *handshake.Edge, side handshake.Side) bool {
	for _, r := range foreign {
		if e.Blocked(handshake.CertificateReason(side, r)) {
			return true
		}
	}
	return false
}

// oddOne is the end of an edge that differs from the rest of the mesh.
func oddOne(e *handshake.Edge, common string, serverRejected bool) *mesh.Pod {
	for _, pod := range []*mesh.Pod{e.Client, e.Server.Pod} {
		if b := trustBundle(pod); b != nil && b.Fingerprint() != common {
			return pod
		}
	}
	if serverRejected {
		return e.Server.Pod
	}
	return e.Client
}

func describeRoot(p *diagnose.Pass, f *diagnose.Finding) {
	f.Title = fmt.Sprintf("%s has another root than its peers: they do not accept each other's certificates", f.Subject)
	f.Evidence = bothSides(p, f.Edges[0])
	for _, pod := range []*mesh.Pod{f.Edges[0].Client, f.Edges[0].Server.Pod} {
		if b := trustBundle(pod); b != nil {
			f.Evidence = append(f.Evidence, handshake.DumpFact(pod, "secrets", "ROOTCA", "trusts "+anchors(b)))
		}
	}
	for _, b := range f.Edges[0].Blockers {
		f.Evidence = append(f.Evidence, handshake.Fact{Layer: handshake.Proxy, Source: "verified on paper", Value: b.Why})
	}
	odd, peer := f.Edges[0].Client, f.Edges[0].Server.Pod
	if odd.Workload.Ref != f.Subject {
		odd, peer = peer, odd
	}
	f.Evidence = append(f.Evidence, differences(odd, peer)...)
	f.Fixes = []diagnose.Fix{{
		Title:   "find where its pod gets its certificate from (env CA_ADDR and PILOT_CERT_PROVIDER of istio-proxy, another revision's istiod, volumes workload-certs or workload-socket), let the mesh's CA issue it, and restart it",
		Command: shell("kubectl -n %s get pod %s -o yaml | grep -nE -A1 'CA_ADDR|CERT_PROVIDER|PROV_CERT|OUTPUT_CERTS|istio.io/rev|workload-(certs|socket)|root-cert'", odd.Namespace, odd.Name),
		Look:    true,
		Risk:    "if the other CA is wanted, add its root to the mesh's trust bundle (meshConfig.caCertificates) instead, and the mesh's to the workload's",
	}}
}

// anchors names the certificates of a bundle.
func anchors(b *certs.Bundle) string {
	var names []string
	for _, c := range b.Certificates() {
		names = append(names, fmt.Sprintf("%q (sha256 %.12s)", c.Subject, certs.Describe(c).SHA256))
	}
	return few(names)
}
