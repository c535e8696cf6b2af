package handshake

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/internal/testca"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/certs"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// istiod gives a pod's proxy what Istio 1.31 sends, reduced to what a verdict looks at.
func (w *world) istiod(p *testPod) *envoy.Proxy {
	x := &envoy.Proxy{
		Node:      envoy.Node{ID: "sidecar~" + p.Status.PodIP + "~" + p.Name + "." + p.Namespace + "~" + p.Namespace + ".svc.cluster.local", Type: "sidecar"},
		Endpoints: map[string][]envoy.Endpoint{}, Routes: map[string]*envoy.RouteConfig{},
		Read: envoy.SectionListeners | envoy.SectionClusters | envoy.SectionEndpoints | envoy.SectionRoutes | envoy.SectionSecrets,
	}
	x.Secrets = []*envoy.Secret{
		{Name: "default", Chain: chainOf(p.leaf), Freshness: active},
		{Name: "ROOTCA", Bundle: w.bundle(p.trust), Freshness: active},
		{Name: "file-root:system", Bundle: w.bundle([]*testca.CA{w.public}), Freshness: active},
	}
	x.Clusters = []*envoy.Cluster{
		{Name: "PassthroughCluster", Type: "ORIGINAL_DST", Freshness: active},
		{Name: "BlackHoleCluster", Type: "STATIC", Freshness: active},
	}
	for _, s := range w.services {
		w.outbound(x, s)
	}
	if p.plane == mesh.Gateway {
		x.Listeners, x.Routes = nil, nil // those of its Gateways, which a case adds
		x.Node.Type, x.Node.ID = "router", strings.Replace(x.Node.ID, "sidecar", "router", 1)
		return x
	}
	for _, rc := range x.Routes {
		rc.VirtualHosts = append(rc.VirtualHosts, w.unknownHost())
	}
	x.Listeners = append(x.Listeners, w.virtualOutbound(), w.virtualInbound(p))
	return x
}

// bundle is a trust bundle, interned as the decoder would.
func (w *world) bundle(cas []*testca.CA) *certs.Bundle {
	b := bundleOf(cas...)
	if was := w.bundles[b.Fingerprint()]; was != nil {
		return was
	}
	w.bundles[b.Fingerprint()] = b
	return b
}

var active = envoy.Freshness{State: envoy.Active}

// outbound adds what leads to one service: clusters, endpoints, listeners, routes.
func (w *world) outbound(x *envoy.Proxy, s *testService) {
	for _, port := range s.ports {
		c := &envoy.Cluster{Name: fmt.Sprintf("outbound|%d||%s", port.number, s.host), PanicThreshold: new(uint32), Freshness: active}
		c.ServiceName = c.Name
		w.discovery(x, s, port, c)
		w.transport(s, port, c)
		x.Clusters = append(x.Clusters, c)
		switch port.name {
		case "tcp", "mysql":
			w.tcpListener(x, s, port, c.Name)
		case "https", "tls":
			w.tlsListener(x, s, port, c.Name)
		default:
			httpListener(x, s, port, c.Name)
		}
	}
}

// discovery decides the cluster's type, and where its endpoints come from.
func (w *world) discovery(x *envoy.Proxy, s *testService, port testPort, c *envoy.Cluster) {
	switch {
	case s.isHeadless, s.entry != nil && s.entry.Spec.Resolution == "NONE":
		c.Type = "ORIGINAL_DST"
	case s.alias != "":
		c.Type, c.Endpoints = "STRICT_DNS", []envoy.Endpoint{{Hostname: s.alias, Port: port.target}}
	case s.entry != nil && s.entry.Spec.Resolution == "DNS" && len(s.entry.Spec.Endpoints) == 0:
		c.Type, c.Endpoints = "STRICT_DNS", []envoy.Endpoint{{Hostname: s.host, Port: port.target}}
	case s.entry != nil:
		c.Type = "EDS"
		for _, e := range s.entry.Spec.Endpoints {
			ep := envoy.Endpoint{Address: netip.AddrPortFrom(addr(e.Address), uint16(port.target))}
			if e.ServiceAccount != "" || e.Labels["security.istio.io/tlsMode"] == "istio" {
				ep.SocketMatch = tlsModeIstio
			}
			x.Endpoints[c.Name] = append(x.Endpoints[c.Name], ep)
		}
	default: // pods that are not ready too (PILOT_AUTO_SEND_UNHEALTHY_ENDPOINTS)
		c.Type = "EDS"
		x.Endpoints[c.Name] = []envoy.Endpoint{}
		for _, p := range s.pods {
			x.Endpoints[c.Name] = append(x.Endpoints[c.Name], p.endpoint(port.target))
		}
	}
}

