package checks

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

var mtd501 = &diagnose.Check{
	Code: "MTD501", Name: "trust-domain-not-applied", Severity: diagnose.Warning,
	Title: "proxies do not accept a trust domain that the mesh config names",
	Doc: diagnose.Doc{
		Meaning: "A server's proxy accepts clients of the mesh's trust domain and of its aliases. The mesh config names one that the proxies were not told of: istiod did not take the change over, another replica of it serves them, or they do not get its pushes. " +
			"Clients with certificates of that trust domain are refused: an error where one is.",
		Symptoms: []string{
			"trustDomainAliases was extended, and clients of the other trust domain are still refused",
			"server proxy's log: CERTIFICATE_VERIFY_FAILED … SAN matcher",
			"some workloads accept the other trust domain and others do not",
		},
		Detection: "The trust domain and its aliases in the mesh config of the pod's revision, against the SPIFFE prefixes that the inbound listener of its proxy accepts.",
		ByHand: []diagnose.Look{
			seeMesh("trustDomain and trustDomainAliases"),
			seeInbound("the prefixes in matchTypedSubjectAltNames, which lack one of them"),
		},
		NotThis:    "A peer of a trust domain that the mesh config does not name is MTD203.",
		Fix:        "Restart istiod if no proxy has the trust domain. If some have it, look at which istiod the others are connected to.",
		References: []string{"istio/istio#39204", "istio.io/docs/tasks/security/authentication/trust-domain-migration"},
	},
	Needs:    []diagnose.Evidence{diagnose.Proxies, diagnose.MeshConfig},
	Run:      trustDomainNotApplied,
	Describe: describeNotApplied,
}

func trustDomainNotApplied(p *diagnose.Pass) {
	for pod := range p.ProxyPods() {
		accepted := acceptedDomains(pod)
		if len(accepted) == 0 {
			p.NotApplicable()
			continue
		}
		cfg := p.MeshConfig(pod.Revision())
		if cfg == nil {
			p.Unknown(kube.PodRef(pod.Key()), "the mesh config of its revision was not read")
			continue
		}
		missing := slices.DeleteFunc(trustDomains(cfg), func(td string) bool { return slices.Contains(accepted, td) })
		for _, td := range missing {
			f := diagnose.Finding{Subject: meshConfigRef(p, pod), Field: "data.mesh.trustDomainAliases", Group: td, Pod: pod, Workloads: []kube.Ref{pod.Workload.Ref}}
			if f.Edges = refusedOf(p, pod, td); len(f.Edges) > 0 {
				f.Severity = diagnose.Error
			}
			p.Failed(f)
		}
		if len(missing) == 0 {
			p.Passed()
		}
	}
}

// refusedOf are the edges on which a server refuses clients of a trust domain.
func refusedOf(p *diagnose.Pass, server *mesh.Pod, domain string) []*handshake.Edge {
	var out []*handshake.Edge
	for _, e := range p.EdgesInto(server) {
		if e.TLS != nil && domainOf(e.TLS.ClientID) == domain && domainRefused(e) {
			out = append(out, e)
		}
	}
	return out
}

// acceptedDomains are the trust domains whose clients the inbound listener of a sidecar accepts; none
// where it does not look at them.
func acceptedDomains(pod *mesh.Pod) []string {
	var out []string
	if pod.Plane != mesh.Sidecar {
		return nil
	}
	for _, l := range pod.Proxy.Listeners {
		for _, c := range l.FilterChains {
			if l.Name != "virtualInbound" || l.State != envoy.Active || c.Socket == nil || c.Socket.TLS == nil {
				continue
			}
			for _, san := range c.Socket.TLS.Validation.SANs {
				if domain, ok := strings.CutPrefix(san.Value, "spiffe://"); ok && san.Kind == "prefix" {
					out = append(out, strings.TrimSuffix(domain, "/"))
				}
			}
		}
	}
	return unique(out)
}

func describeNotApplied(p *diagnose.Pass, f *diagnose.Finding) {
	f.Title = fmt.Sprintf("%s names trust domain %s, and the proxies of %s do not accept it", f.Subject, f.Group, workloadNames(p, f.Workloads))
	f.Evidence = []handshake.Fact{
		{Layer: handshake.Policy, Source: f.Subject.String() + " data.mesh", Value: strings.Join(trustDomains(p.MeshConfig(f.Pod.Revision())), ", ")},
		handshake.DumpFact(f.Pod, "listeners", "virtualInbound", "accepts "+strings.Join(acceptedDomains(f.Pod), ", ")+lastUpdate(f.Pod.Proxy)),
	}
	f.Fixes = []diagnose.Fix{
		{Title: "have istiod read its mesh config again", Command: shell("kubectl -n %s rollout restart deployment -l app=istiod", f.Subject.Namespace), Risk: "proxies keep what they have until istiod is back"},
		pushFix(f.Pod),
	}
}
