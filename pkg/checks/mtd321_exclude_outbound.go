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

var mtd321 = &diagnose.Check{
	Code: "MTD321", Name: "exclude-outbound", Severity: diagnose.Error,
	Title: "a client's calls bypass its own proxy and reach servers that accept only mutual TLS",
	Doc: diagnose.Doc{
		Meaning: "An annotation keeps outbound ports or addresses away from the client's proxy. Such calls leave as the application makes them: in plaintext, without an identity. " +
			"Servers that are STRICT refuse them; an AuthorizationPolicy that asks for an identity denies them. All pods of the workload are hit, for every service that lies within the exclusion.",
		Symptoms: []string{
			"connection reset by peer, empty reply from server, and nothing about it in the client proxy's log",
			"server proxy's log: NR filter_chain_not_found, or RBAC: access denied",
			"the same pod reaches the same server by another port",
		},
		Detection: "The client's pod has a proxy, its init container or annotations leave the destination out of capture, and the server refuses the plaintext. What iptables really does is not read.",
		ByHand: []diagnose.Look{
			seePod("traffic.sidecar.istio.io/excludeOutboundPorts, excludeOutboundIPRanges or includeOutboundIPRanges"),
			seeLog("CLIENT", "nothing about the call"),
			seeInbound("every filterChainMatch for the port has transportProtocol tls: it refuses plaintext"),
		},
		NotThis:    "Traffic through PassthroughCluster is captured: the proxy just does not know the destination (MTD315, MTD316). Calls that are let in and denied for want of an identity are MTD317. Ports that a server keeps from its own proxy are MTD314.",
		Fix:        "Take the exclusion back, or narrow it to what must not go through the proxy. If it has to stay, open the one port at the server.",
		References: []string{"istio.io/docs/reference/config/annotations/#SidecarTrafficExcludeOutboundPorts", "istio.io/docs/reference/config/annotations/#SidecarTrafficExcludeOutboundIPRanges"},
	},
	Needs:    []diagnose.Evidence{diagnose.Proxies, diagnose.Pods},
	Run:      func(p *diagnose.Pass) { failPlain(p, "MTD321") },
	Describe: describeExcludeOutbound,
}

// outboundBypass is the annotation that keeps an edge from its client's proxy.
func outboundBypass(e *handshake.Edge) string {
	to, port, without := dialledAddress(e), e.Server.Port, e.Client.Capture
	if without.Mode == "NONE" {
		return "sidecar.istio.io/interceptionMode"
	}
	if without.OutboundExcluded = nil; without.Outbound(to, port) {
		return "traffic.sidecar.istio.io/excludeOutboundPorts"
	}
	if without.RangesExcluded = nil; without.Outbound(to, port) {
		return "traffic.sidecar.istio.io/excludeOutboundIPRanges"
	}
	return "traffic.sidecar.istio.io/includeOutboundIPRanges"
}

func describeExcludeOutbound(p *diagnose.Pass, f *diagnose.Finding) {
	e := f.Edges[0]
	name := outboundBypass(e)
	f.Title = fmt.Sprintf("%s keeps its calls to %s from its proxy (%s): they are sent in plaintext, and refused",
		f.Subject, destinations(p, f.Edges), name[strings.LastIndex(name, "/")+1:])
	value, own := annotationOf(e.Client, name)
	f.Evidence = append(bothSides(p, e), handshake.Fact{Layer: handshake.Cluster, Source: "pod " + e.Client.Key().String() + " annotation " + name, Value: value})
	f.Fixes = slices.Concat(captureFix(p, f, e.Client.Workload, name, own, "its other calls within the exclusion go through the proxy too"), openings(p, e))
	if len(f.Fixes) == 0 {
		f.Fixes = []diagnose.Fix{{Title: "narrow the exclusion where the mesh's injection is configured (Helm: global.proxy)"}}
	}
}

// annotationOf is what a pod says about its traffic; own is false when the mesh's settings do.
func annotationOf(pod *mesh.Pod, name string) (value string, own bool) {
	if value, own = pod.Annotations[name]; !own {
		value = "not set on the pod: the mesh's own setting, " + pod.Capture.Source
	}
	return value, own
}

// captureFix removes an annotation that keeps traffic from a workload's proxy, where that heals.
func captureFix(p *diagnose.Pass, f *diagnose.Finding, w *mesh.Workload, name string, own bool, risk string) []diagnose.Fix {
	if !own {
		return nil
	}
	tried := rewrite(p, func(r *kube.Resources) { editPods(r, w, withoutAnnotation(name)) })
	if !tried.mends(f.Edges) {
		return nil
	}
	return []diagnose.Fix{{
		Title:   "let the proxy have the traffic: remove the annotation",
		Command: jsonPatch(w.Ref, remove(annotationPointer(w, name))),
		Risk:    risks("the pods restart", risk, refuses(tried.stops(func(h *mesh.Host) bool { return h.Leads(within(w)) }))),
	}}
}

// within reports whether a pod is a workload's.
func within(w *mesh.Workload) func(*mesh.Pod) bool {
	return func(pod *mesh.Pod) bool { return pod != nil && pod.Workload == w }
}
