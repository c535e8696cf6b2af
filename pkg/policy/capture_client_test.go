package policy_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/policy"
)

// tlsMode is the label by which a pod says that it has a proxy.
const tlsMode = "security.istio.io/tlsMode"

// compareClusters compares, for every outbound cluster of every proxy, the DestinationRule
// that its metadata names and the sockets that it has.
func (c *capture) compareClusters(t *testing.T) {
	rules, peers, seen := c.rules(), c.peers(), 0
	for pod, d := range c.proxies {
		for _, cl := range d.clusters() {
			q, ok := c.query(pod, cl)
			if !ok {
				continue
			}
			seen++
			tls := rules.Effective(q)
			if got, want := named(tls), appliedRule(cl); got != want {
				t.Errorf("%s %s: policy names rule %q, the proxy %q", pod, cl.Name, got, want)
			}
			to := c.target(q)
			to.Gateway = nothingButProxy(c.pods[pod])
			exp := policy.ExpectedClient(c.mesh.AutoMTLS(), peers.ForNamespace(q.ServiceNamespace, ""), tls, to)
			if got := shape(cl); got != exp.Shape || exp.OriginalDst != (cl.Type == "ORIGINAL_DST") {
				t.Errorf("%s %s: policy expects %+v, the proxy has %s of type %s", pod, cl.Name, exp, got, cl.Type)
			}
		}
	}
	if seen == 0 {
		t.Error("no outbound cluster was compared")
	}
}

// compareEndpoints compares the mark tlsMode istio of every endpoint that is a pod. Hosts of
// ORIGINAL_DST clusters are made by Envoy as connections come: they have no mark.
func (c *capture) compareEndpoints(t *testing.T) {
	rules, peers, seen := c.rules(), c.peers(), 0
	for pod, d := range c.proxies {
		clusters := d.edsClusters()
		for name, ep := range d.endpoints() {
			q, ok := c.query(pod, clusters[name])
			server := c.byIP[ep.Endpoint.Address.Socket.Address]
			if !ok || server == nil {
				continue
			}
			seen++
			port := peers.ForWorkload(server.Namespace, server.Labels, "").Port(ep.Endpoint.Address.Socket.Port)
			got := rules.Effective(q).MarksEndpoint(server.Labels[tlsMode] == "istio", port)
			if want := ep.Metadata.Filter.Match.TLSMode == "istio"; got != want {
				t.Errorf("%s %s %s: policy marks it %v, the proxy has %v", pod, name, server.Key(), got, want)
			}
		}
	}
	if seen == 0 {
		t.Error("no endpoint was compared")
	}
}

func (d *dump) edsClusters() map[string]cluster {
	out := map[string]cluster{}
	for _, cl := range d.clusters() {
		if cl.Type != "ORIGINAL_DST" {
			out[cl.Name] = cl
		}
	}
	return out
}

func (c *capture) rules() *policy.DestinationRules {
	return policy.NewDestinationRules(c.DestinationRules, policy.Config{
		RootNamespace:   c.mesh.Root(),
		DefaultExportTo: c.mesh.DefaultDestinationRuleExportTo,
	})
}

func (c *capture) peers() *policy.PeerAuthentications {
	return policy.NewPeerAuthentications(c.PeerAuthentications, c.mesh.Root())
}

// query reads a cluster's name: outbound|PORT|SUBSET|HOST.
func (c *capture) query(pod kube.Key, cl cluster) (policy.Query, bool) {
	part := strings.Split(cl.Name, "|")
	if len(part) != 4 || part[0] != "outbound" {
		return policy.Query{}, false
	}
	if strings.HasSuffix(appliedRule(cl), kube.MadeOfBackendPolicy) { // of a BackendTLSPolicy, which MTD341 knows
		return policy.Query{}, false
	}
	port, err := strconv.Atoi(part[1])
	q := policy.Query{
		ClientNamespace: pod.Namespace, ClientLabels: c.pods[pod].Labels,
		Port: int32(port), Subset: part[2], Host: part[3],
	}
	for _, s := range cl.Metadata.Filter.Istio.Services {
		q.ServiceNamespace = s.Namespace
	}
	return q, err == nil
}

// target describes the service of a query, as istiod sees it.
func (c *capture) target(q policy.Query) policy.Target {
	for _, e := range c.ServiceEntries {
		if slices.Contains(e.Spec.Hosts, q.Host) {
			return policy.Target{
				External: e.Spec.Location != "MESH_INTERNAL",
				Headless: e.Spec.Resolution == "" || e.Spec.Resolution == "NONE",
			}
		}
	}
	for _, s := range c.Services {
		if s.Name+"."+s.Namespace+".svc.cluster.local" == q.Host {
			return policy.Target{Headless: s.Headless(), Endpoints: c.endpoints(s)}
		}
	}
	return policy.Target{}
}

func (c *capture) endpoints(s *kube.Service) policy.Endpoints {
	state := policy.EndpointsNone
	for _, slice := range c.EndpointSlices {
		if slice.Namespace != s.Namespace || slice.Service() != s.Name {
			continue
		}
		for _, e := range slice.Endpoints {
			if p := c.byIP[e.Addresses[0]]; p == nil || p.Labels[tlsMode] != "istio" {
				return policy.EndpointsDisabled
			}
			state = policy.EndpointsMeshed
		}
	}
	return state
}

func (d *dump) clusters() []cluster {
	var out []cluster
	for _, c := range d.Configs {
		for _, cl := range c.Clusters {
			out = append(out, cl.Cluster)
		}
	}
	return out
}

// endpoints yields every endpoint with its cluster's name.
func (d *dump) endpoints() func(func(string, lbEndpoint) bool) {
	return func(yield func(string, lbEndpoint) bool) {
		for _, c := range d.Configs {
			for _, e := range c.Endpoints {
				for _, l := range e.Config.Endpoints {
					for _, ep := range l.LB {
						if !yield(e.Config.Cluster, ep) {
							return
						}
					}
				}
			}
		}
	}
}

func named(c policy.ClientTLS) string {
	if c.Named == nil {
		return ""
	}
	return c.Named.Key().String()
}

// appliedRule reads /apis/networking.istio.io/v1/namespaces/NS/destination-rule/NAME.
func appliedRule(cl cluster) string {
	part := strings.Split(cl.Metadata.Filter.Istio.Config, "/")
	if len(part) != 8 || part[6] != "destination-rule" {
		return ""
	}
	return part[5] + "/" + part[7]
}

func shape(cl cluster) policy.Shape {
	switch {
	case len(cl.Matches) > 0:
		return policy.ShapeAuto
	case cl.Socket == nil:
		return policy.ShapePlaintext
	}
	for _, c := range cl.Socket.Config.Common.Certificates {
		if c.Name == "default" {
			return policy.ShapeMTLS
		}
	}
	return policy.ShapeTLS
}

// nothingButProxy holds for gateways.
func nothingButProxy(p *kube.Pod) bool {
	return len(p.Spec.Containers) == 1 && p.Spec.Containers[0].Name == "istio-proxy"
}
