//go:build !race

package envoy

import (
	admin "github.com/envoyproxy/go-control-plane/envoy/admin/v3"
	cluster "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpoint "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	dnscluster "github.com/envoyproxy/go-control-plane/envoy/extensions/clusters/dns/v3"
	upstreamhttp "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/v3"
	"google.golang.org/protobuf/types/known/structpb"
)

func (m *protoModel) cluster(msg *cluster.Cluster) *Cluster {
	c := &Cluster{
		Name:           msg.GetName(),
		Type:           m.clusterType(msg),
		ServiceName:    msg.GetEdsClusterConfig().GetServiceName(),
		Socket:         m.socket(msg.GetTransportSocket()),
		HasMatcher:     msg.GetTransportSocketMatcher() != nil,
		Endpoints:      m.assignment(msg.GetLoadAssignment()),
		UseHTTPHeader:  msg.GetOriginalDstLbConfig().GetUseHttpHeader(),
		PortOverride:   msg.GetOriginalDstLbConfig().GetUpstreamPortOverride().GetValue(),
		PanicThreshold: panicOf(msg.GetCommonLbConfig()),
		HTTP:           oldHTTP(msg),
	}
	upstream := msg.GetUpstreamHttpProtocolOptions() //nolint:staticcheck // deprecated, and still printed by proxies
	c.AutoSNI, c.AutoSANValidation = upstream.GetAutoSni(), upstream.GetAutoSanValidation()
	if c.HasMatcher {
		c.Unmodelled = append(c.Unmodelled, "Cluster.transport_socket_matcher")
		m.named["Cluster.transport_socket_matcher"] = true
	}
	for _, s := range msg.GetTransportSocketMatches() {
		c.Matches = append(c.Matches, SocketMatch{Name: s.GetName(), Match: stringsOf(s.GetMatch()), Socket: m.socket(s.GetTransportSocket())})
		c.Unmodelled = append(c.Unmodelled, m.leftOver(s, "TransportSocketMatch", "name", "match", "transport_socket")...)
	}
	m.httpOptions(msg, c)
	istio := msg.GetMetadata().GetFilterMetadata()["istio"].GetFields()
	c.Config = originOf(msg.GetMetadata())
	c.Services = servicesOf(istio["services"].GetListValue())
	c.KeepsALPN = istio["alpn_override"].GetStringValue() == "false"
	return c
}

func panicOf(lb *cluster.Cluster_CommonLbConfig) *uint32 {
	percent := lb.GetHealthyPanicThreshold()
	if percent == nil {
		return nil
	}
	whole := uint32(0)
	if v := percent.GetValue(); v > 0 && v <= 100 {
		whole = uint32(v)
	}
	return &whole
}

func (m *protoModel) httpOptions(msg *cluster.Cluster, c *Cluster) {
	for _, a := range msg.GetTypedExtensionProtocolOptions() {
		options, ok := unpack(m.t, a).(*upstreamhttp.HttpProtocolOptions)
		if !ok {
			continue
		}
		upstream := options.GetUpstreamHttpProtocolOptions()
		c.AutoSNI, c.AutoSANValidation = upstream.GetAutoSni(), upstream.GetAutoSanValidation()
		c.HTTP = newHTTP(options)
	}
}

func newHTTP(options *upstreamhttp.HttpProtocolOptions) UpstreamHTTP {
	switch {
	case options.GetUseDownstreamProtocolConfig() != nil:
		return HTTPAsCalled
	case options.GetAutoConfig() != nil:
		return HTTPByALPN
	case options.GetExplicitHttpConfig().GetHttp2ProtocolOptions() != nil:
		return HTTP2
	}
	return HTTP1
}

func oldHTTP(msg *cluster.Cluster) UpstreamHTTP {
	switch {
	case msg.GetProtocolSelection() == cluster.Cluster_USE_DOWNSTREAM_PROTOCOL: //nolint:staticcheck // deprecated, and still printed by proxies
		return HTTPAsCalled
	case msg.GetHttp2ProtocolOptions() != nil: //nolint:staticcheck // as above
		return HTTP2
	}
	return HTTP1
}

// clusterType is the discovery type; the extensions of the built-in types are those types.
func (m *protoModel) clusterType(msg *cluster.Cluster) string {
	custom := msg.GetClusterType()
	if custom == nil {
		return msg.GetType().String()
	}
	builtin := map[string]string{
		"envoy.cluster.static": "STATIC", "envoy.cluster.eds": "EDS", "envoy.cluster.strict_dns": "STRICT_DNS",
		"envoy.cluster.logical_dns": "LOGICAL_DNS", "envoy.cluster.original_dst": "ORIGINAL_DST",
	}[custom.GetName()]
	if builtin != "" {
		return builtin
	}
	if custom.GetName() == "envoy.cluster.dns" {
		dns, _ := unpack(m.t, custom.GetTypedConfig()).(*dnscluster.DnsCluster)
		if dns.GetAllAddressesInSingleEndpoint() {
			return "LOGICAL_DNS"
		}
		return "STRICT_DNS"
	}
	return custom.GetName()
}

