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

var mtd338 = &diagnose.Check{
	Code: "MTD338", Name: "se-repeats-service", Severity: diagnose.Error,
	Title: "a ServiceEntry repeats the host of a Service and adds endpoints to it, which are sent plaintext",
	Doc: diagnose.Doc{
		Meaning: "A host that a Service has is the Service's, whatever a ServiceEntry says of it; but istiod keeps endpoints by host and namespace, so the static endpoints of an entry in the Service's namespace join those of the Service. " +
			"They are known by what the entry says: without the label security.istio.io/tlsMode: istio and without a serviceAccount clients send them plaintext. Where the entry has the address of a pod, the entry's endpoint wins: a STRICT server then refuses all calls of the Service's name. " +
			"Where it has another address, a share of the calls goes there in clear.",
		Symptoms: []string{
			"HTTP 503 UC, on TCP UR, by the Service's own name, of a workload that is STRICT",
			"server proxy's log: NR filter_chain_not_found",
			"a share of the calls of a Service ends outside the cluster",
		},
		Detection: "The client's cluster is a Service's, no DestinationRule sets tls, and the endpoint of the edge is one that a ServiceEntry of that host declares: the client sends it plaintext. An error where a pod of the mesh refuses that, a warning where plaintext leaves for an address that no pod has.",
		ByHand: []diagnose.Look{
			seeAll("serviceentries.networking.istio.io", "one in the Service's namespace with the Service's full name among spec.hosts"),
			seeEndpoints("istio.workload names the ServiceEntry (NAME-0), and there is no transport_socket_match"),
		},
		NotThis:    "An entry of another namespace, or with resolution DNS or NONE, adds nothing to a Service. A ServiceEntry with a host of its own is MTD320.",
		Fix:        "Take the host out of the entry, or delete the entry where it has no other. Endpoints that the Service is to have besides its pods belong into a WorkloadEntry that the Service selects.",
		References: []string{"pilot/pkg/model/sidecar.go: domain squatting", "pilot/pkg/model/endpointshards.go", "istio.io/docs/reference/config/networking/service-entry"},
	},
	Needs:    []diagnose.Evidence{diagnose.Proxies, diagnose.Services, diagnose.ServiceEntries, diagnose.DestinationRules},
	Run:      repeatedHosts,
	Describe: describeRepeated,
}

// repeating is the endpoint of an edge where a ServiceEntry adds it to a Service; nil when none does.
func repeating(e *handshake.Edge) *mesh.Declaration {
	host, _ := e.SentTo()
	ep := endpointOf(e)
	if ep == nil || host.Ref.Kind != "Service" || ep.Declared == nil || ep.Declared.By.Kind != "ServiceEntry" {
		return nil
	}
	return ep.Declared
}

// hostField is where the ServiceEntry behind an edge repeats the Service's host.
func hostField(p *diagnose.Pass, e *handshake.Edge) string {
	host, _ := e.SentTo()
	se := entryNamed(p, repeating(e).By)
	if se == nil {
		return "spec.hosts"
	}
	return fmt.Sprintf("spec.hosts[%d]", slices.Index(se.Spec.Hosts, host.Name))
}

// entryNamed is a ServiceEntry by its name; nil when there is none.
func entryNamed(p *diagnose.Pass, ref kube.Ref) *kube.ServiceEntry {
	for _, se := range p.Resources.ServiceEntries {
		if se.Namespace == ref.Namespace && se.Name == ref.Name {
			return se
		}
	}
	return nil
}

func repeatedHosts(p *diagnose.Pass) {
	for e := range p.Known() {
		said := repeating(e)
		if said == nil || !plain(e) || e.Outbound.Path == handshake.Direct {
			p.NotApplicable()
			continue
		}
		switch c := whyPlain(p, e); {
		case c.code == "MTD338" && refusedPlain(e):
			p.Failed(diagnose.Finding{Subject: c.subject, Field: c.field, Edges: edge(e)})
		case e.Server.Pod == nil && p.Rule(e).Mode == "":
			p.Failed(diagnose.Finding{Subject: said.By, Field: hostField(p, e), Edges: edge(e), Severity: diagnose.Warning})
		default:
			p.Passed()
		}
	}
}

func describeRepeated(p *diagnose.Pass, f *diagnose.Finding) {
	refused, astray := byEnd(f.Edges)
	e := slices.Concat(refused, astray)[0]
	host, _ := e.SentTo()
	var effects []string
	if len(refused) > 0 {
		strict := servers(refused)
		effects = append(effects, fmt.Sprintf("clients send plaintext to %s, which %s STRICT", strict, strict.verb("is", "are")))
	}
	if len(astray) > 0 {
		effects = append(effects, fmt.Sprintf("a share of its calls goes to %s in clear", addresses(astray)))
	}
	f.Title = fmt.Sprintf("%s repeats the host of %s and adds endpoints to it: %s", f.Subject, host.Ref, strings.Join(effects, ", and "))
	f.Evidence = append(bothSides(p, e), handshake.Fact{
		Layer: handshake.Policy, Source: f.Subject.String() + " " + repeating(e).Field, Value: repeating(e).Address + ", for host " + host.Name,
	})
	f.Fixes = unrepeat(p, f, host)
	if len(f.Fixes) > 0 && len(astray) > 0 {
		f.Fixes[0].Risk = "calls no longer reach " + addresses(astray)
	}
}

// byEnd splits edges into those that a pod takes, or refuses, and those that leave for an address that no pod has: one
// entry may add endpoints of both kinds.
func byEnd(edges []*handshake.Edge) (pods, astray []*handshake.Edge) {
	for _, e := range edges {
		if e.Server.Pod != nil {
			pods = append(pods, e)
		} else {
			astray = append(astray, e)
		}
	}
	return pods, astray
}

// addresses are those that edges end at, at most three of them.
func addresses(edges []*handshake.Edge) string {
	return few(distinct(edges, func(e *handshake.Edge) string { return e.Server.Address.String() }))
}

// unrepeat takes the host of a Service out of a ServiceEntry, or the entry away where it has no other.
func unrepeat(p *diagnose.Pass, f *diagnose.Finding, host *mesh.Host) []diagnose.Fix {
	se := entryNamed(p, f.Subject)
	if se == nil {
		return nil
	}
	fix := diagnose.Fix{Title: "delete the entry: the Service has the host", Command: deleting(f.Subject)}
	rest := slices.DeleteFunc(slices.Clone(p.Resources.ServiceEntries), func(x *kube.ServiceEntry) bool { return x == se })
	if others := withoutHost(se, host.Name); others != nil {
		fix = diagnose.Fix{Title: "take the host, which is the Service's, out of the entry", Command: jsonPatch(f.Subject, remove(indexed(f.Field)))}
		rest = append(rest, others)
	}
	w := rewrite(p, func(r *kube.Resources) { r.ServiceEntries = rest })
	if f.Severity == diagnose.Error && !w.heals(f.Edges, func(h *mesh.Host) bool { return slices.Contains(se.Spec.Hosts, h.Name) }) {
		return nil
	}
	return []diagnose.Fix{fix}
}

// withoutHost is a ServiceEntry without one of its hosts; nil when it has no other.
func withoutHost(se *kube.ServiceEntry, host string) *kube.ServiceEntry {
	edited := *se
	edited.Spec.Hosts = slices.DeleteFunc(slices.Clone(se.Spec.Hosts), func(h string) bool { return h == host })
	if len(edited.Spec.Hosts) == 0 {
		return nil
	}
	return &edited
}
