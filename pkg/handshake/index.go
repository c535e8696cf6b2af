package handshake

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
)

// proxyIndex finds things in one proxy's config. Of most proxies only the secrets are looked at; what
// else is found is indexed when it is first asked for.
type proxyIndex struct {
	proxy     *envoy.Proxy
	groups    groups // of key exchange, by its version
	secrets   map[string]*envoy.Secret
	warming   map[string]bool // secrets that Envoy still waits for
	clusters  *clusterIndex
	listeners *listenerIndex
	// virtualInbound is what inbound found.
	virtualInbound *envoy.Listener
	lookedInbound  bool
	// What was found out on the way.
	hosts   map[hostKey]*envoy.Host
	modes   map[portOf]string
	domains map[*envoy.RouteConfig]*domains
	opaques map[*envoy.Listener]string
	sends   map[string]sent
}

// clusterIndex finds the clusters of a proxy.
type clusterIndex struct {
	serving map[string]*envoy.Cluster
	waiting map[string]*envoy.Cluster // clusters that warm and have no active predecessor
	byHost  map[hostPort][]*envoy.Cluster
}

// listenerIndex finds the listeners of a proxy.
type listenerIndex struct {
	exact    map[netip.AddrPort]*envoy.Listener
	wildcard map[uint32]*envoy.Listener
	fallback *envoy.Listener // virtualOutbound
}

type hostPort struct {
	host string
	port uint32
}

// Istio's listen ports, by which the listeners of old releases are known: they were named
// "virtual". meshConfig.proxyListenPort and proxyInboundListenPort may move today's.
const (
	outboundPort = 15001
	inboundPort  = 15006
)

func (e *Engine) index(p *envoy.Proxy) *proxyIndex {
	if ix := e.indexes[p]; ix != nil {
		return ix
	}
	ix := &proxyIndex{
		proxy: p, groups: groupsOf(p), secrets: map[string]*envoy.Secret{}, warming: map[string]bool{}, modes: map[portOf]string{},
		domains: map[*envoy.RouteConfig]*domains{}, opaques: map[*envoy.Listener]string{},
	}
	ix.addSecrets()
	e.indexes[p] = ix
	return ix
}

// serving reports whether connections meet a resource in that state. One that drains gives way
// to its successor.
func serving(s envoy.State) bool { return s == envoy.Active || s == envoy.Static || s == "" }

func (ix *proxyIndex) clusterIndex() *clusterIndex {
	if ix.clusters == nil {
		ix.clusters = newClusterIndex(ix.proxy.Clusters)
	}
	return ix.clusters
}

func newClusterIndex(list []*envoy.Cluster) *clusterIndex {
	ix := &clusterIndex{map[string]*envoy.Cluster{}, map[string]*envoy.Cluster{}, map[hostPort][]*envoy.Cluster{}}
	for _, c := range list {
		if !serving(c.State) {
			ix.waiting[c.Name] = c
			continue
		}
		ix.serving[c.Name] = c
		if n, ok := parseClusterName(c.Name); ok && n.direction == "outbound" && !n.bySNI {
			k := hostPort{n.host, n.port}
			ix.byHost[k] = append(ix.byHost[k], c)
		}
	}
	return ix
}

// inbound is the listener virtualInbound, nil if there is none.
func (ix *proxyIndex) inbound() *envoy.Listener {
	if !ix.lookedInbound {
		ix.lookedInbound = true
		for _, l := range ix.proxy.Listeners {
			if connects(l) && takesInbound(l) {
				ix.virtualInbound = l
			}
		}
	}
	return ix.virtualInbound
}

// takesInbound reports the listener that takes what iptables redirects to the server's proxy.
func takesInbound(l *envoy.Listener) bool {
	isInbound := func(a netip.AddrPort) bool { return a.Port() == inboundPort }
	return len(l.Addresses) > 0 && (l.Name == "virtualInbound" || slices.ContainsFunc(l.Addresses, isInbound))
}