var tlsModeIstio = map[string]string{"tlsMode": "istio"}

// speaksMTLS: istiod strips the metadata from a port that a workload policy disables.
func (p *testPod) speaksMTLS(port uint32) bool {
	return p.plane == mesh.Sidecar && p.mode(port) != disable
}

func (p *testPod) endpoint(port uint32) envoy.Endpoint {
	e := envoy.Endpoint{Address: netip.AddrPortFrom(addr(p.Status.PodIP), uint16(port)), Health: "HEALTHY"}
	if !p.Ready() {
		e.Health = "UNHEALTHY"
	}
	if p.speaksMTLS(port) {
		e.SocketMatch = tlsModeIstio
	}
	return e
}

// transport is "What the client sends" (failure modes, section 0).
func (w *world) transport(s *testService, port testPort, c *envoy.Cluster) {
	mutual := s.workloadTLS(port)
	switch r := w.rules[s.host]; {
	case r == tlsDisable:
	case r == tlsSimple:
		c.Socket = upstreamTLS(&envoy.TLSContext{SNI: s.host, AutoSANValidation: true, Validation: envoy.Validation{Present: true, CA: &envoy.TrustRef{SDS: "file-root:system"}}})
	case r == tlsMutual:
		c.Socket = upstreamTLS(&envoy.TLSContext{
			Certificates: []envoy.CertificateRef{{SDS: "file-cert:/etc/certs/cert.pem"}},
			SNI:          s.host, Validation: envoy.Validation{Present: true, CA: &envoy.TrustRef{SDS: "file-root:/etc/certs/root.pem"}},
		})
	case r == istioMutual:
		c.Socket = mutual
	case s.entry != nil && s.entry.Spec.Location == "MESH_EXTERNAL": // no auto mTLS
	case c.Type == "ORIGINAL_DST": // all or none
		if len(s.pods) > 0 && !slices.ContainsFunc(s.pods, func(p *testPod) bool { return p.plane != mesh.Sidecar }) {
			c.Socket = mutual
		}
	default:
		c.Matches = []envoy.SocketMatch{
			{Name: "tlsMode-istio", Match: tlsModeIstio, Socket: mutual},
			{Name: "tlsMode-disabled", Match: map[string]string{}, Socket: &envoy.TransportSocket{Kind: envoy.Raw}},
		}
	}
	if w.rules[s.host] != auto {
		c.Config = "/apis/networking.istio.io/v1/namespaces/" + s.ns + "/destination-rule/" + s.name
	}
}

// workloadTLS is Istio's own mutual TLS towards a service's pods.
func (s *testService) workloadTLS(port testPort) *envoy.TransportSocket {
	ctx := &envoy.TLSContext{
		Certificates: []envoy.CertificateRef{{SDS: "default"}}, ALPN: []string{"istio"},
		Validation: envoy.Validation{Present: true, CA: &envoy.TrustRef{SDS: "ROOTCA"}},
		SNI:        fmt.Sprintf("outbound_.%d_._.%s", port.number, s.host), MinVersion: "TLSv1_2", MaxVersion: "TLSv1_3",
	}
	for _, p := range s.pods {
		ctx.Validation.SANs = append(ctx.Validation.SANs, certs.Matcher{Kind: "exact", Value: "spiffe://cluster.local/ns/" + p.Namespace + "/sa/" + p.Spec.ServiceAccountName})
	}
	return upstreamTLS(ctx)
}

