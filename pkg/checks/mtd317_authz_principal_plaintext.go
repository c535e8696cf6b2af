package checks

import (
	"fmt"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/policy"
)

var mtd317 = &diagnose.Check{
	Code: "MTD317", Name: "authz-principal-plaintext", Severity: diagnose.Error,
	Title: "a client arrives in plaintext, without the identity that an AuthorizationPolicy asks for",
	Doc: diagnose.Doc{
		Meaning: "principals and namespaces of an AuthorizationPolicy are read from the client's certificate. A client that sends plaintext arrives without one: an ALLOW policy refuses it although its service account is listed, and a DENY policy that excepts it meets it. " +
			"The policy is right; what makes the client send plaintext is to blame.",
		Symptoms: []string{
			"HTTP 403 RBAC: access denied",
			"TCP and https: connection closed by peer without data",
			"server proxy's log: rbac_access_denied_matched_policy[none]",
		},
		Detection: "The server's proxy takes the connection without a client certificate, an RBAC filter then denies it, and would let it through with the identity of the client's service account. Blamed is what makes the client send plaintext: a DestinationRule or another resource, DISABLE of the server, a Sidecar that hides the service; the policy where nothing that was read explains it. A caller without a proxy is a warning where a rule names its service account, and an error where it was asked about.",
		ByHand: []diagnose.Look{
			seeAll("authorizationpolicies.security.istio.io", "principals or namespaces, for the server"),
			seeCluster("no transportSocket and no transportSocketMatches: it sends plaintext"),
			seeLog("SERVER", "rbac_access_denied_matched_policy[none]"),
		},
		NotThis:    "A client that would be denied with its identity, too, is not in the policy (MTD399 lists it): no fault of mutual TLS. A policy that takes any identity of a namespace or of the mesh keeps callers without a proxy out, as STRICT does: a note (MTD399), unless that pod was asked about.",
		Fix:        "Mend the client's side, so that it sends mutual TLS: give a caller without a proxy one. Do not widen the AuthorizationPolicy.",
		References: []string{"ISTIO-SECURITY-2021-003", "istio/istio#36119", "istio.io/docs/concepts/security/#dependency-on-mutual-tls"},
	},
	Needs:    []diagnose.Evidence{diagnose.Proxies, diagnose.DestinationRules, diagnose.PeerAuthentications},
	Run:      authzPlaintext,
	Describe: describeAuthzPlaintext,
}

func authzPlaintext(p *diagnose.Pass) {
	for e := range p.Known() {
		switch {
		case !meshed(e):
			p.NotApplicable()
		case !deniedNameless(p, e):
			p.Passed()
		case outsider(e):
			judgeNamelessOutsider(p, e)
		default:
			c := whyNameless(p, e)
			p.Failed(diagnose.Finding{Subject: c.subject, Field: c.field, Edges: edge(e)})
		}
	}
}

// deniedNameless reports whether a connection is denied because it carries no identity: with that of its client it
// would be let through.
func deniedNameless(p *diagnose.Pass, e *handshake.Edge) bool {
	return e.Verdict == handshake.Denied && (e.TLS == nil || e.TLS.ClientID == "") && p.Engine.Takes(e, identity(p, e.Client))
}

// judgeNamelessOutsider reports a caller without a proxy that a rule names, or that was asked about.
func judgeNamelessOutsider(p *diagnose.Pass, e *handshake.Edge) {
	f := diagnose.Finding{Subject: e.Client.Workload.Ref, Field: podSpec(e.Client.Workload) + ".containers", Edges: edge(e)}
	switch {
	case p.Asked(e.Client):
	case isIstiod(e.Client), p.Engine.Takes(e, sibling(identity(p, e.Client))):
		p.NotApplicable()
		return
	default:
		f.Severity = diagnose.Warning
	}
	p.Failed(f)
}

// sibling is another account of the namespace of an identity: rules that take it, too, do not name this one.
func sibling(identity string) string {
	return identity[:strings.LastIndexByte(identity, '/')+1] + "nobody.invalid"
}

