package checks

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

var mtd206 = &diagnose.Check{
	Code: "MTD206", Name: "tls-parameters", Severity: diagnose.Error,
	Title: "the two ends of a connection have no TLS version or cipher in common",
	Doc: diagnose.Doc{
		Meaning: "Client and server each offer a range of TLS versions, cipher suites and curves, and they do not overlap. In the mesh the mesh config narrows them (meshMTLS), for proxies that have taken it over; an EnvoyFilter may do so for one workload. " +
			"Every client of the other kind is hit.",
		Symptoms: []string{
			"client proxy's log: UF,URX TLS_error: … TLSV1_ALERT_PROTOCOL_VERSION, or SSLV3_ALERT_HANDSHAKE_FAILURE … ON_CLIENT_HELLO",
			"server proxy's log: UNSUPPORTED_PROTOCOL, NO_SHARED_CIPHER",
			"it begins after minProtocolVersion or cipherSuites was changed",
			"client: HTTP 503 upstream connect error … remote connection failure",
		},
		Detection: "The versions, cipher suites and curves of the client's transport socket against those of the server's filter chain.",
		ByHand: []diagnose.Look{
			seeCluster("tlsParams of the transportSocket: versions, cipherSuites, ecdhCurves"),
			seeInbound("tlsParams of the filter chain for the port, which have none of them in common"),
			seeMesh("meshMTLS: minProtocolVersion, cipherSuites, ecdhCurves"),
		},
		NotThis:    "A TLS error after both have agreed is about certificates (MTD101, MTD201, MTD202).",
		Fix:        "Widen the one that is narrower, until all proxies have been updated.",
		References: []string{"istio/istio#36301", "istio.io/docs/tasks/security/tls-configuration/workload-min-tls-version"},
	},
	Needs:    []diagnose.Evidence{diagnose.Proxies},
	Run:      tlsParameters,
	Describe: describeTLSParameters,
}

func tlsParameters(p *diagnose.Pass) {
	for e := range p.Known() {
		switch {
		case e.Server.Pod == nil || !e.Client.HasProxy() || e.Outbound.Socket == "plaintext":
			p.NotApplicable()
		case !e.Blocked(handshake.TLSVersion, handshake.TLSCipher):
			p.Passed()
		default:
			ref, field := narrower(p, e)
			p.Failed(diagnose.Finding{Subject: ref, Field: field, Edges: edge(e)})
		}
	}
}

// narrower is what narrows the TLS of an edge: an EnvoyFilter that changes the transport socket of one end,
// which is the exception to what all others have; or the mesh config of the server; or else its workload.
func narrower(p *diagnose.Pass, e *handshake.Edge) (ref kube.Ref, field string) {
	server := e.Server.Pod
	if filter := socketPatcher(p, e); filter.Name != "" {
		return filter, "spec.configPatches"
	}
	if cfg := p.MeshConfig(server.Revision()); cfg != nil && cfg.MeshMTLS != nil {
		return meshConfigRef(p, server), "data.mesh.meshMTLS"
	}
	return server.Workload.Ref, "TLS parameters"
}

func describeTLSParameters(p *diagnose.Pass, f *diagnose.Finding) {
	e := f.Edges[0]
	f.Evidence = append(bothSides(p, e), blockerFact(e, e.Reason))
	switch f.Subject.Kind {
	case "EnvoyFilter":
		f.Title = fmt.Sprintf("%s changes TLS from %s to %s, which have no version or cipher in common: %s", f.Subject, callers(f.Edges), servers(f.Edges), e.Why)
		f.Fixes = []diagnose.Fix{envoyFilterFix(f.Subject)}
	case "ConfigMap":
		describeMeshMTLS(p, f)
	default:
		f.Title = fmt.Sprintf("%s and %s have no TLS version or cipher in common: %s", callers(f.Edges), servers(f.Edges), e.Why)
		f.Fixes = []diagnose.Fix{{Title: "look for an EnvoyFilter that sets tls_params on one of them", Command: "kubectl get envoyfilters -A", Look: true}}
	}
}

// describeMeshMTLS tells of a mesh config that narrows TLS.
func describeMeshMTLS(p *diagnose.Pass, f *diagnose.Finding) {
	e := f.Edges[0]
	cfg := p.MeshConfig(e.Server.Pod.Revision()).MeshMTLS
	f.Title = fmt.Sprintf("%s narrows TLS between workloads, and %s cannot do that yet: %s", f.Subject, callers(f.Edges), e.Why)
	f.Evidence = append(f.Evidence, handshake.Fact{
		Layer: handshake.Policy, Source: f.Subject.String() + " " + f.Field,
		Value: strings.TrimSpace(cfg.MinProtocolVersion + " " + strings.Join(slices.Concat(cfg.CipherSuites, cfg.ECDHCurves), ", ")),
	})
	f.Fixes = []diagnose.Fix{{
		Title: "widen meshMTLS until every proxy has been updated", Command: kubectl("edit", f.Subject), Risk: "the weaker version or cipher is then taken again",
	}}
}
