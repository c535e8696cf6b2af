package checks

import (
	"fmt"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

var mtd320 = &diagnose.Check{
	Code: "MTD320", Name: "se-endpoint-no-tlsmode", Severity: diagnose.Error,
	Title: "a ServiceEntry does not say that its endpoints do mutual TLS, so clients send them plaintext",
	Doc: diagnose.Doc{
		Meaning: "istiod knows an endpoint of a ServiceEntry or WorkloadEntry by what the entry says, not by the pod that has the address. Without the label security.istio.io/tlsMode: istio and without a serviceAccount it is taken to have no proxy, " +
			"and with location MESH_EXTERNAL, the default, auto mTLS leaves it alone. A workload of the mesh behind it that is STRICT then refuses every mesh client that comes by that name, though the same clients reach it by its Service.",
		Symptoms: []string{
			"HTTP 503 UC, on TCP UR, by the ServiceEntry's host only",
			"server proxy's log: NR filter_chain_not_found",
			"a virtual machine with a WorkloadEntry is reached in plaintext",
		},
		Detection: "The host is a ServiceEntry's, or a Service selects a WorkloadEntry, no DestinationRule sets tls, the entry does not mark the endpoint (or is external), the client's cluster sends plaintext, and a pod of the mesh behind the address refuses it.",
		ByHand: []diagnose.Look{
			seeAll("serviceentries.networking.istio.io,workloadentries.networking.istio.io", "endpoints without serviceAccount and without the label security.istio.io/tlsMode"),
			seeEndpoints("no transport_socket_match for the address"),
			seeInbound("every filterChainMatch for the port has transportProtocol tls: it refuses plaintext"),
		},
		NotThis:    "With a DestinationRule DISABLE for the host that rule is the cause (MTD301); with auto mTLS off the mesh config is (MTD308).",
		Fix:        "Give the endpoint the serviceAccount of its workload: that marks it, and says which identity clients have to expect. From another namespace use the label. For pods of the same mesh the Service's own name needs no entry at all.",
		References: []string{"istio.io/docs/reference/config/networking/workload-entry", "istio/istio#25570", "pilot/pkg/serviceregistry/serviceentry/conversion.go: getTLSModeFromWorkloadEntry"},
	},
	Needs:    []diagnose.Evidence{diagnose.Proxies, diagnose.DestinationRules},
	Run:      func(p *diagnose.Pass) { failPlain(p, "MTD320") },
	Describe: describeUnmarked,
}

// unmarkedBy is the entry that does not say of an edge's endpoint that it does mutual TLS, and the
// field where it would; the zero Ref when it does say so, or when pods were selected.
func unmarkedBy(p *diagnose.Pass, e *handshake.Edge) (ref kube.Ref, field string) {
	host, _ := e.SentTo()
	ep, se := endpointOf(e), entryOf(p, host)
	switch {
	case host.External:
		return host.Ref, "spec.location"
	case ep != nil && labelled(ep.Labels):
		return kube.Ref{}, ""
	case ep != nil && ep.Declared != nil:
		return ep.Declared.By, ep.Declared.Field + ".serviceAccount"
	case se != nil && se.Spec.WorkloadSelector == nil:
		return host.Ref, "spec.endpoints"
	}
	return kube.Ref{}, ""
}

// entryOf is the ServiceEntry that declares a host; nil when it is a Service's.
func entryOf(p *diagnose.Pass, h *mesh.Host) *kube.ServiceEntry {
	for _, se := range p.Resources.ServiceEntries {
		if h.Ref.Kind == "ServiceEntry" && se.Namespace == h.Ref.Namespace && se.Name == h.Ref.Name {
			return se
		}
	}
	return nil
}

func describeUnmarked(p *diagnose.Pass, f *diagnose.Finding) {
	e := f.Edges[0]
	pod := e.Server.Pod
	host, _ := e.SentTo()
	says := "does not say that the endpoint does mutual TLS"
	if host.External {
		says = "says MESH_EXTERNAL"
	}
	strict := servers(f.Edges)
	f.Title = fmt.Sprintf("%s leads to %s, which %s STRICT, and %s: clients of %s send %s plaintext",
		f.Subject, strict, strict.verb("is", "are"), says, destinations(p, f.Edges), strict.verb("it", "them"))
	value := "no serviceAccount, and no label " + tlsMode + ": istio"
	if host.External {
		value = "MESH_EXTERNAL (the default): auto mTLS leaves it alone"
	}
	f.Evidence = append(bothSides(p, e),
		handshake.Fact{Layer: handshake.Policy, Source: f.Subject.String() + " " + f.Field, Value: value},
		handshake.Fact{Layer: handshake.Cluster, Source: "pod " + pod.Key().String(), Value: "holds " + e.Server.Address.Addr().String() + " and has a proxy of the mesh"})
	f.Fixes = append(markFix(p, f), ruleFix(p, "say ISTIO_MUTUAL for the host", host, "ISTIO_MUTUAL", nil, f.Edges)...)
}
