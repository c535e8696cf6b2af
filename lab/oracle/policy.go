package oracle

import (
	"fmt"
	"maps"
	"slices"

	cluster "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	endpoint "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	"istio.io/istio/pilot/pkg/model"
	"istio.io/istio/pkg/config/protocol"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/policy"
)

// Difference is one thing that the product and istiod's code say differently.
type Difference struct {
	What    string // what was compared: "cluster shape"
	Where   string // whose: "a/x-v1-1 outbound|80||y.b.svc.cluster.local"
	Product string
	Istiod  string
}

func (d Difference) String() string {
	return fmt.Sprintf("%s of %s:\n  product %s\n  istiod  %s", d.What, d.Where, d.Product, d.Istiod)
}

// Policies is what pkg/policy makes of a set of resources.
type Policies struct {
	peers *policy.PeerAuthentications
	rules *policy.DestinationRules
	list  []*kube.DestinationRule
	auto  bool
}

// NewPolicies reads resources as the product does.
func NewPolicies(res *kube.Resources, mesh *kube.MeshConfig) *Policies {
	cfg := policy.Config{RootNamespace: mesh.Root()}
	if mesh != nil {
		cfg.DefaultExportTo = mesh.DefaultDestinationRuleExportTo
	}
	return &Policies{
		peers: policy.NewPeerAuthentications(res.PeerAuthentications, mesh.Root()),
		rules: policy.NewDestinationRules(res.DestinationRules, cfg),
		list:  res.DestinationRules, auto: mesh.AutoMTLS(),
	}
}

// Comparison is the differences of one case and how much was compared.
type Comparison struct {
	Differences []Difference
	Compared    map[string]int // by what was compared
}

func (c *Comparison) count(what string) { c.add(what, 1) }

func (c *Comparison) add(what string, n int) {
	if c.Compared == nil {
		c.Compared = map[string]int{}
	}
	c.Compared[what] += n
}

func (c *Comparison) equal(what, where string, product, istiod any) {
	c.count(what)
	if p, i := fmt.Sprint(product), fmt.Sprint(istiod); p != i {
		c.Differences = append(c.Differences, Difference{what, where, p, i})
	}
}

func (c *Comparison) merge(o *Comparison) {
	c.Differences = append(c.Differences, o.Differences...)
	for k, n := range o.Compared {
		c.add(k, n)
	}
}

// ComparePolicies compares what pkg/policy makes of resources with what istiod gave every proxy.
func (i *Istiod) ComparePolicies(res *kube.Resources) (*Comparison, error) {
	mesh, err := kube.ParseMeshConfig([]byte(i.Case.meshConfig()))
	if err != nil {
		return nil, err
	}
	return i.ComparePolicy(NewPolicies(res, mesh)), nil
}

// ComparePolicy compares what policies say with what istiod gave every proxy.
func (i *Istiod) ComparePolicy(p *Policies) *Comparison {
	c := new(Comparison)
	for _, proxy := range i.Proxies {
		i.compareInbound(c, p, proxy)
		byName := map[string]*cluster.Cluster{}
		for _, x := range proxy.Simulation.Clusters {
			byName[x.Name] = x
		}
		for _, svc := range proxy.Node.SidecarScope.Services() {
			for _, port := range svc.Ports {
				if port.Protocol != protocol.UDP {
					i.comparePort(c, p, outbound{proxy, svc, port, byName})
				}
			}
		}
	}
	return c
}

// compareInbound compares what each port of a server accepts, ports that nobody declares too.
func (i *Istiod) compareInbound(c *Comparison, p *Policies, proxy *Proxy) {
	pod := proxy.Pod
	effective := p.peers.ForWorkload(pod.Namespace, pod.Labels, "")
	ports := append(proxy.InboundPorts(), slices.Collect(maps.Keys(effective.Ports))...)
	slices.Sort(ports)
	for _, port := range slices.Compact(append(ports, 0, 64999)) {
		c.equal("inbound mode", fmt.Sprintf("%s port %d", pod.Key(), port), effective.Port(port).Mode, proxy.InboundMode(port))
	}
}

// outbound is a service port that a proxy knows.
type outbound struct {
	proxy  *Proxy
	svc    *model.Service
	port   *model.Port
	byName map[string]*cluster.Cluster
}

func (o outbound) name(subset string) string {
	return model.BuildSubsetKey(model.TrafficDirectionOutbound, subset, o.svc.Hostname, o.port.Port)
}

func (i *Istiod) comparePort(c *Comparison, p *Policies, o outbound) {
	if o.byName[o.name("")] == nil {
		return // istiod makes none, a DNS service without endpoints for one: no policy says so
	}
	for _, subset := range p.subsets() {
		tls := p.rules.Effective(policy.Query{
			ClientNamespace: o.proxy.Pod.Namespace, ClientLabels: o.proxy.Pod.Labels,
			ServiceNamespace: o.svc.Attributes.Namespace, Host: string(o.svc.Hostname),
			Port: int32(o.port.Port), Subset: subset,
		})
		if subset != "" && tls.Rule == nil {
			tls.NoSubset = true // no rule, no subset
		}
		i.compareCluster(c, p, o, subset, tls)
	}
}

