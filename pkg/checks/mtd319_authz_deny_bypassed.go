package checks

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

var mtd319 = &diagnose.Check{
	Code: "MTD319", Name: "authz-deny-bypassed", Severity: diagnose.Error,
	Title: "a caller that a DENY policy names gets in, because it arrives in plaintext and without an identity",
	Doc: diagnose.Doc{
		Meaning: "principals and namespaces of an AuthorizationPolicy are read from the client's certificate. In plaintext there is none, so a DENY rule that asks for them does not match, and whom it was to keep out gets in. " +
			"It takes a server that is PERMISSIVE, or an application whose own TLS passes through.",
		Symptoms: []string{
			"an AuthorizationPolicy with action DENY has no effect",
			"server proxy's log: an empty downstream_peer, source.principal is empty",
			"metrics: connection_security_policy=\"none\", source_principal=\"unknown\"",
		},
		Detection: "The connection is let in without mutual TLS, and a DENY rule of the RBAC filter on its filter chain would match the identity of the client's service account. Information where a rule only looks at identities and callers without a proxy get in, none of which it names.",
		ByHand: []diagnose.Look{
			seeAll("authorizationpolicies.security.istio.io", "action DENY with principals or namespaces"),
			seeInbound("a filter chain for the port that takes raw_buffer: callers get in without an identity"),
		},
		NotThis:    "DENY with notPrincipals or notNamespaces meets callers without an identity too. ALLOW policies refuse them (MTD317).",
		Fix:        "Have the client send mutual TLS, and make the server STRICT: only then does a DENY that names identities hold. Or write it as ALLOW for those who may.",
		References: []string{"ISTIO-SECURITY-2021-003", "istio/istio#36119", "istio.io/docs/concepts/security/#dependency-on-mutual-tls"},
	},
	Needs:    []diagnose.Evidence{diagnose.Proxies, diagnose.DestinationRules, diagnose.PeerAuthentications},
	Run:      authzDenyBypassed,
	Describe: describeDenyBypassed,
}

// strangers groups the callers without a proxy whom no rule names.
const strangers = "strangers"

func authzDenyBypassed(p *diagnose.Pass) {
	for e := range p.Known() {
		denials := p.Engine.Denials(e)
		switch evaded := p.Engine.Evaded(e, identity(p, e.Client)); {
		case len(denials) == 0:
			p.NotApplicable()
		case !nameless(e):
			p.Passed()
		case len(evaded) > 0:
			f := bypassed(e, evaded[0])
			if c := whyPlain(p, e); c.code != "" {
				f.Subject, f.Field = c.subject, c.field
			}
			p.Failed(f)
		case outsider(e):
			f := bypassed(e, denials[0])
			f.Severity, f.Group = diagnose.Info, strangers
			p.Failed(f)
		default:
			p.Passed()
		}
	}
}

// bypassed blames the policy of a rule, or the server where the rule is not one of Istio's.
func bypassed(e *handshake.Edge, d handshake.Denial) diagnose.Finding {
	if d.Policy.Name == "" {
		return diagnose.Finding{Subject: e.Server.Pod.Workload.Ref, Field: "RBAC " + d.Rule, Edges: edge(e)}
	}
	_, index, _ := strings.Cut(d.Rule, "-rule")
	return diagnose.Finding{Subject: d.Policy, Field: "spec.rules" + index + ".from", Edges: edge(e)}
}

// nameless reports whether a connection gets in without an identity of the mesh.
func nameless(e *handshake.Edge) bool {
	return e.Verdict == handshake.Plaintext || e.Verdict == handshake.AppTLS
}

// identity is the SPIFFE ID of a pod: that of its certificate, or what its service account would
// get.
func identity(p *diagnose.Pass, pod *mesh.Pod) string {
	if pod.Proxy != nil {
		for _, s := range pod.Proxy.Secrets {
			if id, err := s.Chain.Identity(); s.Name == "default" && err == nil {
				return id.String()
			}
		}
	}
	return fmt.Sprintf("spiffe://%s/ns/%s/sa/%s", p.MeshConfig(pod.Revision()).Domain(), pod.Namespace, cmp.Or(pod.Spec.ServiceAccountName, "default"))
}

