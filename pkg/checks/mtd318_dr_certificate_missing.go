package checks

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/policy"
)

var mtd318 = &diagnose.Check{
	Code: "MTD318", Name: "dr-certificate-missing", Severity: diagnose.Error,
	Title: "a DestinationRule names certificates that its clients' proxies do not have",
	Doc: diagnose.Doc{
		Meaning: "clientCertificate, privateKey and caCertificates are paths in the container of the client's proxy; credentialName is a Secret. Where they are missing, Envoy waits: the new config of the cluster warms for ever, and the one before it, often plaintext, stays in force. " +
			"After a restart there is no older one, and every connection fails. Sidecars ignore credentialName in a rule without a workloadSelector, and send plaintext. All clients of the rule's hosts are hit.",
		Symptoms: []string{
			"the rule is applied, istioctl proxy-status says SYNCED, and nothing changes",
			"server proxy's log: NR filter_chain_not_found (the old plaintext meets a STRICT server)",
			"after a restart of the client: UF,URX TLS_error: Secret is not supplied by SDS",
		},
		Detection: "The effective DestinationRule names certificates; the client's proxy has a warming cluster of the connection's name, or the active one, that waits for one of them; or the rule has a credentialName and no workloadSelector, and the sidecar's cluster is plaintext. A warning where the connection works nevertheless, without the TLS that the rule asks for.",
		ByHand: []diagnose.Look{
			seeCluster("no transportSocket, or nothing at all for the host"),
			seeAll("destinationrules.networking.istio.io", "clientCertificate, caCertificates or credentialName for the host"),
			look("istioctl proxy-config secret CLIENT.NS", "the certificate in state WARMING, or not in the list"),
		},
		NotThis:    "A proxy without its own certificate (secrets default, ROOTCA) cannot reach its CA: MTD401. Files that are there and do not fit are MTD302.",
		Fix:        "In the mesh nothing has to be mounted: remove the tls block, or set ISTIO_MUTUAL. Towards servers outside the mesh mount the files into every client's proxy (annotations sidecar.istio.io/userVolume and userVolumeMount), or name a Secret and give the rule a workloadSelector.",
		References: []string{"istio/istio#27244", "istio.io/docs/reference/config/networking/destination-rule/#ClientTLSSettings", "envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/cluster_manager#cluster-warming"},
	},
	Needs:    []diagnose.Evidence{diagnose.Proxies, diagnose.DestinationRules},
	Run:      drCertificateMissing,
	Describe: describeDRCertificate,
}

func drCertificateMissing(p *diagnose.Pass) {
	for e := range p.Known() {
		rule := p.Rule(e)
		switch field := certificateField(rule); {
		case field == "" || e.Client.Proxy == nil || e.Outbound.Path != handshake.ViaCluster:
			p.NotApplicable()
		case len(awaited(e)) == 0 && !ignoresCredential(rule, e):
			p.Passed()
		default:
			severity := diagnose.Error
			if e.Verdict.Works() {
				severity = diagnose.Warning
			}
			p.Failed(diagnose.Finding{Subject: ruleRef(rule.Rule), Field: field, Severity: severity, Edges: edge(e)})
		}
	}
}

// certificateField is the field by which a tls block first names a certificate, "" if it names
// none.
func certificateField(rule policy.ClientTLS) string {
	if rule.TLS == nil || rule.Rule == nil {
		return ""
	}
	block := strings.TrimSuffix(rule.Field, ".mode")
	switch tls := rule.TLS; {
	case tls.CredentialName != "":
		return block + ".credentialName"
	case tls.ClientCertificate != "":
		return block + ".clientCertificate"
	case tls.CACertificates != "":
		return block + ".caCertificates"
	}
	return ""
}

