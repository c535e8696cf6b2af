package checks

import (
	"fmt"
	"slices"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

var mtd399 = &diagnose.Check{
	Code: "MTD399", Name: "unexplained-failure", Severity: diagnose.Error,
	Title: "a connection fails and no other check names its cause",
	Doc: diagnose.Doc{
		Meaning: "Replayed on paper from both proxies' config, these connections do not come about, or are refused, and no other check says which resource is to blame. What stands in the way is known and told; why it came to be so is not. " +
			"Where the reason has nothing to do with mutual TLS (no endpoint, no route, nothing listens, an AuthorizationPolicy refuses), this is a note that says so.",
		Symptoms: []string{
			"no healthy upstream (UH); no route (NR); connection refused: not mutual TLS",
			"RBAC: access denied: an AuthorizationPolicy",
			"TLSV1_ALERT_PROTOCOL_VERSION, SSLV3_ALERT_HANDSHAKE_FAILURE: no common version or cipher",
			"NR filter_chain_not_found for TLS without Istio's ALPN",
		},
		Detection: "Runs after all other checks, over every connection in scope that fails or is denied and is in no finding yet. Grouped by reason, server workload and client workload.",
		ByHand: []diagnose.Look{
			look("istioctl experimental describe pod SERVER.NS", "the services, rules and policies that apply to the server"),
			seeLog("CLIENT", "the response flag and the failure reason of the call"),
			seeLog("SERVER", "the same call as the server's proxy saw it, or nothing"),
		},
		NotThis:    "A denial may be exactly what the policy's author wants, and a service without endpoints may be scaled down on purpose. A gateway serves the hosts of its Gateways: that it refuses its Service's own name is a note.",
		Fix:        "Read the evidence of both sides: it names the listener, filter chain, cluster and certificate that were met. If the cause is of a kind that a check should know, please report it.",
		References: []string{"istio.io/docs/ops/common-problems/network-issues", "istio/istio#36301", "istio/istio#38720"},
	},
	Needs:    []diagnose.Evidence{diagnose.Proxies},
	Last:     true,
	Run:      unexplainedFailure,
	Describe: describeUnexplained,
}

func unexplainedFailure(p *diagnose.Pass) {
	for e := range p.Known() {
		switch {
		case e.Verdict.Works():
			p.Passed()
		case p.Explained(e), isIstiod(e.Client) && !p.Asked(e.Client): // istiod calls none of them but for keys (MTD502)
			p.NotApplicable()
		default:
			p.Failed(unexplained(p, e))
		}
	}
}

// unexplained groups notes by server, because many callers make many of them, and errors by
// client too, because either may be to blame; unless there is an EnvoyFilter that changes what decides.
func unexplained(p *diagnose.Pass, e *handshake.Edge) diagnose.Finding {
	f := diagnose.Finding{Subject: destination(e), Group: string(e.Reason), Edges: edge(e), Severity: diagnose.Error}
	if aside(p, e) {
		f.Severity = diagnose.Info
		return f
	}
	for _, filter := range []kube.Ref{socketPatcher(p, e), listenerPatcher(p, e), httpPatcher(p, e)} {
		if filter.Name != "" {
			f.Subject, f.Field = filter, "spec.configPatches"
			return f
		}
	}
	f.Group += " " + e.Client.Workload.Ref.String()
	return f
}

// aside reports whether a failure is none of mutual TLS's, that of a stranger to the mesh about whom
// nobody asked, or a way to a gateway that nobody is known to take.
func aside(p *diagnose.Pass, e *handshake.Edge) bool {
	return e.Reason.NotTLS() || strays(e) || e.Verdict == handshake.Denied || (outsider(e) && !p.Asked(e.Client))
}

// destination is what an edge leads to: a workload, or else the resource that declares the
// host, or else only the caller is known.
func destination(e *handshake.Edge) kube.Ref {
	switch {
	case e.Server.Pod != nil:
		return e.Server.Pod.Workload.Ref
	case e.Server.Host != nil:
		return e.Server.Host.Ref
	}
	return e.Client.Workload.Ref
}

func describeUnexplained(p *diagnose.Pass, f *diagnose.Finding) {
	e := f.Edges[0]
	switch {
	case e.Reason == handshake.NoListener && e.Server.Pod != nil:
		describeNoListener(f)
		return
	case strays(e):
		describeStray(p, f)
		return
	}
	f.Evidence = bothSides(p, e)
	pair := fmt.Sprintf("from %s to %s", callers(f.Edges), destinations(p, f.Edges))
	switch {
	case f.Subject.Kind == "EnvoyFilter":
		f.Title = fmt.Sprintf("calls %s fail, and %s changes what decides at one end: %s", pair, f.Subject, e.Why)
		f.Fixes = []diagnose.Fix{envoyFilterFix(f.Subject)}
	case e.Verdict == handshake.Denied:
		policies := policiesAgainst(f.Edges)
		f.Title = fmt.Sprintf("calls %s connect and are refused by %s: %s", pair, refusers(policies), e.Why)
		if !slices.ContainsFunc(f.Edges, func(e *handshake.Edge) bool { return !refusedByName(p, e) }) {
			f.Title += "; with mutual TLS, and so their identity, they would be refused too"
		}
		f.Fixes = readPolicies(e, policies)
	case e.Reason.NotTLS():
		f.Title = fmt.Sprintf("calls %s fail, and mutual TLS is not the cause: %s", pair, e.Why)
	default:
		f.Title = fmt.Sprintf("calls %s fail: %s", pair, e.Why)
	}
	f.Fixes = append(f.Fixes, lookAtBoth(e))
}

// refusedByName reports whether a call that carries no identity would be denied with that of its client, too.
func refusedByName(p *diagnose.Pass, e *handshake.Edge) bool {
	return e.Verdict == handshake.Denied && (e.TLS == nil || e.TLS.ClientID == "") && !p.Engine.Takes(e, identity(p, e.Client))
}

// lookAtBoth shows a connection with the proof of both sides.
func lookAtBoth(e *handshake.Edge) diagnose.Fix {
	return diagnose.Fix{
		Title:   "look at both sides of one of these connections",
		Command: shell("kubectl mtls-doctor edges -A --from-pod %s --to %s -o json", e.Client.Key().String(), fmt.Sprintf("%s:%d", e.Server.Name, e.Server.Port)),
		Look:    true,
	}
}

// policiesAgainst are the AuthorizationPolicies that refuse connections, each once.
func policiesAgainst(edges []*handshake.Edge) []kube.Ref {
	var out []kube.Ref
	for _, e := range edges {
		for _, policy := range e.RefusedBy {
			if !slices.Contains(out, policy) {
				out = append(out, policy)
			}
		}
	}
	return out
}

// refusers names policies. One without rules leaves no name in Envoy's config.
func refusers(policies []kube.Ref) string {
	if len(policies) == 0 {
		return "an AuthorizationPolicy"
	}
	var out []string
	for _, policy := range policies {
		out = append(out, policy.String())
	}
	return few(out)
}

// readPolicies shows what refuses a connection: the policies by name, or all of the server's namespace.
func readPolicies(e *handshake.Edge, policies []kube.Ref) []diagnose.Fix {
	if len(policies) == 0 {
		all := shell("kubectl -n %s get authorizationpolicies.security.istio.io -o yaml", e.Server.Pod.Workload.Namespace)
		return []diagnose.Fix{{Title: "read the AuthorizationPolicies of the server's namespace: one without rules refuses every call", Command: all, Look: true}}
	}
	var out []diagnose.Fix
	for _, policy := range policies {
		title := fmt.Sprintf("read %s: let the caller in if it is meant to be", policy)
		out = append(out, diagnose.Fix{Title: title, Command: kubectl("get", policy) + " -o yaml", Look: true})
	}
	return together(out)
}
