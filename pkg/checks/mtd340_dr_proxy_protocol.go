package checks

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

var mtd340 = &diagnose.Check{
	Code: "MTD340", Name: "dr-proxy-protocol", Severity: diagnose.Error,
	Title: "a DestinationRule makes clients send a PROXY protocol header first, and the server's proxy does not read one",
	Doc: diagnose.Doc{
		Meaning: "With trafficPolicy.proxyProtocol the client's proxy sends a header of the PROXY protocol before all else, the ClientHello of mutual TLS too. It is meant for load balancers and servers outside the mesh that read one. A sidecar does not: its inspectors find no TLS in the first bytes, so a STRICT server closes the connection, and a PERMISSIVE one takes it for plaintext that is not HTTP.",
		Symptoms: []string{
			"client: HTTP 503 upstream connect error or disconnect/reset before headers. reset reason: connection termination",
			"server proxy's log: NR filter_chain_not_found, or HTTP 400 DPE http1.codec_error",
		},
		Detection: "The client's cluster wraps its transport socket in a PROXY protocol header, the DestinationRule that applies has proxyProtocol, and the server's listener has no proxy_protocol filter.",
		ByHand: []diagnose.Look{
			seeAll("destinationrules.networking.istio.io", "trafficPolicy.proxyProtocol for the host, or for a subset of it"),
			seeCluster("transportSocket envoy.transport_sockets.upstream_proxy_protocol, also inside transportSocketMatches"),
			seeInbound("no listenerFilters entry envoy.filters.listener.proxy_protocol"),
		},
		NotThis:    "An EnvoyFilter can add the same header, or make a server want one: the connection then fails with MTD399. A gateway behind a load balancer that sends the header refuses callers inside the mesh, who send none: that is no fault of mutual TLS.",
		Fix:        "Remove proxyProtocol from the rule. If a server outside the mesh of the same host reads the header, give it a host or a subset of its own.",
		References: []string{"istio.io/docs/reference/config/networking/destination-rule/#TrafficPolicy-ProxyProtocol", "envoyproxy.io/docs/envoy/latest/configuration/listeners/listener_filters/proxy_protocol"},
	},
	Needs:    []diagnose.Evidence{diagnose.Proxies, diagnose.DestinationRules},
	Run:      drProxyProtocol,
	Describe: describeProxyProtocol,
}

func drProxyProtocol(p *diagnose.Pass) {
	for e := range p.Known() {
		rule, field := headerField(p, e)
		switch {
		case rule == nil:
			p.NotApplicable()
		case !e.Blocked(handshake.ProxyHeaderUnread):
			p.Passed()
		default:
			p.Failed(diagnose.Finding{Subject: ruleRef(rule), Field: field, Edges: edge(e)})
		}
	}
}

// headerField is where a rule asks for the header on an edge; nil when none does. A subset's policy comes before that of
// the whole rule (pilot/pkg/networking/util/util.go in Istio, MergeSubsetTrafficPolicy).
func headerField(p *diagnose.Pass, e *handshake.Edge) (rule *kube.DestinationRule, field string) {
	for _, rule := range p.Rule(e).Merged {
		i := slices.IndexFunc(rule.Spec.Subsets, func(s kube.Subset) bool { return e.Server.Subset != "" && s.Name == e.Server.Subset })
		switch {
		case i >= 0 && asksHeader(rule.Spec.Subsets[i].TrafficPolicy):
			return rule, fmt.Sprintf("spec.subsets[%d].trafficPolicy.proxyProtocol", i)
		case asksHeader(rule.Spec.TrafficPolicy):
			return rule, "spec.trafficPolicy.proxyProtocol"
		}
	}
	return nil, ""
}

func asksHeader(tp *kube.TrafficPolicy) bool { return tp != nil && tp.ProxyProtocol != nil }

func describeProxyProtocol(p *diagnose.Pass, f *diagnose.Finding) {
	e := f.Edges[0]
	hosts := destinations(p, f.Edges)
	f.Title = fmt.Sprintf("%s makes clients send a PROXY protocol header first, and the proxies of %s do not read one", f.Subject, hosts)
	f.Evidence = bothSides(p, e)
	f.Fixes = headerFixes(p, f)
}

// headerFixes remove what asks for the header, where nothing else stands in the way of an edge.
func headerFixes(p *diagnose.Pass, f *diagnose.Finding) []diagnose.Fix {
	if slices.ContainsFunc(f.Edges, func(e *handshake.Edge) bool { return len(e.Blockers) > 1 }) {
		return nil
	}
	rule, field := headerField(p, f.Edges[0])
	at, _ := placeOf(field)
	tp := at.holder(copyRule(rule))
	(*tp).ProxyProtocol = nil
	pointer, what := at.pruned(tp, "/proxyProtocol"), "proxyProtocol"
	if !strings.HasSuffix(pointer, "/proxyProtocol") {
		what += " and what would be empty without it"
	}
	return []diagnose.Fix{{
		Title:   "remove " + what + " from " + f.Subject.String() + ": the mesh's certificates say who calls",
		Command: jsonPatch(f.Subject, remove(pointer)),
		Risk:    headerReaders(p, rule),
	}}
}

// headerReaders says in a risk which hosts of a rule lead to endpoints without a proxy, which may read the header; "" for none.
func headerReaders(p *diagnose.Pass, rule *kube.DestinationRule) string {
	var hosts group
	for _, h := range p.Hosts {
		if names(p, rule, h) && h.Leads(func(pod *mesh.Pod) bool { return pod == nil || !pod.HasProxy() }) {
			hosts = append(hosts, shortHost(p, h.Name))
		}
	}
	if len(hosts) == 0 {
		return ""
	}
	return "endpoints without a proxy may read the header: those of " + hosts.String()
}
