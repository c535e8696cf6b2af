package checks

import (
	"fmt"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
)

var mtd317 = &diagnose.Check{
	Code: "MTD317", Name: "authz-principal-plaintext", Severity: diagnose.Error,
	Title: "a client arrives in plaintext, without the identity that an AuthorizationPolicy asks for",
	Doc: diagnose.Doc{
		Meaning: "principals and namespaces of an AuthorizationPolicy are read from the client's certificate. A client in the mesh whose proxy was told to send plaintext arrives without one: an ALLOW policy refuses it although its service account is listed, and a DENY policy that names it does not match. " +
			"The policy is right; what makes the client send plaintext is to blame.",
		Symptoms: []string{
			"HTTP 403 RBAC: access denied",
			"TCP and https: connection closed by peer without data",
			"server proxy's log: rbac_access_denied_matched_policy[none]",
		},
		Detection: "The connection is let in by a PERMISSIVE server, an RBAC filter then denies it for want of an identity, and the client, which has a proxy, sends plaintext because of a resource that is named.",
		ByHand: []diagnose.Look{
			seeAll("authorizationpolicies.security.istio.io", "principals or namespaces, for the server"),
			seeCluster("no transportSocket and no transportSocketMatches: it sends plaintext"),
			seeLog("SERVER", "rbac_access_denied_matched_policy[none]"),
		},
		NotThis:    "A client with mutual TLS that is denied is not in the policy (MTD399 lists it): no fault of mutual TLS. Callers without a proxy have no identity to show (MTD601).",
		Fix:        "Mend the client's side, so that it sends mutual TLS. Do not widen the AuthorizationPolicy.",
		References: []string{"ISTIO-SECURITY-2021-003", "istio/istio#36119", "istio.io/docs/concepts/security/#dependency-on-mutual-tls"},
	},
	Needs:    []diagnose.Evidence{diagnose.Proxies, diagnose.DestinationRules, diagnose.PeerAuthentications},
	Run:      authzPlaintext,
	Describe: describeAuthzPlaintext,
}

func authzPlaintext(p *diagnose.Pass) {
	for e := range p.Known() {
		if !plain(e) || !meshed(e) {
			p.NotApplicable()
			continue
		}
		c := whyPlain(p, e)
		if e.Verdict != handshake.Denied || c.code == "" {
			p.Passed()
			continue
		}
		p.Failed(diagnose.Finding{Subject: c.subject, Field: c.field, Edges: edge(e)})
	}
}

func describeAuthzPlaintext(p *diagnose.Pass, f *diagnose.Finding) {
	e := f.Edges[0]
	f.Title = fmt.Sprintf("%s makes %s send plaintext to %s, where they arrive without an identity and are denied", f.Subject, callers(f.Edges), destinations(p, f.Edges))
	f.Evidence = append(bothSides(p, e), handshake.Fact{Layer: handshake.Proxy, Source: e.Server.Pod.Key().String() + " RBAC of " + e.Inbound.Chain, Value: e.Why})
	if c := whyPlain(p, e); c.rule != nil {
		f.Fixes = tlsFixes(p, c.rule, f.Field, f.Edges)
	}
}