func describeDenyBypassed(p *diagnose.Pass, f *diagnose.Finding) {
	e := f.Edges[0]
	denials := p.Engine.Evaded(e, identity(p, e.Client))
	if f.Group == strangers {
		denials = p.Engine.Denials(e)
	}
	f.Title = bypassTitle(p, f, denials[0])
	f.Evidence = append(bypassFacts(p, e, denials[0]), bothSides(p, e)...)
	if c := whyPlain(p, e); c.rule != nil {
		f.Fixes = tlsFixes(p, c.rule, f.Field, f.Edges)
		for i := range f.Fixes { // what is meant, and yet the end of calls that work
			f.Fixes[i].Risk = risks(fmt.Sprintf("then denied: %s, as the policy says", callers(f.Edges)), f.Fixes[i].Risk)
		}
	}
	f.Fixes = append(f.Fixes, strictFixes(p, f.Edges)...)
}

// bypassTitle says who gets past which rule, and by whose fault.
func bypassTitle(p *diagnose.Pass, f *diagnose.Finding, d handshake.Denial) string {
	policy := "rule " + d.Rule
	if d.Policy.Name != "" {
		policy = d.Policy.String()
	}
	who, to := callers(f.Edges), servers(f.Edges)
	switch {
	case f.Group == strangers:
		return fmt.Sprintf("%s denies by identity, and %s %s plaintext, which carries none: it does not hold against callers such as %s",
			policy, to, to.verb("takes", "take"), who)
	case whyPlain(p, f.Edges[0]).code == "":
		return fmt.Sprintf("%s denies %s access to %s, which %s in plaintext, without an identity",
			policy, who, to, who.verb("gets in nevertheless: it comes", "get in nevertheless: they come"))
	}
	return fmt.Sprintf("%s makes %s send plaintext to %s, and so get past %s, which denies them by identity", f.Subject, who, destinations(p, f.Edges), policy)
}

// bypassFacts are the rule as Envoy has it, and what arrives instead of what it looks for.
func bypassFacts(p *diagnose.Pass, e *handshake.Edge, d handshake.Denial) []handshake.Fact {
	return []handshake.Fact{
		{Layer: handshake.Proxy, Source: e.Server.Pod.Key().String() + " RBAC of " + e.Inbound.Chain, Value: "DENY " + d.Rule + ": " + strings.Join(d.Principals, ", ")},
		{Layer: handshake.Proxy, Source: "replayed", Value: fmt.Sprintf("%s arrives as %s without a certificate; with one it would be %s", e.Client.Key(), e.Verdict, identity(p, e.Client))},
	}
}

// strictFixes make the servers of edges refuse plaintext, where that shuts who gets past the rule out.
func strictFixes(p *diagnose.Pass, edges []*handshake.Edge) []diagnose.Fix {
	var out []diagnose.Fix
	for _, w := range distinct(edges, func(e *handshake.Edge) *mesh.Workload { return e.Server.Pod.Workload }) {
		from, to, fixes := workloadFix(p, w, "STRICT")
		if to == nil {
			continue
		}
		tried := withPolicy(p, from, to)
		if slices.ContainsFunc(edges, func(e *handshake.Edge) bool {
			return e.Server.Pod.Workload == w && tried.takes(e) != handshake.AcceptsMTLS
		}) {
			continue // a port of its own stays open
		}
		fixes[0].Title = fmt.Sprintf("make %s STRICT, so that nobody gets in without an identity", workloadName(w))
		fixes[0].Risk = refuses(tried.stops(underPolicy(p, to)))
		out = append(out, fixes...)
	}
	return together(out)
}