// whyNameless says what makes a client of the mesh arrive without an identity: what makes its proxy send plaintext, the
// server that is DISABLE, what hides the service. Else the policy that denies it is all that there is to name.
func whyNameless(p *diagnose.Pass, e *handshake.Edge) culprit {
	if c := whyPlain(p, e); c.code != "" {
		return c
	}
	if off := p.Mode(e.Server.Pod).Port(serverPort(e)); off.Mode == policy.Disable && off.From != nil {
		return culprit{"MTD317", policyRef(off.From), off.Field, nil}
	}
	if e.Outbound.Path == handshake.Passthrough && e.Server.Host != nil {
		if ref, field := hider(p, e); ref.Name != "" {
			return culprit{"MTD317", ref, field, nil}
		}
	}
	if len(e.RefusedBy) > 0 {
		return culprit{"", e.RefusedBy[0], "spec.rules", nil}
	}
	return culprit{"", e.Server.Pod.Workload.Ref, "RBAC", nil}
}

// unnamed reports whether no resource explains why a call carries no identity.
func unnamed(c culprit) bool { return c.code == "" }

func describeAuthzPlaintext(p *diagnose.Pass, f *diagnose.Finding) {
	e := f.Edges[0]
	by := refusers(policiesAgainst(f.Edges))
	f.Evidence = append(bothSides(p, e), handshake.Fact{Layer: handshake.Proxy, Source: e.Server.Pod.Key().String() + " RBAC of " + e.Inbound.Chain, Value: e.Why},
		handshake.Fact{Layer: handshake.Proxy, Source: "replayed", Value: "with mutual TLS it would be let through, as " + identity(p, e.Client)})
	if outsider(e) {
		f.Title = fmt.Sprintf("%s has no proxy, so it arrives at %s without an identity and is denied by %s, which would let its service account in",
			workloadName(e.Client.Workload), servers(f.Edges), by)
		f.Fixes = injections(p, clients(f.Edges))
		return
	}
	c := whyNameless(p, e)
	f.Title = fmt.Sprintf("%s makes %s send plaintext to %s, where they arrive without an identity and are denied by %s", f.Subject, callers(f.Edges), destinations(p, f.Edges), by)
	f.Fixes = identityFixes(p, f, c)
	if unnamed(c) {
		who := callers(f.Edges)
		f.Title = fmt.Sprintf("%s would let %s in at %s: %s in plaintext, without an identity, and %s denied; no resource that was read says why plaintext is sent",
			by, who, destinations(p, f.Edges), who.verb("it arrives", "they arrive"), who.verb("is", "are"))
		f.Fixes = []diagnose.Fix{lookAtBoth(e)}
	}
}

// identityFixes have clients send mutual TLS, by what keeps them from it.
func identityFixes(p *diagnose.Pass, f *diagnose.Finding, c culprit) []diagnose.Fix {
	e := f.Edges[0]
	switch {
	case c.rule != nil:
		return tlsFixes(p, c.rule, f.Field, f.Edges)
	case c.code == "MTD306":
		return takeBoth(p, f, namespaceMode(p, e).From)
	case c.code == "MTD308":
		return []diagnose.Fix{autoMTLSFix(c.subject)}
	case c.code == "MTD317" && c.subject.Kind == "PeerAuthentication":
		return takeBoth(p, f, p.Mode(e.Server.Pod).Port(serverPort(e)).From)
	case c.code == "MTD317" && e.Outbound.Path == handshake.Passthrough:
		return showFixes(p, f, e.Client)
	}
	return nil
}

// takeBoth sets a policy that is DISABLE to PERMISSIVE.
func takeBoth(p *diagnose.Pass, f *diagnose.Finding, from *kube.PeerAuthentication) []diagnose.Fix {
	return permissive(p, f, from, "take both: PERMISSIVE instead of DISABLE, so that clients of the mesh send mutual TLS", mayHang)
}