func upstreamTLS(ctx *envoy.TLSContext) *envoy.TransportSocket {
	return &envoy.TransportSocket{Kind: envoy.TLS, TLS: ctx}
}

// tcpListener has the service's address, or each pod's.
func (w *world) tcpListener(x *envoy.Proxy, s *testService, port testPort, cluster string) {
	var addresses []string
	switch {
	case s.isHeadless:
		for _, p := range s.pods {
			addresses = append(addresses, p.Status.PodIP)
		}
	case s.vip != "":
		addresses = []string{s.vip}
	case s.entry != nil:
		addresses = s.entry.Spec.Addresses
	}
	for _, a := range addresses {
		chain := &envoy.FilterChain{Filters: tcpTo(cluster)}
		if strings.Contains(a, "/") { // a range has the wildcard listener
			chain.Match.DestinationPrefixes = prefixes(a)
			a = "0.0.0.0"
		}
		x.Listeners = append(x.Listeners, outboundListener(a, port.number, chain))
	}
}

// tlsListener has the service's address, or the wildcard with one chain for each SNI.
func (w *world) tlsListener(x *envoy.Proxy, s *testService, port testPort, cluster string) {
	if s.vip != "" || s.isHeadless {
		w.tcpListener(x, s, port, cluster)
		return
	}
	l := wildcardListener(x, port.number)
	if l == nil {
		l = outboundListener("0.0.0.0", port.number)
		l.Filters = []envoy.ListenerFilter{{Kind: envoy.TLSInspector}}
		l.Default = &envoy.FilterChain{Name: "PassthroughFilterChain", Filters: tcpTo("PassthroughCluster")}
		x.Listeners = append(x.Listeners, l)
	}
	l.FilterChains = append(l.FilterChains, &envoy.FilterChain{Match: envoy.FilterChainMatch{ServerNames: []string{s.host}}, Filters: tcpTo(cluster)})
}

// httpListener is one for all services of a port, which the Host header then tells apart.
func httpListener(x *envoy.Proxy, s *testService, port testPort, cluster string) {
	name := fmt.Sprint(port.number)
	rc := x.Routes[name]
	if rc == nil {
		rc = &envoy.RouteConfig{Name: name}
		x.Routes[name] = rc
		l := outboundListener("0.0.0.0", port.number, &envoy.FilterChain{
			Match:   envoy.FilterChainMatch{TransportProtocol: "raw_buffer", ApplicationProtocols: []string{"http/1.1", "h2c"}},
			Filters: []*envoy.Filter{{Kind: envoy.HTTPManager, RouteName: name}},
		})
		l.Filters = []envoy.ListenerFilter{{Kind: envoy.HTTPInspector}}
		l.Default = &envoy.FilterChain{Name: "PassthroughFilterChain", Filters: tcpTo("PassthroughCluster")}
		x.Listeners = append(x.Listeners, l)
	}
	domains := []string{s.host, fmt.Sprintf("%s:%d", s.host, port.number)}
	if s.vip != "" {
		domains = append(domains, s.vip)
	}
	rc.VirtualHosts = append(rc.VirtualHosts, &envoy.VirtualHost{Name: domains[1], Domains: domains, Routes: []*envoy.Route{routeTo(cluster)}})
}

func routeTo(cluster string) *envoy.Route {
	return &envoy.Route{Name: "default", CatchAll: true, Match: "prefix /", Clusters: []envoy.WeightedCluster{{Name: cluster}}}
}

