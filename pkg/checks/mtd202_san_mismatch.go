package checks

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

var mtd202 = &diagnose.Check{
	Code: "MTD202", Name: "san-mismatch", Severity: diagnose.Error,
	Title: "clients do not accept the identity that the server presents",
	Doc: diagnose.Doc{
		Meaning: "The client's proxy accepts only the SPIFFE IDs in its SAN list: those that a DestinationRule or ServiceEntry names, else the service accounts of all endpoints that istiod knows. The server shows another one. Every mesh client of the host is hit.",
		Symptoms: []string{
			"client proxy's log: 268435581 CERTIFICATE_VERIFY_FAILED:verify_cert_failed:_SAN_matcher,_certificate_SANs_are_[spiffe://…]",
			"HTTP 503 upstream connect error … remote connection failure; TCP: reset",
			"it begins after the server's service account was changed or the workload moved to another namespace",
		},
		Detection: "The SAN matchers of the client's transport socket against the URI of the certificate that the server's proxy holds.",
		ByHand: []diagnose.Look{
			seeCluster("matchTypedSubjectAltNames or matchSubjectAltNames without the server's identity"),
			seeChain("on the server: the URI under Subject Alternative Name"),
		},
		NotThis:    "If the two are of different trust domains, that is the cause (MTD203). An empty list accepts everybody who has the root.",
		Fix:        "Remove subjectAltNames: istiod then fills the list from the endpoints' service accounts by itself. Or name the identity that the server has.",
		References: []string{"istio/istio#32501", "istio/istio#47130", "istio/istio#31480", "istio/istio#50193"},
	},
	Needs:    []diagnose.Evidence{diagnose.Proxies, diagnose.Secrets, diagnose.DestinationRules},
	After:    []diagnose.Code{"MTD203"},
	Run:      sanMismatch,
	Describe: describeSAN,
}

func sanMismatch(p *diagnose.Pass) {
	for e := range p.Known() {
		switch {
		case !mutual(e):
			p.NotApplicable()
		case !e.Blocked(handshake.ServerSANMismatch) || otherDomain(e):
			p.Passed()
		default:
			ref, field := sanList(p, e)
			p.Failed(diagnose.Finding{Subject: ref, Field: field, Edges: edge(e)})
		}
	}
}

// sanList is the resource that names the identities which a client accepts, or else the
// workload that presents another one than istiod expects.
func sanList(p *diagnose.Pass, e *handshake.Edge) (ref kube.Ref, field string) {
	if rule := p.Rule(e); rule.TLS != nil && len(rule.TLS.SubjectAltNames) > 0 {
		return ruleRef(rule.Rule), strings.TrimSuffix(rule.Field, ".mode") + ".subjectAltNames"
	}
	if h, _ := e.SentTo(); h != nil {
		if se := entryOf(p, h); se != nil && len(se.Spec.SubjectAltNames) > 0 {
			return h.Ref, "spec.subjectAltNames"
		}
	}
	if said := accountDeclared(e); said != nil && !expected(p, e) {
		return said.By, said.Field + ".serviceAccount"
	}
	if e.Server.Pod != nil {
		return e.Server.Pod.Workload.Ref, "secret default"
	}
	return e.Client.Workload.Ref, "cluster " + e.Outbound.Cluster
}

// accountDeclared is what an entry says of the endpoint of an edge, where that names a service account.
func accountDeclared(e *handshake.Edge) *mesh.Declaration {
	ep := endpointOf(e)
	if ep == nil || ep.Declared == nil || ep.Declared.ServiceAccount == "" {
		return nil
	}
	return ep.Declared
}

func describeSAN(p *diagnose.Pass, f *diagnose.Finding) {
	e := f.Edges[0]
	f.Evidence = append(bothSides(p, e), blockerFact(e, handshake.ServerSANMismatch))
	if said := accountDeclared(e); said != nil && f.Subject == said.By && strings.HasSuffix(f.Field, ".serviceAccount") {
		by := servers(f.Edges)
		f.Title = fmt.Sprintf("%s says that %s %s service account %s, and %s %s",
			f.Subject, by, by.verb("is", "are"), said.ServiceAccount, by.verb("it presents", "they present"), presented(e))
		f.Fixes = renameFix(f, said)
		return
	}
	if f.Subject.Kind != "DestinationRule" && f.Subject.Kind != "ServiceEntry" {
		f.Title = fmt.Sprintf("%s presents %s, which its clients do not expect of %s", f.Subject, presented(e), destinations(p, f.Edges))
		return
	}
	hosts := destinations(p, f.Edges)
	f.Title = fmt.Sprintf("%s does not list %s, which %s %s", f.Subject, presented(e), hosts, hosts.verb("presents", "present"))
	f.Fixes = append(dropNames(p, f), addNames(f)...)
}

// presented is the identity that the server of an edge shows.
func presented(e *handshake.Edge) string {
	if e.TLS == nil || e.TLS.ServerID == "" {
		return "an unknown identity"
	}
	return e.TLS.ServerID
}

// renameFix has an entry name the service account that its endpoint runs as; one of another namespace it
// cannot name.
func renameFix(f *diagnose.Finding, said *mesh.Declaration) []diagnose.Fix {
	pod := f.Edges[0].Server.Pod
	if pod == nil || pod.Namespace != said.By.Namespace {
		return []diagnose.Fix{{Title: "correct the serviceAccount of the endpoint", Command: kubectl("edit", f.Subject)}}
	}
	account := cmp.Or(pod.Spec.ServiceAccountName, "default")
	return []diagnose.Fix{{Title: "name the service account that runs there", Command: jsonPatch(f.Subject, set(indexed(f.Field), jsonText(account)))}}
}

// dropNames removes the list, where the identities that istiod then lists by itself are those that are
// presented on every edge that the list decides, in scope or not.
func dropNames(p *diagnose.Pass, f *diagnose.Finding) []diagnose.Fix {
	unexpected := func(e *handshake.Edge) bool { return !expected(p, e) }
	decides := func(e *handshake.Edge) bool {
		ref, field := sanList(p, e)
		return e.Verdict == handshake.MTLS && ref == f.Subject && field == f.Field && unexpected(e)
	}
	rule := p.Rule(f.Edges[0]).Rule
	for _, h := range p.Hosts {
		if (h.Ref == f.Subject || rule != nil && names(p, rule, h)) && slices.ContainsFunc(p.EdgesSentTo(h), decides) {
			return nil
		}
	}
	if slices.ContainsFunc(f.Edges, unexpected) {
		return nil
	}
	return []diagnose.Fix{{
		Title: "remove subjectAltNames: istiod then lists the service accounts of the endpoints itself", Command: jsonPatch(f.Subject, remove(indexed(f.Field))),
	}}
}

// addNames adds what is presented to the list; nobody whom it accepts is then refused.
func addNames(f *diagnose.Finding) []diagnose.Fix {
	var operations []string
	for _, id := range distinct(f.Edges, presented) {
		operations = append(operations, set(indexed(f.Field)+"/-", jsonText(id)))
	}
	return []diagnose.Fix{{
		Title: "name what the server presents too, if that is the identity you want to talk to", Command: jsonPatch(f.Subject, operations...),
		Risk: "the list must be kept in step with the server's service account",
	}}
}

// blockerFact tells what the replay of an edge stumbled over.
func blockerFact(e *handshake.Edge, reason handshake.Reason) handshake.Fact {
	f := handshake.Fact{Layer: handshake.Proxy, Source: "verified on paper"}
	for _, b := range e.Blockers {
		if b.Reason == reason {
			f.Value = b.Why
		}
	}
	return f
}