// ignoresCredential reports whether a sidecar leaves a credential alone, because the rule does
// not select its clients (pilot/pkg/networking/core/cluster_tls.go, buildUpstreamClusterTLSContext).
func ignoresCredential(rule policy.ClientTLS, e *handshake.Edge) bool {
	return rule.TLS.CredentialName != "" && !rule.HasSelector && e.Client.Plane == mesh.Sidecar && e.Outbound.Socket == "plaintext"
}

func describeDRCertificate(p *diagnose.Pass, f *diagnose.Finding) {
	if failing := failed(f.Edges); len(failing) > 0 {
		f.Edges = failing
	}
	e := f.Edges[0]
	rule := p.Rule(e)
	f.Title = waitTitle(p, f)
	f.Evidence = versions(e)
	if asked, ok := ruleFact(rule); ok {
		f.Evidence = append(f.Evidence, asked)
	}
	f.Evidence = append(f.Evidence, waitFacts(e)...)
	for _, x := range bothSides(p, e) {
		if !slices.Contains(f.Evidence, x) {
			f.Evidence = append(f.Evidence, x)
		}
	}
	f.Fixes = tlsFixes(p, rule.Rule, rule.Field, f.Edges)
	if mutual := mutualFixes(p, rule.Rule, rule.Field, f.Edges); len(f.Fixes) > 0 && !slices.Equal(f.Fixes, mutual) {
		f.Fixes = append(f.Fixes, mutual...)
	}
	f.Fixes = append(f.Fixes, supplyFix(rule, e))
}

func failed(edges []*handshake.Edge) []*handshake.Edge {
	return slices.DeleteFunc(slices.Clone(edges), func(e *handshake.Edge) bool { return e.Verdict.Works() })
}

// waitTitle says what is missing, and what the proxies do meanwhile.
func waitTitle(p *diagnose.Pass, f *diagnose.Finding) string {
	e := f.Edges[0]
	names := awaited(e)
	if len(names) == 0 {
		return fmt.Sprintf("%s has a credentialName and no workloadSelector: the sidecars of %s ignore it and send plaintext to %s",
			f.Subject, callers(f.Edges), destinations(p, f.Edges))
	}
	missing := certificateNames(names)
	whose := "that no proxy has"
	if supplied(p, names) {
		whose = "that the proxies of " + callers(f.Edges).String() + " do not have"
	}
	if !stale(e) {
		return fmt.Sprintf("%s names %s %s; connections to %s wait for them and fail", f.Subject, missing, whose, destinations(p, f.Edges))
	}
	return fmt.Sprintf("%s names %s %s; its new config waits for them, and the one before it (%s) stays in force", f.Subject, missing, whose, e.Outbound.Socket)
}

// supplied reports whether some proxy of the mesh holds one of these secrets.
func supplied(p *diagnose.Pass, names []string) bool {
	for _, proxy := range p.Proxies {
		if slices.ContainsFunc(names, func(name string) bool { return inForce(proxy, name) }) {
			return true
		}
	}
	return false
}

// supplyFix gives the proxies what the rule names.
func supplyFix(rule policy.ClientTLS, e *handshake.Edge) diagnose.Fix {
	if credential := rule.TLS.CredentialName; credential != "" {
		fix := diagnose.Fix{
			Title:   fmt.Sprintf("create Secret %s in the namespace of every client, here %s", credential, e.Client.Namespace),
			Command: shell("kubectl -n %s get secret %s", e.Client.Namespace, credential),
			Look:    true,
		}
		if !rule.HasSelector {
			fix.Title += ", and give the rule a workloadSelector, without which sidecars ignore credentialName"
			fix.Risk = "a rule with a workloadSelector is for the clients of its own namespace only"
		}
		return fix
	}
	return diagnose.Fix{
		Title: "mount the files into the proxy of every client (annotations sidecar.istio.io/userVolume and sidecar.istio.io/userVolumeMount)",
		Risk:  "every client restarts, and the files have to be renewed by hand; a server of the mesh takes only certificates of the mesh's CA",
	}
}
