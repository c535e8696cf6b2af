package checks

import (
	"fmt"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
)

var mtd331 = &diagnose.Check{
	Code: "MTD331", Name: "externalname-strict", Severity: diagnose.Error,
	Title: "an ExternalName Service stands for a service of the mesh, and clients send plaintext by that name",
	Doc: diagnose.Doc{
		Meaning: "A Service of type ExternalName counts as outside the mesh: auto mTLS leaves it alone. Where istiod does not resolve it as an alias (before Istio 1.21, or with ENABLE_EXTERNAL_NAME_ALIAS off) clients send plaintext by that name, also when it leads to a service of the mesh, " +
			"whose STRICT pods refuse it. By the service's own name the same clients succeed.",
		Symptoms: []string{
			"one name of a service works, its alias does not",
			"HTTP 503 UC, on TCP UR; server proxy's log: NR filter_chain_not_found",
		},
		Detection: "The host is a Service of type ExternalName, no DestinationRule sets tls for it, the client's cluster has no transport socket, and the name leads to pods of the mesh that refuse plaintext.",
		ByHand: []diagnose.Look{
			look("kubectl get services -A --field-selector spec.type=ExternalName", "the name that is dialled, and where it leads"),
			seeCluster("type STRICT_DNS and no transportSocket"),
			seeInbound("every filterChainMatch for the port has transportProtocol tls: it refuses plaintext"),
		},
		NotThis:    "An ExternalName that leads out of the cluster is plaintext by intent, or carries the application's own TLS.",
		Fix:        "Dial the service by its own name. Or say ISTIO_MUTUAL for the alias in a DestinationRule.",
		References: []string{"istio/istio#24886", "istio.io/docs/reference/commands/pilot-discovery"},
	},
	Needs:    []diagnose.Evidence{diagnose.Proxies, diagnose.Services, diagnose.DestinationRules},
	Run:      func(p *diagnose.Pass) { failPlain(p, "MTD331") },
	Describe: describeAlias,
}

func describeAlias(p *diagnose.Pass, f *diagnose.Finding) {
	e := f.Edges[0]
	host, _ := e.SentTo()
	f.Title = fmt.Sprintf("%s stands for %s, which is in the mesh and STRICT, and auto mTLS leaves ExternalName alone: clients send plaintext", f.Subject, host.ExternalName)
	f.Evidence = append(bothSides(p, e), handshake.Fact{Layer: handshake.Policy, Source: f.Subject.String() + " " + f.Field, Value: host.ExternalName})
	f.Fixes = append([]diagnose.Fix{{Title: "dial " + host.ExternalName + " itself"}},
		ruleFix(p, "say ISTIO_MUTUAL for the alias", host, "ISTIO_MUTUAL", nil, f.Edges)...)
}
