package handshake

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
)

// proxyIndex finds things in one proxy's config.
type proxyIndex struct {
	proxy    *envoy.Proxy
	clusters map[string]*envoy.Cluster
	byHost   map[hostPort][]*envoy.Cluster
	exact    map[netip.AddrPort]*envoy.Listener
	wildcard map[uint32]*envoy.Listener
	secrets  map[string]*envoy.Secret
	fallback *envoy.Listener // virtualOutbound
	inbound  *envoy.Listener // virtualInbound
	warming  map[string]bool // secrets that Envoy still waits for
}

type hostPort struct {
	host string
	port uint32
}

// Istio's listen ports (meshConfig.proxyListenPort and proxyInboundListenPort).
const (
	outboundPort = 15001
	inboundPort  = 15006
)

func (e *Engine) index(p *envoy.Proxy) *proxyIndex {
	if ix := e.indexes[p]; ix != nil {
		return ix
	}
	ix := &proxyIndex{
		proxy: p, clusters: map[string]*envoy.Cluster{}, byHost: map[hostPort][]*envoy.Cluster{},
		exact: map[netip.AddrPort]*envoy.Listener{}, wildcard: map[uint32]*envoy.Listener{},
		secrets: map[string]*envoy.Secret{}, warming: map[string]bool{},
	}
	ix.addClusters()
	ix.addListeners()
	ix.addSecrets()
	e.indexes[p] = ix
	return ix
}

// serving reports whether connections meet a resource in that state. One that drains gives way
// to its successor.
func serving(s envoy.State) bool { return s == envoy.Active || s == envoy.Static || s == "" }

func (ix *proxyIndex) addClusters() {
	for _, c := range ix.proxy.Clusters {
		if !serving(c.State) {
			continue
		}
		ix.clusters[c.Name] = c
		if n, ok := parseClusterName(c.Name); ok && n.direction == "outbound" {
			k := hostPort{n.host, n.port}
			ix.byHost[k] = append(ix.byHost[k], c)
		}
	}
}

func (ix *proxyIndex) addListeners() {
	for _, l := range ix.proxy.Listeners {
		if !serving(l.State) {
			continue
		}
		for _, a := range l.Addresses {
			switch {
			case a.Port() == inboundPort:
				ix.inbound = l
			case a.Port() == outboundPort:
				ix.fallback = l
			case a.Addr().IsUnspecified():
				ix.wildcard[uint32(a.Port())] = l
			default:
				ix.exact[netip.AddrPortFrom(a.Addr().Unmap(), a.Port())] = l
			}
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

// listener finds the listener that takes a redirected connection: its exact address, then the
// wildcard of the port, then the listener that received it.
func (ix *proxyIndex) listener(to netip.Addr, port uint32, receiver *envoy.Listener) *envoy.Listener {
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

// clusterName is the parts of Istio's cluster names, "outbound|80|v1|server.shop.svc.cluster.local".
type clusterName struct {
	direction, subset, host string
	port                    uint32
}

func parseClusterName(s string) (clusterName, bool) {
	f := strings.Split(s, "|")
	if len(f) != 4 {
		return clusterName{}, false
	}
	port, err := strconv.ParseUint(f[1], 10, 32)
	return clusterName{f[0], f[2], f[3], uint32(port)}, err == nil
}
