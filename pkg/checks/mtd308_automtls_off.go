package checks

import (
	"fmt"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

var mtd308 = &diagnose.Check{
	Code: "MTD308", Name: "automtls-off", Severity: diagnose.Error,
	Title: "auto mTLS is off and no DestinationRule turns mutual TLS on",
	Doc: diagnose.Doc{
		Meaning: "With enableAutoMtls: false in the mesh config, clients use mutual TLS only where a DestinationRule says ISTIO_MUTUAL; everywhere else they send plaintext, which STRICT servers refuse. All mesh clients are hit, towards every STRICT workload that no rule covers.",
		Symptoms: []string{
			"after STRICT was turned on everything fails: HTTP 503 … reset reason: connection termination, client proxy's log UC, on TCP UR",
			"server proxy's log: NR filter_chain_not_found",
		},
		Detection: "The mesh config says enableAutoMtls: false, no DestinationRule with tls applies to the client and host, the client's cluster has no transport socket and the server refuses plaintext.",
		ByHand: []diagnose.Look{
			seeMesh("enableAutoMtls: false; nothing found means true"),
			seeCluster("no transportSocket and no transportSocketMatches: it sends plaintext"),
			seeAll("destinationrules.networking.istio.io", "none with tls for the host"),
		},
		NotThis:    "Nothing found by grep for enableAutoMtls means the default, which is true.",
		Fix:        "Turn auto mTLS on: it is the default, decides per endpoint, and leaves hosts alone for which a DestinationRule sets tls. Change it where the mesh config is managed (Helm values, IstioOperator), else the next upgrade undoes it.",
		References: []string{"istio.io/docs/reference/config/istio.mesh.v1alpha1/#MeshConfig-enable_auto_mtls", "istio.io/docs/ops/configuration/traffic-management/tls-configuration/#auto-mtls"},
	},
	Needs:    []diagnose.Evidence{diagnose.Proxies, diagnose.MeshConfig, diagnose.DestinationRules},
	Run:      func(p *diagnose.Pass) { failPlain(p, "MTD308") },
	Describe: describeAutoMTLSOff,
}

func describeAutoMTLSOff(p *diagnose.Pass, f *diagnose.Finding) {
	f.Title = fmt.Sprintf("%s turns auto mTLS off and no DestinationRule turns mutual TLS on: clients send plaintext to %s", f.Subject, destinations(p, f.Edges))
	f.Evidence = append(bothSides(p, f.Edges[0]), autoMTLSFact(p, f.Edges[0].Client))
	f.Fixes = []diagnose.Fix{autoMTLSFix(f.Subject)}
}

// autoMTLSFact says that auto mTLS is off for a client, and what follows.
func autoMTLSFact(p *diagnose.Pass, client *mesh.Pod) handshake.Fact {
	return handshake.Fact{
		Layer: handshake.Policy, Source: meshConfigRef(p, client).String() + " data.mesh.enableAutoMtls",
		Value: "false: clients send plaintext wherever no DestinationRule says ISTIO_MUTUAL",
	}
}

func autoMTLSFix(config kube.Ref) diagnose.Fix {
	return diagnose.Fix{
		Title:   "turn auto mTLS on: remove the line enableAutoMtls: false from key mesh (in Helm: meshConfig.enableAutoMtls)",
		Command: kubectl("edit", config),
		Risk:    "clients then also use mutual TLS towards PERMISSIVE servers, and identities reach AuthorizationPolicies that saw none",
	}
}