// subsets are the names of all subsets that any rule defines, and one that none does.
func (p *Policies) subsets() []string {
	out := []string{"", "undefined"}
	for _, r := range p.list {
		for _, s := range r.Spec.Subsets {
			out = append(out, s.Name)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (i *Istiod) compareCluster(c *Comparison, p *Policies, o outbound, subset string, tls policy.ClientTLS) {
	name := o.name(subset)
	where := o.proxy.Pod.Key().String() + " " + name
	server := p.peers.ForNamespace(o.svc.Attributes.Namespace, "")
	want := policy.ExpectedClient(p.auto, server, tls, policy.Target{
		External: o.svc.MeshExternal, Headless: o.svc.Resolution == model.Passthrough, Endpoints: i.endpoints(o),
	})
	got := o.byName[name]
	switch {
	case got == nil && subset != "" && byDNS(o.svc) && want.Shape != policy.ShapeNone:
		return // a DNS subset without endpoints is left out
	case got == nil || want.Shape == policy.ShapeNone:
		c.equal("cluster exists", where, want.Shape != policy.ShapeNone, got != nil)
		return
	}
	is, err := clusterOf(got)
	if err != nil {
		c.equal("cluster shape", where, want.Shape, err)
		return
	}
	c.equal("cluster shape", where, want.Shape, is.Shape)
	c.equal("cluster type ORIGINAL_DST", where, want.OriginalDst, is.OriginalDst)
	c.equal("cluster's rule", where, named(tls), is.Config)
	if tls.TLS != nil && is.Socket.Shape != policy.ShapePlaintext {
		compareSocket(c, where, tls, is.Socket)
	}
	i.compareMarks(c, p, o, name, tls)
}

func byDNS(s *model.Service) bool {
	return s.Resolution != model.ClientSideLB && s.Resolution != model.Passthrough
}

// named is the rule as istiod writes it into metadata.
func named(tls policy.ClientTLS) string {
	if tls.Named == nil {
		return ""
	}
	return fmt.Sprintf("/apis/networking.istio.io/v1/namespaces/%s/destination-rule/%s", tls.Named.Namespace, tls.Named.Name)
}

// compareSocket compares the fields of a tls block that reach the socket as they are.
func compareSocket(c *Comparison, where string, tls policy.ClientTLS, is Socket) {
	if tls.TLS.SNI != "" {
		c.equal("SNI", where, tls.TLS.SNI, is.SNI)
	}
	skip := tls.TLS.InsecureSkipVerify != nil && *tls.TLS.InsecureSkipVerify
	if len(tls.TLS.SubjectAltNames) > 0 && !skip {
		c.equal("SANs", where, tls.TLS.SubjectAltNames, is.SANs)
	}
}

// endpoints is what istiod saw of a service port's endpoints, ready or not.
func (i *Istiod) endpoints(o outbound) policy.Endpoints {
	list := i.server.PushContext().ServiceEndpointsByPort(o.svc, o.port.Port, nil)
	out := policy.EndpointsNone
	for _, ep := range list {
		if ep.TLSMode == model.DisabledTLSModeLabel {
			return policy.EndpointsDisabled
		}
		out = policy.EndpointsMeshed
	}
	return out
}

// compareMarks compares the mark tlsMode istio of each endpoint.
func (i *Istiod) compareMarks(c *Comparison, p *Policies, o outbound, name string, tls policy.ClientTLS) {
	for _, a := range o.proxy.Endpoints {
		if a.ClusterName == name {
			for _, ep := range assigned(a) {
				i.compareMark(c, p, o, name, tls, ep)
			}
		}
	}
}

func assigned(a *endpoint.ClusterLoadAssignment) []*endpoint.LbEndpoint {
	var out []*endpoint.LbEndpoint
	for _, l := range a.GetEndpoints() {
		out = append(out, l.GetLbEndpoints()...)
	}
	return out
}

func (i *Istiod) compareMark(c *Comparison, p *Policies, o outbound, name string, tls policy.ClientTLS, ep *endpoint.LbEndpoint) {
	at := ep.GetEndpoint().GetAddress().GetSocketAddress()
	known := i.registered(o, at.GetAddress(), at.GetPortValue())
	if known == nil {
		return // not EDS's own, or one of two that differ
	}
	server := p.peers.ForWorkload(known.Namespace, known.Labels, "").Port(at.GetPortValue())
	want := tls.MarksEndpoint(known.TLSMode == model.IstioMutualTLSModeLabel, server)
	where := fmt.Sprintf("%s %s endpoint %s:%d", o.proxy.Pod.Key(), name, at.GetAddress(), at.GetPortValue())
	c.equal("endpoint mark", where, want, marksOf(ep)["tlsMode"] == "istio")
}

// registered is istiod's registration of an endpoint, nil when an entry lists it twice.
func (i *Istiod) registered(o outbound, address string, port uint32) *model.IstioEndpoint {
	shards, ok := i.server.Discovery.Env.EndpointIndex.ShardsForService(string(o.svc.Hostname), o.svc.Attributes.Namespace)
	if !ok {
		return nil
	}
	shards.RLock()
	defer shards.RUnlock()
	var found *model.IstioEndpoint
	for _, list := range shards.Shards {
		for _, ep := range list {
			switch {
			case ep.FirstAddressOrNil() != address || ep.EndpointPort != port || ep.ServicePortName != o.port.Name:
			case found != nil:
				return nil
			default:
				found = ep
			}
		}
	}
	return found
}
