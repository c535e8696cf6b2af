package checks

import (
	"fmt"
	"slices"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

var mtd341 = &diagnose.Check{
	Code: "MTD341", Name: "backend-tls-policy", Severity: diagnose.Error,
	Title: "a BackendTLSPolicy starts TLS of its own towards a server that does not take it",
	Doc: diagnose.Doc{
		Meaning: "A BackendTLSPolicy of the Gateway API is not for gateways alone: istiod makes a DestinationRule with tls.mode SIMPLE of it, which nobody can list, for every proxy of the mesh. Clients then offer neither their workload certificate nor Istio's ALPN, and verify the server by the policy. " +
			"A server with a proxy answers with a certificate of the mesh and asks for one: the handshake fails, for every mesh client of the Service.",
		Symptoms: []string{
			"client: HTTP 503 upstream connect error … retried and the latest reset reason: remote connection failure",
			"client proxy's log: UF,URX TLS_error:|268435581:… CERTIFICATE_VERIFY_FAILED … self_signed_certificate_in_certificate_chain",
			"no DestinationRule is about the host, and its clusters have a transport socket as if one were",
		},
		Detection: "A BackendTLSPolicy names the Service, or its port, the client's cluster starts TLS that is not the mesh's, and the connection fails. Either the cluster's metadata (istio.config) names the DestinationRule that istiod made of the policy, or no other has a say about TLS.",
		ByHand: []diagnose.Look{
			look("kubectl get backendtlspolicies -A -o yaml", "the Service under targetRefs"),
			seeCluster("metadata that names a DestinationRule …" + kube.MadeOfBackendPolicy + ", and a transportSocket without the certificate default"),
		},
		NotThis:    "A DestinationRule of the Service's namespace with a tls block for the same ports wins over the policy, unless istiod is old; one for all ports does not win over a policy for one (MTD302). To a Service without proxies, whose application ends TLS with a certificate that fits, the policy is right.",
		Fix:        "Take the Service out of the policy: auto mTLS then decides. If a gateway that is not Istio's needs the policy, annotate it with istio.io/ignore-policy-attachment: \"true\", where istiod is new enough to know that, or set ISTIO_MUTUAL in a DestinationRule for the host, under portLevelSettings where the policy names a port.",
		References: []string{"gateway-api.sigs.k8s.io/api-types/backendtlspolicy", "pilot/pkg/config/kube/gateway/backend_policies.go", "pilot/pkg/model/destination_rule.go"},
	},
	Needs:    []diagnose.Evidence{diagnose.Proxies, diagnose.DestinationRules},
	Run:      backendTLS,
	Describe: describeBackendTLS,
}

func backendTLS(p *diagnose.Pass) {
	for e := range p.Known() {
		by, starts := backendPolicyTLS(p, e)
		switch {
		case !starts:
			p.NotApplicable()
		case e.Verdict != handshake.Fails || e.Reason.NotTLS() || len(awaited(e)) > 0:
			p.Passed()
		case by.policy == nil:
			p.Failed(diagnose.Finding{Subject: hostOf(e).Ref, Edges: edge(e)})
		default:
			p.Failed(diagnose.Finding{Subject: by.ref(), Field: "spec.targetRefs", Edges: edge(e)})
		}
	}
}

func describeBackendTLS(p *diagnose.Pass, f *diagnose.Finding) {
	e := f.Edges[0]
	hosts := destinations(p, f.Edges)
	by, _ := backendPolicyTLS(p, e)
	who := f.Subject.String()
	if by.policy == nil {
		who = fmt.Sprintf("a BackendTLSPolicy in namespace %s, which could not be listed,", f.Subject.Namespace)
	}
	f.Title = fmt.Sprintf("%s makes clients start TLS of their own to %s, and that fails: %s", who, hosts, e.Why)
	if meshed(e) {
		f.Title = fmt.Sprintf("%s makes clients start TLS of their own to %s, which %s inside the mesh: they offer no certificate of it", who, hosts, hosts.verb("is", "are"))
	}
	f.Evidence = bothSides(p, e)
	if by.policy == nil {
		f.Fixes = []diagnose.Fix{{
			Title: "see which policy names it, and take it out there", Command: shell("kubectl -n %s get backendtlspolicies -o yaml", f.Subject.Namespace), Look: true,
		}}
		return
	}
	f.Evidence = append(f.Evidence, handshake.Fact{
		Layer: handshake.Policy, Source: fmt.Sprintf("%s spec.targetRefs[%d]", f.Subject, by.index),
		Value: fmt.Sprintf("TLS to %s, SNI %s", by, by.policy.Spec.Validation.Hostname),
	})
	f.Fixes = backendPolicyFixes(p, f, by.policy)
}

// backendPolicyFixes take the targets of a finding out of their policy, where the connections then come about and none stops
// that has the policy's TLS to thank.
func backendPolicyFixes(p *diagnose.Pass, f *diagnose.Finding, policy *kube.BackendTLSPolicy) []diagnose.Fix {
	var out []backendTarget
	for _, e := range f.Edges {
		if t, _ := backendPolicyTLS(p, e); !slices.Contains(out, t) {
			out = append(out, t)
		}
	}
	slices.SortFunc(out, func(a, b backendTarget) int { return b.index - a.index }) // the last first: the others keep their places
	if !healsWithout(p, f.Edges, policy, out) {
		return []diagnose.Fix{lookAtBoth(f.Edges[0])}
	}
	then := "so that auto mTLS decides per endpoint"
	if external(f.Edges) {
		then = "so that clients send what the application does"
	}
	const risk = "gateways that are not Istio's may use the policy, too"
	if len(out) == len(policy.Spec.TargetRefs) {
		return []diagnose.Fix{{Title: fmt.Sprintf("delete %s, %s", f.Subject, then), Command: deleting(f.Subject), Risk: risk}}
	}
	var names group
	var operations []string
	for _, t := range out {
		at := fmt.Sprintf("/spec/targetRefs/%d", t.index)
		names = append(names, t.String())
		operations = append(operations, same(at+"/name", t.target().Name), remove(at))
	}
	return []diagnose.Fix{{Title: fmt.Sprintf("take %s out of %s, %s", names, f.Subject, then), Command: jsonPatch(f.Subject, operations...), Risk: risk}}
}

// healsWithout tries a policy without some of its targets, which are in the order of their places from the last.
func healsWithout(p *diagnose.Pass, broken []*handshake.Edge, policy *kube.BackendTLSPolicy, out []backendTarget) bool {
	less := *policy
	less.Spec.TargetRefs = slices.Clone(policy.Spec.TargetRefs)
	for _, t := range out {
		less.Spec.TargetRefs = slices.Delete(less.Spec.TargetRefs, t.index, t.index+1)
	}
	w := rewrite(p, func(r *kube.Resources) {
		r.BackendTLSPolicies = slices.Clone(r.BackendTLSPolicies)
		r.BackendTLSPolicies[slices.Index(r.BackendTLSPolicies, policy)] = &less
	})
	concerned := func(h *mesh.Host) bool {
		return h.Ref.Namespace == policy.Namespace && slices.ContainsFunc(out, func(t backendTarget) bool {
			return t.target().Kind == h.Ref.Kind && t.target().Name == h.Ref.Name
		})
	}
	owes := func(e *handshake.Edge) bool {
		t, starts := backendPolicyTLS(p, e)
		return starts && e.Verdict.Works() && slices.Contains(out, t)
	}
	owed := slices.ContainsFunc(p.Hosts, func(h *mesh.Host) bool { return concerned(h) && slices.ContainsFunc(p.EdgesSentTo(h), owes) })
	return !owed && w.heals(broken, concerned)
}
