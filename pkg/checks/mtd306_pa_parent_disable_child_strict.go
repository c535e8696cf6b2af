package checks

import (
	"fmt"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
)

var mtd306 = &diagnose.Check{
	Code: "MTD306", Name: "pa-parent-disable-child-strict", Severity: diagnose.Error,
	Title: "a namespace is DISABLE and one of its workloads STRICT, so clients send plaintext to it",
	Doc: diagnose.Doc{
		Meaning: "Auto mTLS asks only the PeerAuthentication of the namespace (and of the mesh) what clients should send; policies of workloads and ports do not count there. " +
			"With DISABLE above, istiod builds the clients' clusters without TLS, while the listener of the workload that is STRICT by its own policy takes nothing else. Every mesh client of that workload is hit.",
		Symptoms: []string{
			"client: HTTP 503 … reset reason: connection termination; client proxy's log: UC, on TCP UR",
			"server proxy's log: NR filter_chain_not_found",
			"istioctl x describe shows STRICT for the pod and finds nothing wrong",
		},
		Detection: "No DestinationRule sets tls, the PeerAuthentication of the service's namespace or of the mesh says DISABLE, the client's cluster has no transport socket, and the server's listener refuses plaintext.",
		ByHand: []diagnose.Look{
			seeAll("peerauthentications.security.istio.io", "DISABLE for the namespace or the mesh, STRICT with a selector or a port"),
			seeCluster("no transportSocket and no transportSocketMatches: it sends plaintext"),
			seeInbound("every filterChainMatch for the port has transportProtocol tls: it refuses plaintext"),
		},
		NotThis:    "DISABLE in a DestinationRule looks the same to the client (MTD301).",
		Fix:        "Set the namespace to PERMISSIVE: clients then use mutual TLS where it is taken, and plaintext callers still get in. Or say ISTIO_MUTUAL for the one host in a DestinationRule.",
		References: []string{"istio/istio#56084", "pilot/pkg/model/push_context.go: BestEffortInferServiceMTLSMode"},
	},
	Needs:    []diagnose.Evidence{diagnose.Proxies, diagnose.PeerAuthentications, diagnose.DestinationRules},
	Run:      func(p *diagnose.Pass) { failPlain(p, "MTD306") },
	Describe: describePAParent,
}

// mayHang is the risk of PERMISSIVE where nothing was inspected before.
const mayHang = "ports of protocols in which the server speaks first must be declared (name: mysql-…, or tcp), else they may hang on PERMISSIVE"

func describePAParent(p *diagnose.Pass, f *diagnose.Finding) {
	e := f.Edges[0]
	ns := namespaceMode(p, e)
	hosts := destinations(p, f.Edges)
	f.Title = fmt.Sprintf("%s is DISABLE, so clients send plaintext to %s, whose own %s only mutual TLS", f.Subject, hosts, hosts.verb("policy accepts", "policies accept"))
	parent := modeFact(ns)
	parent.Value += ": auto mTLS goes by this, not by the workload's policy"
	f.Evidence = append(bothSides(p, e), parent)
	title := "set " + f.Subject.String() + " to PERMISSIVE: clients then send mutual TLS, and plaintext is still taken where it is today"
	f.Fixes = permissive(p, f, ns.From, title, mayHang)
	f.Fixes = append(f.Fixes, rulePerHost(p, f.Edges, "ISTIO_MUTUAL", func(host string) string { return "say ISTIO_MUTUAL for " + host + " alone" })...)
}