func (w *world) unknownHost() *envoy.VirtualHost {
	if w.policy == "REGISTRY_ONLY" {
		return &envoy.VirtualHost{Name: "block_all", Domains: []string{"*"}, Routes: []*envoy.Route{{Name: "block_all", CatchAll: true, DirectResponse: 502}}}
	}
	return &envoy.VirtualHost{Name: "allow_any", Domains: []string{"*"}, Routes: []*envoy.Route{routeTo("PassthroughCluster")}}
}

func (w *world) virtualOutbound() *envoy.Listener {
	cluster := "PassthroughCluster"
	if w.policy == "REGISTRY_ONLY" {
		cluster = "BlackHoleCluster"
	}
	l := outboundListener("0.0.0.0", outboundPort,
		&envoy.FilterChain{Name: "virtualOutbound-blackhole", Match: envoy.FilterChainMatch{DestinationPort: outboundPort}, Filters: tcpTo("BlackHoleCluster")},
		&envoy.FilterChain{Name: "virtualOutbound-catchall-tcp", Filters: tcpTo(cluster)})
	l.Name, l.BindToPort, l.UseOrigDst = "virtualOutbound", true, true
	return l
}

func outboundListener(a string, port uint32, chains ...*envoy.FilterChain) *envoy.Listener {
	return &envoy.Listener{
		Name: fmt.Sprintf("%s_%d", a, port), Addresses: []netip.AddrPort{netip.AddrPortFrom(addr(a), uint16(port))},
		Direction: "OUTBOUND", FilterChains: chains, Freshness: active,
	}
}

func wildcardListener(x *envoy.Proxy, port uint32) *envoy.Listener {
	return listenerNamed(x, fmt.Sprintf("0.0.0.0_%d", port))
}

func listenerNamed(x *envoy.Proxy, name string) *envoy.Listener {
	i := slices.IndexFunc(x.Listeners, func(l *envoy.Listener) bool { return l.Name == name })
	if i < 0 {
		return nil
	}
	return x.Listeners[i]
}

func clusterNamed(x *envoy.Proxy, name string) *envoy.Cluster {
	return x.Clusters[slices.IndexFunc(x.Clusters, func(c *envoy.Cluster) bool { return c.Name == name })]
}

func secretNamed(x *envoy.Proxy, name string) *envoy.Secret {
	return x.Secrets[slices.IndexFunc(x.Secrets, func(s *envoy.Secret) bool { return s.Name == name })]
}

func tcpTo(cluster string) []*envoy.Filter {
	return []*envoy.Filter{{Kind: envoy.TCPProxy, Clusters: []envoy.WeightedCluster{{Name: cluster}}}}
}

// Istio's ALPNs: of mutual TLS at all, and of mutual TLS that is known to hold HTTP.
var (
	meshALPN     = []string{"istio", "istio-peer-exchange", "istio-http/1.0", "istio-http/1.1", "istio-h2"}
	meshHTTPALPN = []string{"istio-http/1.0", "istio-http/1.1", "istio-h2"}
)

// virtualInbound is "Inbound chains on virtualInbound" (failure modes, section 0).
func (w *world) virtualInbound(p *testPod) *envoy.Listener {
	l := &envoy.Listener{
		Name: "virtualInbound", Direction: "INBOUND", BindToPort: true, Freshness: active,
		Addresses: []netip.AddrPort{netip.AddrPortFrom(addr("0.0.0.0"), inboundPort)},
	}
	plain := &envoy.PortPredicate{} // ports in DISABLE: no inspector
	for _, s := range w.services {
		for _, port := range s.ports {
			if !slices.Contains(s.pods, p) {
				continue
			}
			l.FilterChains = append(l.FilterChains, inboundChains(port.name, port.target, p.mode(port.target))...)
			if p.mode(port.target) == disable {
				plain.Or = append(plain.Or, &envoy.PortPredicate{Range: &envoy.PortRange{Start: port.target, End: port.target + 1}})
			}
		}
	}
	l.FilterChains = append(l.FilterChains, inboundChains("auto", 0, p.mode(0))...)
	l.Filters = []envoy.ListenerFilter{{Kind: envoy.OriginalDst}, {Kind: envoy.TLSInspector, Disabled: plain}, {Kind: envoy.HTTPInspector, Disabled: plain}}
	return l
}

