package checks

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/policy"
)

// culprit is what makes a client's proxy send plaintext, and the check that tells of it.
type culprit struct {
	code    diagnose.Code
	subject kube.Ref
	field   string
	rule    *kube.DestinationRule // where subject is one
}

// whyPlain says who makes a client of the mesh send plaintext to a destination that its proxy knows: the
// client's own pod, past its proxy; else, as istiod decides it, the effective DestinationRule, then
// auto mTLS with the namespace's PeerAuthentication, then what is known of the endpoints. The zero
// culprit means that the resources do not explain it.
func whyPlain(p *diagnose.Pass, e *handshake.Edge) culprit {
	rule := p.Rule(e)
	host, _ := e.SentTo()
	switch {
	case !plain(e):
		return culprit{}
	case e.Outbound.Path == handshake.Direct && e.Client.Capture.AsProxy:
		return culprit{"MTD607", e.Client.Workload.Ref, asProxy(e.Client)[0].field, nil}
	case e.Outbound.Path == handshake.Direct:
		return culprit{"MTD321", e.Client.Workload.Ref, annotation(e.Client.Workload, outboundBypass(e)), nil}
	case host == nil:
		return culprit{}
	case rule.Mode == policy.TLSDisable:
		return culprit{"MTD301", ruleRef(rule.Rule), rule.Field, rule.Rule}
	case rule.Mode != policy.TLSAuto:
		return culprit{}
	case host.External:
		return unmarked(p, e)
	case host.ExternalName != "" && meshed(e):
		return culprit{"MTD331", host.Ref, "spec.externalName", nil}
	case autoMTLS(p, e.Client):
		return whyAutoPlain(p, e, rule)
	case rule.DroppedTLS != "":
		return culprit{"MTD304", ruleRef(rule.Rule), rule.DroppedBy, rule.Rule}
	case rule.Rule != nil && hidden(rule) != nil:
		return culprit{"MTD305", ruleRef(rule.Rule), "spec.trafficPolicy", rule.Rule}
	case len(p.MeshConfigs) == 0:
		return culprit{}
	}
	if unseen, field := unseenRule(rule); unseen != nil {
		return culprit{"MTD330", ruleRef(unseen), field, unseen}
	}
	return culprit{"MTD308", meshConfigRef(p, e.Client), "data.mesh.enableAutoMtls", nil}
}

// whyAutoPlain is why auto mTLS chose plaintext.
func whyAutoPlain(p *diagnose.Pass, e *handshake.Edge, rule policy.ClientTLS) culprit {
	host, port := e.SentTo()
	all := host.Headless || rule.EndpointsDecide // one socket for all endpoints
	switch ns := namespaceMode(p, e); {
	case ns.Mode == policy.Disable && ns.From != nil:
		return culprit{"MTD306", policyRef(ns.From), ns.Field, nil}
	case repeating(e) != nil && meshed(e):
		return culprit{"MTD338", repeating(e).By, hostField(p, e), nil}
	case declared(e):
		return unmarked(p, e)
	case all && halfBare(host, port):
		return culprit{"MTD312", host.Ref, "spec.clusterIP", nil}
	}
	return unlabelled(e, all)
}

// unmarked blames a ServiceEntry that does not say what its endpoints can do, where a pod of the mesh is
// behind one.
func unmarked(p *diagnose.Pass, e *handshake.Edge) culprit {
	if !meshed(e) {
		return culprit{}
	}
	ref, field := unmarkedBy(p, e)
	if ref.Name == "" {
		return culprit{}
	}
	return culprit{"MTD320", ref, field, nil}
}

// namespaceMode is the mode that istiod assumes of the server's namespace for auto mTLS.
func namespaceMode(p *diagnose.Pass, e *handshake.Edge) policy.Derivation {
	host, _ := e.SentTo()
	return p.NamespaceMode(host.Namespace, e.Client.Revision())
}

// hidden is a rule that asks for mutual TLS and is hidden from the client by the one that
// applies; nil when there is none. One that the client would not see anyway is not hidden by it.
func hidden(c policy.ClientTLS) *kube.DestinationRule {
	for _, s := range c.Shadowed {
		if s.Reason == policy.NotExported || s.Reason == policy.OtherRevision {
			continue
		}
		tp := s.Resource.Spec.TrafficPolicy
		if tp != nil && tp.TLS != nil && tp.TLS.Mode == string(policy.TLSIstioMutual) {
			return s.Resource
		}
	}
	return nil
}

