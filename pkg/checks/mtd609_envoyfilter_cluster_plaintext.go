package checks

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

var mtd609 = &diagnose.Check{
	Code: "MTD609", Name: "envoyfilter-cluster-plaintext", Severity: diagnose.Error,
	Title: "a cluster that an EnvoyFilter adds calls a service of the mesh without mutual TLS",
	Doc: diagnose.Doc{
		Meaning: "Rate limits, external authorization and the like need a cluster of their own, which an EnvoyFilter adds to the proxies. istiod does not give it mutual TLS: the proxy itself calls the service in plaintext, past all DestinationRules. A STRICT service refuses it; a PERMISSIVE one is called in clear text.",
		Symptoms: []string{
			"HTTP 500 or 403 with response flag UAEX, or rate limits that never act, since STRICT was turned on",
			"proxy's log: ext_authz or ratelimit: upstream connect error, connection termination",
		},
		Detection: "A cluster of the proxy that is not one of istiod's has an endpoint that is a service or a pod of the mesh, and no TLS. An error where the pod's inbound listener accepts only mutual TLS; information where it takes plaintext.",
		ByHand: []diagnose.Look{
			seeAll("envoyfilters.networking.istio.io", "applyTo: CLUSTER with operation ADD"),
			look("istioctl proxy-config clusters POD.NS --fqdn HOST -o json", "a cluster of another name than outbound|…, without a transportSocket"),
			seeInbound("every filterChainMatch for the port has transportProtocol tls: it refuses plaintext"),
		},
		NotThis:    "The same service called by the application goes through a cluster of istiod's, and works.",
		Fix:        "Name istiod's own cluster in the filter, outbound|PORT||HOST, instead of adding one; or declare the service as an extensionProvider. Or give the cluster the transport socket of istiod's.",
		References: []string{"istio.io/docs/tasks/policy-enforcement/rate-limit", "istio.io/docs/tasks/security/authorization/authz-custom", "istio.io/docs/reference/config/networking/envoy-filter"},
	},
	Needs:    []diagnose.Evidence{diagnose.Proxies, diagnose.Services, diagnose.Pods},
	Run:      infrastructureClusters,
	Describe: describeInfrastructure,
}

func infrastructureClusters(p *diagnose.Pass) {
	for pod := range p.ProxyPods() {
		for _, c := range pod.Proxy.Clusters {
			target, port := meshTarget(p, c)
			switch {
			case istiods(c) || target == nil:
				p.NotApplicable()
			case c.State == envoy.Warming || encrypts(c):
				p.Passed()
			case target.Proxy == nil:
				p.Unknown(kube.PodRef(target.Key()), target.Unread)
			default:
				f := diagnose.Finding{Subject: adder(p, pod, c.Name), Field: "cluster " + c.Name, Pod: pod, Workloads: []kube.Ref{pod.Workload.Ref}}
				if !strict(p, target, port) {
					f.Severity = diagnose.Info
				}
				p.Failed(f)
			}
		}
	}
}

// istiods reports whether a cluster is one that istiod or the agent makes.
func istiods(c *envoy.Cluster) bool {
	switch c.Name {
	case "BlackHoleCluster", "InboundPassthroughCluster", "prometheus_stats", "agent", "sds-grpc", "xds-grpc", "zipkin":
		return true
	}
	return slices.Contains(handshake.PassthroughClusters, c.Name) || strings.Contains(c.Name, "|") || strings.Contains(c.Name, "_.") || strings.HasPrefix(c.Name, "InboundPassthroughCluster")
}

// encrypts reports whether a cluster speaks TLS to its endpoints.
func encrypts(c *envoy.Cluster) bool {
	return len(c.Matches) > 0 || c.HasMatcher || c.Socket != nil && c.Socket.Kind != envoy.Raw
}

// meshTarget is a pod of the mesh to which a cluster leads, and the port; nil when there is none.
func meshTarget(p *diagnose.Pass, c *envoy.Cluster) (pod *mesh.Pod, port uint32) {
	for _, ep := range c.Endpoints {
		for _, real := range behindEndpoint(p, ep) {
			if real.Pod != nil && real.Pod.Plane == mesh.Sidecar {
				return real.Pod, uint32(real.Address.Port())
			}
		}
	}
	return nil, 0
}

// behindEndpoint are the endpoints of the registry to which one of a cluster leads: those of the Service
// of that name or address, or the pod that has the address.
func behindEndpoint(p *diagnose.Pass, ep envoy.Endpoint) []mesh.Endpoint {
	name := strings.TrimSuffix(ep.Hostname, ".")
	number, hosts := ep.Port, slices.Concat(p.HostsNamed(name), p.HostsNamed(name+".svc."+p.Domain))
	if ep.Address.IsValid() {
		number = uint32(ep.Address.Port())
		if pod := p.PodAt(ep.Address.Addr()); pod != nil {
			return []mesh.Endpoint{{Pod: pod, Address: ep.Address}}
		}
		hosts = hostAt(p, ep.Address.Addr())
	}
	for _, h := range hosts {
		if port := h.Port(number); port != nil {
			return port.Endpoints
		}
	}
	return nil
}

func hostAt(p *diagnose.Pass, a netip.Addr) []*mesh.Host {
	if h := p.HostAt(a); h != nil {
		return []*mesh.Host{h}
	}
	return nil
}

// adder is the EnvoyFilter that adds a cluster to a proxy, or else the workload.
func adder(p *diagnose.Pass, pod *mesh.Pod, cluster string) kube.Ref {
	for _, f := range p.FiltersOf(pod) {
		if slices.ContainsFunc(f.Spec.ConfigPatches, func(c kube.ConfigPatch) bool {
			return c.ApplyTo == "CLUSTER" && c.Patch.Value.Name == cluster
		}) {
			return kube.Ref{Kind: "EnvoyFilter", Namespace: f.Namespace, Name: f.Name}
		}
	}
	return pod.Workload.Ref
}

func describeInfrastructure(p *diagnose.Pass, f *diagnose.Finding) {
	name := strings.TrimPrefix(f.Field, "cluster ")
	c := f.Pod.Proxy.Clusters[slices.IndexFunc(f.Pod.Proxy.Clusters, func(c *envoy.Cluster) bool {
		return c.Name == name && c.State != envoy.Warming
	})]
	target, port := meshTarget(p, c)
	effect := "which refuses it"
	if f.Severity == diagnose.Info {
		effect = "which takes it"
	}
	f.Title = fmt.Sprintf("cluster %s of %s calls %s without mutual TLS, %s", name, workloadNames(p, f.Workloads), workloadName(target.Workload), effect)
	f.Evidence = []handshake.Fact{
		handshake.DumpFact(f.Pod, "clusters", name, fmt.Sprintf("no transport_socket; leads to %s port %d", target.Key(), port)),
		listenerFact(p, target, port),
	}
	f.Fixes = append([]diagnose.Fix{{
		Title: "name istiod's own cluster in the filter that uses it (outbound|PORT||HOST), and take this one away", Command: kubectl("edit", f.Subject),
	}}, openPort(p, target, port, fmt.Sprintf("open port %d of %s", port, workloadName(target.Workload)))...)
}
