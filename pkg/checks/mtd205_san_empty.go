package checks

import (
	"cmp"
	"fmt"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
)

var mtd205 = &diagnose.Check{
	Code: "MTD205", Name: "san-empty", Severity: diagnose.Info,
	Title: "clients take any workload of the mesh for a service, because no identity is named",
	Doc: diagnose.Doc{
		Meaning: "A client's proxy verifies that the server's certificate is of the mesh's CA, and then that its identity is one of a list: the service accounts of the endpoints, or what a DestinationRule or ServiceEntry names. With an empty list every certificate of the mesh is taken. " +
			"Who can take the address over (a pod that gets it next, a forged DNS answer) is then believed. Connections work; it is security that is weaker.",
		Symptoms: []string{
			"none: everything works",
		},
		Detection: "A connection with mutual TLS of the mesh whose transport socket has a trust bundle and no SAN matcher.",
		ByHand: []diagnose.Look{
			seeCluster("a validationContext with trustedCa and without matchTypedSubjectAltNames"),
			seeAll("serviceentries.networking.istio.io", "neither subjectAltNames nor a serviceAccount of the endpoints"),
		},
		NotThis:    "SIMPLE and MUTUAL towards hosts outside the mesh verify a DNS name, and are not judged here. A list that does not fit is MTD202.",
		Fix:        "Give the endpoints of the ServiceEntry their serviceAccount, or name the identity in subjectAltNames.",
		References: []string{"istio.io/docs/reference/config/networking/service-entry/#ServiceEntry (subjectAltNames)", "pilot/pkg/networking/core/cluster_tls.go"},
	},
	Needs:    []diagnose.Evidence{diagnose.Proxies},
	Run:      sanEmpty,
	Describe: describeSANEmpty,
}

func sanEmpty(p *diagnose.Pass) {
	contexts := map[*envoy.Proxy]map[string]*envoy.TLSContext{}
	for e := range p.Known() {
		host, _ := e.SentTo()
		if e.Verdict != handshake.MTLS || host == nil {
			p.NotApplicable()
			continue
		}
		proxy := e.Client.Proxy
		if contexts[proxy] == nil {
			contexts[proxy] = meshContexts(proxy)
		}
		switch ctx := contexts[proxy][e.Outbound.Cluster]; {
		case ctx == nil:
			p.NotApplicable()
		case len(ctx.Validation.SANs) > 0 || ctx.AutoSANValidation:
			p.Passed()
		default:
			p.Failed(diagnose.Finding{Subject: host.Ref, Field: "spec.subjectAltNames", Edges: edge(e)})
		}
	}
}

// meshContexts are the TLS of the mesh that a proxy has for its clusters, by name.
func meshContexts(proxy *envoy.Proxy) map[string]*envoy.TLSContext {
	out := map[string]*envoy.TLSContext{}
	for _, c := range proxy.Clusters {
		sockets := []*envoy.TransportSocket{c.Socket}
		for _, m := range c.Matches {
			sockets = append(sockets, m.Socket)
		}
		for _, s := range sockets {
			if c.State != envoy.Warming && s != nil && s.TLS != nil && s.TLS.Validation.CA != nil && s.TLS.Validation.CA.SDS == "ROOTCA" {
				out[c.Name] = s.TLS
			}
		}
	}
	return out
}

// identities are those that servers present on edges, sorted.
func identities(edges []*handshake.Edge) []string {
	var out []string
	for _, e := range edges {
		if e.TLS != nil && e.TLS.ServerID != "" {
			out = append(out, e.TLS.ServerID)
		}
	}
	return unique(out)
}

func describeSANEmpty(p *diagnose.Pass, f *diagnose.Finding) {
	e := f.Edges[0]
	ids := identities(f.Edges)
	hosts := destinations(p, f.Edges)
	f.Title = fmt.Sprintf("clients of %s take any workload of the mesh for %s: they are told of no identity to expect", hosts, hosts.verb("it", "them"))
	f.Evidence = append(bothSides(p, e), handshake.DumpFact(e.Client, "clusters", e.Outbound.Cluster, "no SAN matcher; presented is "+cmp.Or(few(ids), "another")))
	if f.Subject.Kind == "ServiceEntry" && len(ids) > 0 {
		f.Fixes = []diagnose.Fix{{
			Title: "name what is presented, if that is whom you want to talk to", Command: jsonPatch(f.Subject, set("/spec/subjectAltNames", jsonTexts(ids))),
			Risk: "the list must be kept in step with the service account of the workload",
		}}
	}
}
