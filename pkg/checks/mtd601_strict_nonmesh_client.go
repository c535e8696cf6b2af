package checks

import (
	"fmt"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

var mtd601 = &diagnose.Check{
	Code: "MTD601", Name: "strict-nonmesh-client", Severity: diagnose.Info,
	Title: "a caller without a proxy is refused by workloads that are STRICT",
	Doc: diagnose.Doc{
		Meaning: "A pod without a proxy cannot present a certificate of the mesh, so a workload whose mode is STRICT closes its connections. That is what STRICT is for: nothing shows that the pod wants to call, " +
			"so this is a note for each namespace of such pods, and an error only for the pod or workload that was asked about.",
		Symptoms: []string{
			"client: connection reset by peer, empty reply from server, EOF",
			"client with TLS of its own: tlsv13 alert certificate required",
			"server proxy's log: NR filter_chain_not_found",
		},
		Detection: "The caller's pod has no proxy of the mesh, and no filter chain of the server's inbound listener takes its plaintext, or its own TLS, on that port.",
		ByHand: []diagnose.Look{
			look("kubectl -n NS get pod CLIENT -o jsonpath='{.spec.initContainers[*].name} {.spec.containers[*].name}'", "no istio-proxy"),
			seeInbound("every filterChainMatch for the port has transportProtocol tls: it refuses plaintext"),
			seeLog("SERVER", "filter_chain_not_found, with the address of the client's pod"),
		},
		NotThis: "A caller with a proxy that sends plaintext all the same has a cause in the mesh's config (the MTD3xx checks). Requests through an ingress gateway arrive from the gateway's proxy and are not meant here. " +
			"A time-out instead of a reset points at a NetworkPolicy.",
		Fix: "Give the caller a proxy. If it cannot have one, open the one port that it needs with portLevelMtls PERMISSIVE, and leave the rest STRICT. " +
			"A Prometheus scrapes pods by their addresses, which a proxy of its own passes on in clear: open the metrics port to it, let it scrape the merged metrics (port 15020), or give it a certificate (OUTPUT_CERTS).",
		References: []string{"istio/istio#27169", "istio.io/docs/tasks/security/authentication/mtls-migration"},
	},
	Needs:    []diagnose.Evidence{diagnose.Proxies, diagnose.Pods},
	Run:      strictOutsiders,
	Describe: describeOutsiders,
}

func strictOutsiders(p *diagnose.Pass) {
	var order []string
	quiet := map[string][]*handshake.Edge{}
	for e := range p.Known() {
		switch ns := e.Client.Namespace; {
		case !outsider(e), isIstiod(e.Client) && !p.Asked(e.Client): // istiod calls none of them but for keys (MTD502)
			p.NotApplicable()
		case !refusedPlain(e) || !meshed(e) || strays(e):
			p.Passed()
		case p.Asked(e.Client):
			p.Failed(diagnose.Finding{Subject: e.Client.Workload.Ref, Severity: diagnose.Error, Edges: edge(e), Group: "asked"})
		default:
			if quiet[ns] == nil {
				order = append(order, ns)
			}
			quiet[ns] = append(quiet[ns], e)
		}
	}
	for _, ns := range order {
		p.Failed(diagnose.Finding{Subject: common(clients(quiet[ns])), Edges: quiet[ns]})
	}
}

// common is the one workload of a list, or the namespace of several.
func common(list []*mesh.Workload) kube.Ref {
	if len(list) == 1 {
		return list[0].Ref
	}
	return kube.Ref{Kind: "Namespace", Name: list[0].Namespace}
}

// clients are the workloads from which edges come.
func clients(edges []*handshake.Edge) []*mesh.Workload {
	return distinct(edges, func(e *handshake.Edge) *mesh.Workload { return e.Client.Workload })
}

func describeOutsiders(p *diagnose.Pass, f *diagnose.Finding) {
	who, pronoun := clients(f.Edges), "it"
	if len(who) > 1 {
		pronoun = "they"
	}
	f.Title = fmt.Sprintf("%s: %s; expected, or your cause if %s should get in", proxyless(who), refusing(f.Edges, len(who)), pronoun)
	if f.Severity == diagnose.Error {
		f.Title = fmt.Sprintf("%s, so %s", proxyless(who), refusing(f.Edges, 1))
	}
	f.Evidence = bothSides(p, f.Edges[0])
	f.Fixes = injections(p, who)
	if one := distinct(f.Edges, func(e *handshake.Edge) *mesh.Workload { return e.Server.Pod.Workload }); f.Severity == diagnose.Error && len(one) == 1 {
		f.Fixes = append(f.Fixes, openings(p, f.Edges[0])...)
	}
	f.Fixes = append(f.Fixes, scrapings(f.Edges)...)
	if len(f.Fixes) == 0 && f.Severity == diagnose.Error {
		f.Fixes = []diagnose.Fix{{Title: "call through a gateway of the mesh, or open the ports of the servers that it needs (portLevelMtls PERMISSIVE)"}}
	}
}

// scrapings are the ways for a Prometheus among the callers, to which a proxy of its own opens nothing.
func scrapings(edges []*handshake.Edge) []diagnose.Fix {
	var scraped []*mesh.Pod
	for _, e := range edges {
		if isPrometheus(e.Client) {
			scraped = append(scraped, e.Server.Pod)
		}
	}
	if len(scraped) == 0 {
		return nil
	}
	return []diagnose.Fix{scrapeMerged(scraped...), scrapeAsMesh()}
}

func proxyless(who []*mesh.Workload) string {
	if len(who) == 1 {
		return workloadName(who[0]) + " has no proxy"
	}
	var names []string
	for _, w := range who {
		names = append(names, w.Name)
	}
	return fmt.Sprintf("%d workloads of namespace %s have no proxy (%s)", len(who), who[0].Namespace, few(names))
}

func refusing(edges []*handshake.Edge, clients int) string {
	whom := "it"
	if clients > 1 {
		whom = "them"
	}
	servers := distinct(edges, func(e *handshake.Edge) *mesh.Workload { return e.Server.Pod.Workload })
	if len(servers) == 1 {
		return fmt.Sprintf("%s, which is STRICT, refuses %s", workloadName(servers[0]), whom)
	}
	return fmt.Sprintf("%d STRICT workloads refuse %s", len(servers), whom)
}
