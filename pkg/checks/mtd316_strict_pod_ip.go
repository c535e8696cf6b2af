package checks

import (
	"fmt"
	"iter"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

var mtd316 = &diagnose.Check{
	Code: "MTD316", Name: "strict-pod-ip", Severity: diagnose.Error,
	Title: "a client dials the IP of pods that accept only mutual TLS",
	Doc: diagnose.Doc{
		Meaning: "An address that belongs to no Service is unknown to the client's proxy: it goes through PassthroughCluster (HTTP through AllowAnyDynamicDNSCluster, where outboundTrafficPolicy says so), in plaintext. A STRICT pod refuses it, though the same client reaches it by its Service. " +
			"Quorums of StatefulSets, gossip, client-side load balancers and scrapers that discover pods do this.",
		Symptoms: []string{
			"client proxy's log: cluster PassthroughCluster, HTTP 503 UC, on TCP UR",
			"server proxy's log: NR filter_chain_not_found",
			"ingress controllers with a proxy that balance over endpoints themselves",
		},
		Detection: "The client's PassthroughCluster has seen the pod's address (hosts of /clusters, since the proxy started), no Service of the client's proxy covers address and port, and the pod refuses plaintext there. Who dials an address that was forgotten meanwhile is not seen.",
		ByHand: []diagnose.Look{
			seeLog("CLIENT", "PassthroughCluster, with a pod's address"),
			look("istioctl proxy-config endpoints CLIENT.NS --cluster PassthroughCluster", "nothing, or the pod's address"),
			seeInbound("every filterChainMatch for the port has transportProtocol tls: it refuses plaintext"),
		},
		NotThis:    "A service that a Sidecar or exportTo hides shows the same cluster (MTD315).",
		Fix:        "Declare a headless Service that selects the pods and lists the port: the client's proxy then knows the addresses and sends mutual TLS. Or dial the Service's name. Else open the one port.",
		References: []string{"istio/istio#37431", "istio/istio#22220", "istio/istio#25267"},
	},
	Needs:    []diagnose.Evidence{diagnose.Proxies, diagnose.Pods},
	After:    []diagnose.Code{"MTD315"},
	Run:      strictPodIP,
	Describe: describePodIP,
}

func strictPodIP(p *diagnose.Pass) {
	for client := range p.ProxyPods() {
		if !client.Proxy.Read.Has(envoy.SectionHosts) {
			p.Unknown(kube.PodRef(client.Key()), "the hosts that its proxy has called (/clusters) were not read")
			continue
		}
		for _, at := range dialled(p, client) {
			target := handshake.Target{Name: at.Addr().String(), Port: uint32(at.Port())}
			for _, e := range p.Engine.EdgesTo(target, handshake.Query{Client: func(c *mesh.Pod) bool { return c == client }}) {
				judgeDialled(p, e)
			}
		}
	}
}

func judgeDialled(p *diagnose.Pass, e *handshake.Edge) {
	switch {
	case e.Verdict == handshake.Unknown:
		p.UnknownEdge(e)
	case e.Outbound.Path != handshake.Passthrough || !refusedPlain(e):
		p.Passed()
	default:
		f := diagnose.Finding{Subject: e.Client.Workload.Ref, Edges: edge(e)}
		if ref, field := hiddenName(p, e); ref.Name != "" {
			f.Subject, f.Field = ref, field
		}
		p.Failed(f)
	}
}

// hiddenName is what hides from the client a headless service of the pod that it dialled: then
// it was the name that led there, and without the hider the proxy would know it.
func hiddenName(p *diagnose.Pass, e *handshake.Edge) (ref kube.Ref, field string) {
	for _, h := range p.Hosts {
		if !h.Headless || !h.Leads(func(pod *mesh.Pod) bool { return pod == e.Server.Pod }) {
			continue
		}
		known := *e
		known.Server.Host = h
		if ref, field = hider(p, &known); ref.Name != "" {
			return ref, field
		}
	}
	return kube.Ref{}, ""
}

// dialled are the addresses of other pods that a proxy has sent to without knowing them.
func dialled(p *diagnose.Pass, client *mesh.Pod) []netip.AddrPort {
	var out []netip.AddrPort
	for _, h := range passedOn(client.Proxy) {
		pod := p.PodAt(h.Address.Addr())
		if pod != nil && pod != client && h.Stats["cx_total"] > 0 && !byName(h) && !headless(p, h.Address) && !slices.Contains(out, h.Address) {
			out = append(out, h.Address)
		}
	}
	slices.SortFunc(out, netip.AddrPort.Compare)
	return out
}

// passedOn yields the hosts that a proxy sent to without knowing them, each with the cluster.
func passedOn(x *envoy.Proxy) iter.Seq2[string, envoy.Host] {
	return func(yield func(string, envoy.Host) bool) {
		for _, cluster := range handshake.PassthroughClusters {
			for _, h := range x.Hosts[cluster] {
				if !yield(cluster, h) {
					return
				}
			}
		}
	}
}

// byName reports a host that was called by a name, which the client's proxy has resolved itself.
func byName(h envoy.Host) bool {
	name, _, err := net.SplitHostPort(strings.TrimPrefix(h.Hostname, "PassthroughCluster"))
	_, notIP := netip.ParseAddr(name)
	return err == nil && notIP != nil
}

// headless reports whether a headless Service leads to an address: then its name resolves to it,
// and who dials it need not know that it is a pod's.
func headless(p *diagnose.Pass, at netip.AddrPort) bool {
	return slices.ContainsFunc(p.Hosts, func(h *mesh.Host) bool {
		return h.Headless && slices.ContainsFunc(h.Ports, func(port *mesh.Port) bool {
			return slices.ContainsFunc(port.Endpoints, func(ep mesh.Endpoint) bool { return ep.Address == at })
		})
	})
}

func describePodIP(p *diagnose.Pass, f *diagnose.Finding) {
	e := f.Edges[0]
	f.Title = fmt.Sprintf("%s dials the IP of pods of %s, which its proxy sends in plaintext and they refuse", f.Subject, servers(f.Edges))
	if f.Subject != e.Client.Workload.Ref {
		who := callers(f.Edges)
		f.Title = fmt.Sprintf("%s hides a headless service of %s from %s, which %s its pods in plaintext and %s refused",
			f.Subject, servers(f.Edges), who, who.verb("dials", "dial"), who.verb("is", "are"))
	}
	f.Evidence = bothSides(p, e)
	for cluster, h := range passedOn(e.Client.Proxy) {
		if h.Address == e.Server.Address {
			f.Evidence = append(f.Evidence, handshake.Fact{
				Layer: handshake.Observed, Source: fmt.Sprintf("%s clusters %s::%s", e.Client.Key(), cluster, h.Address),
				Value: fmt.Sprintf("%d connections since the proxy started", h.Stats["cx_total"]),
			})
		}
	}
	for _, w := range distinct(f.Edges, func(e *handshake.Edge) *mesh.Workload { return e.Server.Pod.Workload }) {
		f.Fixes = append(f.Fixes, headlessFix(p, w, f.Edges)...)
	}
	f.Fixes = together(f.Fixes)
	if len(f.Fixes) == 0 {
		f.Fixes = openings(p, e)
	}
}

// headlessFix is a headless Service by which clients' proxies know the pods of a workload, where that
// heals the edges to it.
func headlessFix(p *diagnose.Pass, w *mesh.Workload, edges []*handshake.Edge) []diagnose.Fix {
	app := w.Pods[0].Labels["app"]
	mine := slices.DeleteFunc(slices.Clone(edges), func(e *handshake.Edge) bool { return e.Server.Pod.Workload != w })
	ports := distinct(mine, serverPort)
	slices.Sort(ports)
	svc, pods := headlessService(p, w, app, ports)
	tried := rewrite(p, func(r *kube.Resources) {
		r.Services, r.EndpointSlices = append(slices.Clone(r.Services), svc), append(slices.Clone(r.EndpointSlices), pods)
	})
	if app == "" || !tried.mends(mine) {
		return nil
	}
	return []diagnose.Fix{{
		Title:    "make the pods known to their clients' proxies: a headless Service for " + w.String(),
		Manifest: headlessManifest(kube.Ref{Kind: "Service", Namespace: svc.Namespace, Name: svc.Name}, app, ports),
		Risk:     "publishNotReadyAddresses is for peers that dial each other before they are ready; drop it if yours do not",
	}}
}

// headlessService is a headless Service over the pods with an app label, with the endpoints that it gets.
func headlessService(p *diagnose.Pass, w *mesh.Workload, app string, ports []uint32) (*kube.Service, *kube.EndpointSlice) {
	meta := kube.Meta{Namespace: w.Namespace, Name: w.Name + "-pods"}
	svc, slice := &kube.Service{Meta: meta}, &kube.EndpointSlice{Meta: meta}
	slice.Labels = map[string]string{"kubernetes.io/service-name": svc.Name}
	svc.Spec.ClusterIP, svc.Spec.Selector = "None", map[string]string{"app": app}
	for _, port := range ports {
		// tcp whatever is spoken: a port named http gets no listener for the pods' addresses, only routes by name, and a
		// request to an IP has none.
		name := fmt.Sprintf("tcp-%d", port)
		svc.Spec.Ports = append(svc.Spec.Ports, kube.ServicePort{Name: name, Port: int32(port)})
		slice.Ports = append(slice.Ports, kube.SlicePort{Name: name, Port: int32(port)})
	}
	for _, pod := range podsOf(p, w.Namespace, &kube.Selector{MatchLabels: svc.Spec.Selector}) {
		slice.Endpoints = append(slice.Endpoints, kube.SliceEndpoint{Addresses: []string{pod.Status.PodIP}, TargetRef: &kube.Ref{Kind: "Pod", Namespace: pod.Namespace, Name: pod.Name}})
	}
	return svc, slice
}