// failPlain reports a finding for every edge that fails because the client sends plaintext, and
// for whose plaintext the check is to be told.
func failPlain(p *diagnose.Pass, code diagnose.Code) {
	for e := range p.Known() {
		c := whyPlain(p, e)
		switch {
		case c.code != code:
			p.NotApplicable()
		case !refusedPlain(e):
			p.Passed()
		default:
			p.Failed(diagnose.Finding{Subject: c.subject, Field: c.field, Edges: edge(e)})
		}
	}
}

// plain reports whether a client of the mesh sends plaintext, to a destination that its proxy knows
// or past its proxy.
func plain(e *handshake.Edge) bool {
	known := e.Outbound.Path == handshake.ViaCluster || e.Outbound.Path == handshake.Direct
	return e.Client.HasProxy() && known && e.Outbound.Socket == "plaintext"
}

// mutual reports whether the client's proxy starts Istio's mutual TLS.
func mutual(e *handshake.Edge) bool { return e.Client.HasProxy() && e.Outbound.Socket == "mTLS" }

// refusedPlain reports whether an edge fails for want of the mesh's TLS: clear text, or the
// application's own TLS, meets a chain that wants a certificate of the mesh.
func refusedPlain(e *handshake.Edge) bool {
	return e.Blocked(handshake.PlaintextRefused, handshake.ClientCertificateRequired)
}

// unwrapped reports whether the client's TLS reaches somebody who does not speak it.
func unwrapped(e *handshake.Edge) bool {
	return e.Blocked(handshake.TLSToPlaintext, handshake.TLSToAppTLS)
}

// meshed reports whether the server has a proxy of the mesh.
func meshed(e *handshake.Edge) bool { return e.Server.Pod != nil && e.Server.Pod.HasProxy() }

// outsider reports whether the caller is not part of the mesh.
func outsider(e *handshake.Edge) bool { return !e.Client.InMesh() }

// serverPort is the port on which the server's pod is reached.
func serverPort(e *handshake.Edge) uint32 { return uint32(e.Server.Address.Port()) }

// edge is a list of one.
func edge(e *handshake.Edge) []*handshake.Edge { return []*handshake.Edge{e} }

// group is a list of names in a sentence.
type group []string

// String names at most three of them.
func (g group) String() string { return few(g) }

// verb is the form of a verb, or of other words, that agrees with the group.
func (g group) verb(one, several string) string {
	if len(g) == 1 {
		return one
	}
	return several
}

// destinations names the hosts that edges are sent to: what was dialled, or where a route leads from there.
func destinations(p *diagnose.Pass, edges []*handshake.Edge) group {
	return grouped(edges, func(e *handshake.Edge) string {
		if host := hostOf(e); host != nil {
			return shortHost(p, host.Name)
		}
		return shortHost(p, e.Server.Name)
	})
}

// callers names the workloads that edges come from.
func callers(edges []*handshake.Edge) group {
	return grouped(edges, func(e *handshake.Edge) string { return workloadName(e.Client.Workload) })
}

// servers names the workloads that edges lead to.
func servers(edges []*handshake.Edge) group {
	return grouped(edges, func(e *handshake.Edge) string {
		if e.Server.Pod == nil {
			return e.Server.Name
		}
		return workloadName(e.Server.Pod.Workload)
	})
}

// grouped lists names that edges have, each once and sorted: the order of edges is that of the view.
func grouped(edges []*handshake.Edge, of func(*handshake.Edge) string) group {
	return slices.Sorted(slices.Values(distinct(edges, of)))
}

// workloads names the workloads of a finding, at most three of them.
func workloads(f *diagnose.Finding) string {
	var names []string
	for _, w := range f.Workloads {
		names = append(names, kube.Key{Namespace: w.Namespace, Name: w.Name}.String())
	}
	return few(names)
}

func workloadName(w *mesh.Workload) string {
	return kube.Key{Namespace: w.Namespace, Name: w.Name}.String()
}

// shortHost is a host without the cluster's domain: "server.shop".
func shortHost(p *diagnose.Pass, host string) string {
	return strings.TrimSuffix(host, ".svc."+p.Domain)
}

// distinct lists what edges have, each once, in order.
func distinct[T comparable](edges []*handshake.Edge, of func(*handshake.Edge) T) []T {
	var out []T
	for _, e := range edges {
		if v := of(e); !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}

// few joins names and counts those beyond three.
func few(names []string) string {
	if len(names) > 3 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:2], ", "), len(names)-2)
	}
	return strings.Join(names, ", ")
}

// hostOf is the host to which an edge is sent.
func hostOf(e *handshake.Edge) *mesh.Host {
	host, _ := e.SentTo()
	return host
}

// to keeps the edges that are sent to a host.
func to(edges []*handshake.Edge, host *mesh.Host) []*handshake.Edge {
	return slices.DeleteFunc(slices.Clone(edges), func(e *handshake.Edge) bool { return hostOf(e) != host })
}