// connects reports a listener that takes TCP connections.
func connects(l *envoy.Listener) bool { return serving(l.State) && !l.UDP && !l.Internal }

func (ix *proxyIndex) listenerIndex() *listenerIndex {
	if ix.listeners == nil {
		ix.listeners = newListenerIndex(ix.proxy.Listeners)
	}
	return ix.listeners
}

func newListenerIndex(list []*envoy.Listener) *listenerIndex {
	ix := &listenerIndex{exact: map[netip.AddrPort]*envoy.Listener{}, wildcard: map[uint32]*envoy.Listener{}}
	for _, l := range list {
		if connects(l) {
			ix.add(l)
		}
	}
	return ix
}

func (ix *listenerIndex) add(l *envoy.Listener) {
	for _, a := range l.Addresses {
		switch {
		case takesInbound(l): // found by inbound
		case l.Name == "virtualOutbound", a.Port() == outboundPort:
			ix.fallback = l
		case a.Addr().IsUnspecified():
			ix.wildcard[uint32(a.Port())] = l
		default:
			ix.exact[netip.AddrPortFrom(a.Addr().Unmap(), a.Port())] = l
		}
	}
}

func (ix *proxyIndex) addSecrets() {
	for _, s := range ix.proxy.Secrets {
		if serving(s.State) {
			ix.secrets[s.Name] = s
		} else if s.State == envoy.Warming {
			ix.warming[s.Name] = true
		}
	}
}

// opaque names what keeps a listener's choice of a filter chain from being known, "" if nothing
// does: a field, or a listener filter that may close or rewrite the connection.
func (ix *proxyIndex) opaque(l *envoy.Listener) string {
	what, ok := ix.opaques[l]
	if !ok {
		what = ix.opaquePart(l)
		ix.opaques[l] = what
	}
	return what
}

func (ix *proxyIndex) opaquePart(l *envoy.Listener) string {
	if len(l.Unmodelled) > 0 {
		return l.Unmodelled[0]
	}
	for _, fc := range l.FilterChains {
		if len(fc.Match.Unmodelled) > 0 {
			return fc.Match.Unmodelled[0]
		}
	}
	for _, f := range l.Filters {
		if (f.Kind == envoy.OtherListener || f.Kind == envoy.ProxyProtocol) && ix.strangeFilters() {
			return "listener filter " + f.Name
		}
	}
	return ""
}

// strangeFilters reports that the proxy has listener filters of types that nobody knows. The
// model does not say which of the others they are.
func (ix *proxyIndex) strangeFilters() bool {
	for what := range ix.proxy.Unmodelled {
		if strings.HasPrefix(what, "listener filter ") {
			return true
		}
	}
	return false
}

// find finds the listener that takes a redirected connection: its exact address, then the
// wildcard of the port, then the listener that received it.
func (ix *listenerIndex) find(to netip.Addr, port uint32, receiver *envoy.Listener) *envoy.Listener {
	if to.IsValid() {
		if l := ix.exact[netip.AddrPortFrom(to.Unmap(), uint16(port))]; l != nil {
			return l
		}
	}
	if l := ix.wildcard[port]; l != nil {
		return l
	}
	return receiver
}

// clusterName is the parts of Istio's cluster names, "outbound|80|v1|server.shop.svc.cluster.local", or
// "outbound_.80_.v1_.server.shop.svc.cluster.local" where a gateway finds the cluster by the SNI.
type clusterName struct {
	direction, subset, host string
	port                    uint32
	bySNI                   bool
}

func parseClusterName(s string) (clusterName, bool) {
	f := strings.Split(s, "|")
	bySNI := len(f) == 1
	if bySNI {
		f = strings.SplitN(s, "_.", 4)
	}
	if len(f) != 4 {
		return clusterName{}, false
	}
	port, err := strconv.ParseUint(f[1], 10, 32)
	return clusterName{f[0], f[2], f[3], uint32(port), bySNI}, err == nil
}
