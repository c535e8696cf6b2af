package checks

import (
	"fmt"
	"slices"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/certs"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

var mtd203 = &diagnose.Check{
	Code: "MTD203", Name: "trust-domain-mismatch", Severity: diagnose.Error,
	Title: "two workloads are of different trust domains and do not accept each other",
	Doc: diagnose.Doc{
		Meaning: "A server's proxy accepts client certificates of its own trust domain, its aliases and those for which a CA certificate is configured; a client's SAN list is made of its own trust domain too. " +
			"A workload whose certificate carries another one (a second cluster, another CA) is refused even if the root is the same. Where trustDomain was changed without keeping the old one as an alias, all certificates are of the old one until the workloads restart, and every call fails.",
		Symptoms: []string{
			"client proxy's log: CERTIFICATE_VERIFY_FAILED … SAN_matcher, with a spiffe:// ID of an unexpected trust domain",
			"verify cert failed: no trust bundle store (SPIFFE bundles)",
			"server side, under TLS 1.3: the client sees only UC",
			"client proxy's log: SSLV3_ALERT_CERTIFICATE_UNKNOWN (the server refuses the client's identity)",
			"client: HTTP 503 upstream connect error … remote connection failure",
		},
		Detection: "The SAN prefixes of the server's listener and the SAN list of the client's cluster, against the identities in both proxies' certificates.",
		ByHand: []diagnose.Look{
			seeChain("on both: the trust domain of the URI, spiffe://TRUST-DOMAIN/ns/…"),
			seeMesh("trustDomain and trustDomainAliases lack one of them"),
		},
		NotThis:    "A trust domain that the mesh config names and proxies were not told of is MTD501. Another service account or namespace within the same trust domain is a matter of the SAN list (MTD202).",
		Fix:        "Give the mesh's config the other trust domain as an alias (trustDomainAliases), or make the odd workload's certificate carry the mesh's.",
		References: []string{"istio/istio#39204", "istio/istio#26748", "istio.io/docs/tasks/security/authorization/authz-td-migration"},
	},
	Needs:    []diagnose.Evidence{diagnose.Proxies, diagnose.Secrets},
	After:    []diagnose.Code{"MTD501"},
	Run:      trustDomain,
	Describe: describeTrustDomain,
}

func trustDomain(p *diagnose.Pass) {
	for e := range p.Known() {
		switch {
		case e.TLS == nil || !mutual(e):
			p.NotApplicable()
		case !domainRefused(e):
			p.Passed()
		default:
			subject, field := strange(p, e)
			p.Failed(diagnose.Finding{Subject: subject, Field: field, Edges: edge(e)})
		}
	}
}

// trustDomainField is the field of the mesh config that is to blame where its trust domain was changed.
const trustDomainField = "data.mesh.trustDomain"

// strange is what is of the wrong trust domain: the mesh config, where both ends are of one that it does not name; or else the
// end that is not of the mesh config's.
func strange(p *diagnose.Pass, e *handshake.Edge) (subject kube.Ref, field string) {
	if moved(p, e) {
		return meshConfigRef(p, e.Server.Pod), trustDomainField
	}
	return stranger(p, e).Workload.Ref, "secret default"
}

// moved reports whether the certificates of both ends are of a trust domain that the mesh config does not name any more.
func moved(p *diagnose.Pass, e *handshake.Edge) bool {
	if e.Server.Pod == nil {
		return false
	}
	cfg, mine := p.MeshConfig(e.Server.Pod.Revision()), domainOf(e.TLS.ClientID)
	return cfg != nil && mine != "" && mine == domainOf(e.TLS.ServerID) && !slices.Contains(trustDomains(cfg), mine)
}

func domainRefused(e *handshake.Edge) bool {
	return e.Blocked(handshake.ClientSANMismatch,
		handshake.CertificateReason(handshake.ClientSide, certs.WrongTrustDomain),
		handshake.CertificateReason(handshake.ServerSide, certs.WrongTrustDomain)) ||
		e.Blocked(handshake.ServerSANMismatch) && otherDomain(e)
}

// otherDomain reports whether the two sides present identities of different trust domains.
func otherDomain(e *handshake.Edge) bool {
	if e.TLS == nil {
		return false
	}
	client, server := domainOf(e.TLS.ClientID), domainOf(e.TLS.ServerID)
	return client != "" && server != "" && client != server
}

func domainOf(id string) string {
	parsed, err := certs.ParseID(id)
	if err != nil {
		return ""
	}
	return parsed.TrustDomain()
}

// stranger is the end of an edge whose trust domain is not that of the mesh config.
func stranger(p *diagnose.Pass, e *handshake.Edge) *mesh.Pod {
	if e.Server.Pod != nil && domainOf(e.TLS.ClientID) == p.MeshConfig(e.Client.Revision()).Domain() {
		return e.Server.Pod
	}
	return e.Client
}

func describeTrustDomain(p *diagnose.Pass, f *diagnose.Finding) {
	e := f.Edges[0]
	mine, theirs := domainOf(e.TLS.ClientID), domainOf(e.TLS.ServerID)
	other := "the other trust domain"
	f.Title = fmt.Sprintf("%s is of another trust domain than its peers (%s and %s): they do not accept each other", f.Subject, mine, theirs)
	if f.Field == trustDomainField {
		other = mine
		f.Title = fmt.Sprintf("%s says trust domain %s and no longer names %s, of which the certificates of %s still are: servers refuse them",
			f.Subject, p.MeshConfig(e.Server.Pod.Revision()).Domain(), mine, callers(f.Edges))
	}
	for _, b := range e.Blockers {
		f.Evidence = append(f.Evidence, handshake.Fact{Layer: handshake.Proxy, Source: "verified on paper", Value: b.Why})
	}
	f.Evidence = append(f.Evidence, bothSides(p, e)...)
	f.Fixes = []diagnose.Fix{{
		Title:   fmt.Sprintf("add %s to trustDomainAliases in the mesh config", other),
		Command: kubectl("edit", meshConfigRef(p, e.Client)),
		Risk:    "identities of that trust domain then count as the mesh's own in AuthorizationPolicies",
	}}
}