func inboundChains(protocol string, port uint32, mode string) []*envoy.FilterChain {
	name := fmt.Sprintf("0.0.0.0_%d", port)
	if port == 0 {
		name = "virtualInbound"
	}
	chain := func(transport string, alpn []string, s *envoy.TransportSocket, filters []*envoy.Filter) *envoy.FilterChain {
		m := envoy.FilterChainMatch{DestinationPort: port, TransportProtocol: transport, ApplicationProtocols: alpn}
		return &envoy.FilterChain{Name: name, Match: m, Socket: s, Filters: filters}
	}
	http := []*envoy.Filter{{Kind: envoy.HTTPManager}}
	tcp := tcpTo(fmt.Sprintf("inbound|%d||", port))
	filters := tcp
	if protocol == "http" {
		filters = http
	}
	switch {
	case mode == disable:
		return []*envoy.FilterChain{chain("raw_buffer", nil, nil, filters)}
	case protocol == "http" && mode == strict:
		return []*envoy.FilterChain{chain("tls", nil, inboundTLS, http)}
	case protocol == "http":
		return []*envoy.FilterChain{chain("tls", meshALPN, inboundTLS, http), chain("raw_buffer", nil, nil, http)}
	case protocol != "auto" && mode == strict:
		return []*envoy.FilterChain{chain("tls", nil, inboundTLS, tcp)}
	case protocol != "auto":
		return []*envoy.FilterChain{chain("tls", meshALPN, inboundTLS, tcp), chain("tls", nil, nil, tcp), chain("raw_buffer", nil, nil, tcp)}
	case mode == strict:
		return []*envoy.FilterChain{chain("tls", meshHTTPALPN, inboundTLS, http), chain("tls", nil, inboundTLS, tcp)}
	}
	return []*envoy.FilterChain{
		chain("tls", meshHTTPALPN, inboundTLS, http), chain("raw_buffer", []string{"http/1.1", "h2c"}, nil, http),
		chain("tls", []string{"istio", "istio-peer-exchange"}, inboundTLS, tcp), chain("raw_buffer", nil, nil, tcp), chain("tls", nil, nil, tcp),
	}
}

// inboundTLS is the DownstreamTlsContext of a workload.
var inboundTLS = &envoy.TransportSocket{Kind: envoy.TLS, TLS: &envoy.TLSContext{
	Certificates: []envoy.CertificateRef{{SDS: "default"}}, RequireClientCertificate: true, ALPN: []string{"h2", "http/1.1"},
	Validation: envoy.Validation{Present: true, CA: &envoy.TrustRef{SDS: "ROOTCA"}, Demands: envoy.Demands{SANs: []certs.Matcher{{Kind: "prefix", Value: "spiffe://cluster.local/"}}}},
	MinVersion: "TLSv1_2", MaxVersion: "TLSv1_3",
}}

// ownInbound replaces the shared inbound context by one that a test may spoil.
func ownInbound(x *envoy.Proxy) *envoy.TLSContext {
	ctx := *inboundTLS.TLS
	ctx.Validation.SANs = slices.Clone(ctx.Validation.SANs)
	own := &envoy.TransportSocket{Kind: envoy.TLS, TLS: &ctx}
	for _, fc := range listenerNamed(x, "virtualInbound").FilterChains {
		if fc.Socket == inboundTLS {
			fc.Socket = own
		}
	}
	return &ctx
}

// outboundContext is the TLS context that a client uses for server.shop:80.
func outboundContext(x *envoy.Proxy) *envoy.TLSContext {
	c := clusterNamed(x, server80)
	if c.Socket != nil {
		return c.Socket.TLS
	}
	return c.Matches[0].Socket.TLS
}
