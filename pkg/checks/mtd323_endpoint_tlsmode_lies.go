package checks

import (
	"fmt"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/policy"
)

var mtd323 = &diagnose.Check{
	Code: "MTD323", Name: "endpoint-tlsmode-lies", Severity: diagnose.Error,
	Title: "pods without a proxy carry the label of those that do mutual TLS",
	Doc: diagnose.Doc{
		Meaning: "The label security.istio.io/tlsMode: istio makes every mesh client start mutual TLS towards the pod. Without a proxy the application gets a ClientHello that it cannot read. " +
			"Mostly the label was copied with the template of a pod that once was injected. Every mesh client of the pod is hit; callers without a proxy are not.",
		Symptoms: []string{
			"client proxy's log: UF,URX TLS_error:|268435703:SSL_routines:OPENSSL_internal:WRONG_VERSION_NUMBER",
			"the application's log: garbage, or an invalid request that begins with \\x16\\x03",
		},
		Detection: "No DestinationRule sets tls, the client's proxy starts mutual TLS, and the pod that the label stands on, or that a ServiceEntry or WorkloadEntry marks so, has no proxy.",
		ByHand: []diagnose.Look{
			look("kubectl -n NS get pods -L security.istio.io/tlsMode", "istio in that column, for pods that have no istio-proxy"),
			seeEndpoints("transport_socket_match tlsMode istio for the address"),
		},
		NotThis:    "A pod with a proxy whose port bypasses it is MTD314. With a DestinationRule ISTIO_MUTUAL that rule is the cause (MTD303).",
		Fix:        "Remove the label from the pod template; clients then send plaintext. Or give the pods a proxy.",
		References: []string{"pilot/pkg/xds/endpoints/mtls_checker.go", "istio.io/docs/reference/config/labels/#SecurityTlsMode"},
	},
	Needs:    []diagnose.Evidence{diagnose.Proxies, diagnose.Pods, diagnose.DestinationRules},
	Run:      tlsModeLies,
	Describe: describeLie,
}

func tlsModeLies(p *diagnose.Pass) {
	for e := range p.Known() {
		switch {
		case !mutual(e) || e.Server.Pod == nil || e.Server.Host == nil || p.Rule(e).Mode != policy.TLSAuto:
			p.NotApplicable()
		case !unwrapped(e) || meshed(e) || !declaredMeshed(e):
			p.Passed()
		default:
			if said := endpointOf(e).Declared; said != nil {
				p.Failed(diagnose.Finding{Subject: said.By, Field: said.Field, Edges: edge(e)})
				continue
			}
			w := e.Server.Pod.Workload
			p.Failed(diagnose.Finding{Subject: w.Ref, Field: podMetadata(w) + ".labels[" + tlsMode + "]", Edges: edge(e)})
		}
	}
}

// declaredMeshed reports whether the endpoint of an edge is declared as one that does mutual TLS.
func declaredMeshed(e *handshake.Edge) bool {
	ep := endpointOf(e)
	return ep != nil && labelled(ep.Labels)
}

// lieOf is what says that an endpoint does mutual TLS.
func lieOf(said *mesh.Declaration) string {
	if said != nil && !labelled(said.Labels) {
		return "serviceAccount: " + said.ServiceAccount
	}
	return tlsMode + ": istio"
}

func describeLie(p *diagnose.Pass, f *diagnose.Finding) {
	e := f.Edges[0]
	w, said := e.Server.Pod.Workload, endpointOf(e).Declared
	f.Title = fmt.Sprintf("%s says that %s does mutual TLS, and it has no proxy: clients of %s fail", f.Subject, workloadName(w), destinations(p, f.Edges))
	f.Evidence = append(bothSides(p, e), handshake.Fact{
		Layer: handshake.Policy, Source: f.Subject.String() + " " + f.Field, Value: lieOf(said),
	})
	if said == nil {
		f.Fixes = labelFix(p, f, w, "")
	} else {
		f.Fixes = []diagnose.Fix{{Title: "say of the endpoint that it does no mutual TLS", Command: jsonPatch(said.By, labelOperation(said.WorkloadEntrySpec, indexed(said.Field), "disabled"))}}
	}
	f.Fixes = append(f.Fixes, injectFix(p, w))
}