func servicesOf(list *structpb.ListValue) (out []ServiceRef) {
	for _, v := range list.GetValues() {
		s := stringsOf(v.GetStructValue())
		out = append(out, ServiceRef{Host: s["host"], Name: s["name"], Namespace: s["namespace"]})
	}
	return out
}

func (m *protoModel) assignment(a *endpoint.ClusterLoadAssignment) (out []Endpoint) {
	for _, locality := range a.GetEndpoints() {
		for _, e := range locality.GetLbEndpoints() {
			out = append(out, m.endpoint(e, locality.GetPriority()))
		}
	}
	return out
}

func (m *protoModel) endpoint(e *endpoint.LbEndpoint, priority uint32) Endpoint {
	out := Endpoint{Weight: e.GetLoadBalancingWeight().GetValue(), Priority: priority, Health: healthName(e.GetHealthStatus())}
	metadata := e.GetMetadata().GetFilterMetadata()
	if match := metadata["envoy.transport_socket_match"]; match != nil {
		out.SocketMatch = stringsOf(match)
	}
	out.Workload = metadata["istio"].GetFields()["workload"].GetStringValue()
	m.endpointAddress(&out, e.GetEndpoint())
	return out
}

// endpointAddress: a socket address that is no IP is a name to resolve.
func (m *protoModel) endpointAddress(out *Endpoint, e *endpoint.Endpoint) {
	switch a := e.GetAddress().GetAddress().(type) {
	case *core.Address_Pipe:
		out.Pipe = a.Pipe.GetPath()
	case *core.Address_EnvoyInternalAddress:
		out.Internal = a.EnvoyInternalAddress.GetServerListenerName()
	case *core.Address_SocketAddress:
		if out.Address = ipOf(e.GetAddress()); !out.Address.IsValid() && a.SocketAddress.GetAddress() != "" {
			out.Hostname, out.Port = a.SocketAddress.GetAddress(), a.SocketAddress.GetPortValue()
		}
	}
	if out.Hostname == "" && !out.Address.IsValid() {
		out.Hostname = e.GetHostname()
	}
}

func healthName(h core.HealthStatus) string {
	if h == core.HealthStatus_UNKNOWN {
		return ""
	}
	return h.String()
}

// hosts reads /clusters.
func (m *protoModel) hosts(c *admin.Clusters) {
	m.p.Read |= SectionHosts
	m.p.Hosts = map[string][]Host{}
	for _, status := range c.GetClusterStatuses() {
		for _, h := range status.GetHostStatuses() {
			m.p.Hosts[status.GetName()] = append(m.p.Hosts[status.GetName()], hostOf(h))
		}
		if len(status.GetHostStatuses()) == 0 {
			m.p.Hosts[status.GetName()] = nil
		}
	}
}

func hostOf(h *admin.HostStatus) Host {
	out := Host{Address: ipOf(h.GetAddress()), Hostname: h.GetHostname(), Stats: map[string]uint64{}}
	if !out.Address.IsValid() && h.GetAddress().GetSocketAddress() != nil {
		out.Hostname = h.GetAddress().GetSocketAddress().GetAddress()
	}
	for _, s := range h.GetStats() {
		if hostStats[s.GetName()] {
			out.Stats[s.GetName()] = s.GetValue()
		}
	}
	status := h.GetHealthStatus()
	out.Health = healthName(status.GetEdsHealthStatus())
	fields := status.ProtoReflect().Descriptor().Fields()
	for i := range fields.Len() {
		if f := fields.Get(i); f.Name() != "eds_health_status" && status.ProtoReflect().Get(f).Bool() {
			out.Flags = append(out.Flags, string(f.Name()))
		}
	}
	return out
}

// loaded reads /certs; equal certificates are kept once.
func (m *protoModel) loaded(c *admin.Certificates) {
	m.p.Read |= SectionCerts
	seen := map[string]bool{}
	for _, pair := range c.GetCertificates() {
		for _, d := range pair.GetCaCert() {
			m.loadedCertificate(d, true, seen)
		}
		for _, d := range pair.GetCertChain() {
			m.loadedCertificate(d, false, seen)
		}
	}
}

func (m *protoModel) loadedCertificate(d *admin.CertificateDetails, ca bool, seen map[string]bool) {
	key := d.GetPath() + "\n" + d.GetSerialNumber() + "\n" + d.GetExpirationTime().String()
	if ca {
		key += "\nca"
	}
	if seen[key] {
		return
	}
	seen[key] = true
	out := LoadedCertificate{
		CA: ca, Path: d.GetPath(), Serial: d.GetSerialNumber(),
		NotBefore: at(d.GetValidFrom()), NotAfter: at(d.GetExpirationTime()),
	}
	for _, name := range d.GetSubjectAltNames() {
		if uri := name.GetUri(); uri != "" {
			out.URIs = append(out.URIs, uri)
		}
		if dns := name.GetDns(); dns != "" {
			out.DNSNames = append(out.DNSNames, dns)
		}
	}
	m.p.Loaded = append(m.p.Loaded, out)
}

// originOf is the resource that istiod says it made something from.
func originOf(m *core.Metadata) string {
	return m.GetFilterMetadata()["istio"].GetFields()["config"].GetStringValue()
}
