package handshake

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
)

// spoils change one proxy.
var spoils = []func(w *world, x *envoy.Proxy, r *rand.Rand){
	func(_ *world, x *envoy.Proxy, _ *rand.Rand) { x.Secrets = x.Secrets[min(1, len(x.Secrets)):] },
	func(_ *world, x *envoy.Proxy, _ *rand.Rand) {
		for _, s := range x.Secrets {
			s.State = envoy.Warming
		}
	},
	func(_ *world, x *envoy.Proxy, _ *rand.Rand) { x.Endpoints = nil },
	func(_ *world, x *envoy.Proxy, _ *rand.Rand) {
		x.Secrets = slices.DeleteFunc(x.Secrets, func(s *envoy.Secret) bool { return s.Name == "ROOTCA" })
	},
	func(_ *world, x *envoy.Proxy, _ *rand.Rand) { x.Read &^= envoy.SectionClusters },
	func(_ *world, x *envoy.Proxy, r *rand.Rand) {
		c := x.Clusters[2+r.IntN(2)]
		c.Socket, c.Matches = nil, nil
	},
	func(_ *world, x *envoy.Proxy, _ *rand.Rand) {
		listenerNamed(x, "0.0.0.0_80").Unmodelled = []string{"a field"}
	},
	func(_ *world, x *envoy.Proxy, _ *rand.Rand) {
		x.Rejected = []envoy.Rejection{{Kind: "listener", Name: "virtualInbound", Details: "refused"}}
	},
	func(_ *world, x *envoy.Proxy, _ *rand.Rand) {
		x.Listeners = slices.DeleteFunc(x.Listeners, func(l *envoy.Listener) bool { return l.Name == "virtualInbound" })
	},
	func(_ *world, x *envoy.Proxy, r *rand.Rand) {
		for _, name := range slices.Sorted(maps.Keys(x.Endpoints)) {
			if list := x.Endpoints[name]; len(list) > 0 {
				h := envoy.Host{Address: list[r.IntN(len(list))].Address, Flags: []string{"failed_outlier_check"}}
				x.Hosts = map[string][]envoy.Host{name: {h}}
			}
		}
	},
	func(w *world, _ *envoy.Proxy, r *rand.Rand) { // a VirtualService
		to := routeTo(fmt.Sprintf("outbound|80||w%d.shop.svc.cluster.local", r.IntN(3)))
		for _, x := range w.ev.Proxies {
			if rc := x.Routes["80"]; rc != nil {
				rc.VirtualHosts[0].Routes = []*envoy.Route{to}
			}
		}
	},
	func(_ *world, x *envoy.Proxy, _ *rand.Rand) { x.Read &^= envoy.SectionSecrets; x.Secrets = nil },
	func(_ *world, x *envoy.Proxy, _ *rand.Rand) { x.Routes = nil },
	func(_ *world, x *envoy.Proxy, r *rand.Rand) { x.Clusters = slices.Delete(x.Clusters, 3, 4+r.IntN(2)) },
	func(_ *world, x *envoy.Proxy, _ *rand.Rand) {
		ownInbound(x).Validation.SANs[0].Value = "spiffe://elsewhere/"
	},
	func(_ *world, x *envoy.Proxy, _ *rand.Rand) { ownSocket(x).MinVersion = "TLSv1_3" },
	func(_ *world, x *envoy.Proxy, r *rand.Rand) {
		who := principal("exact", fmt.Sprintf("spiffe://cluster.local/ns/shop/sa/w%d", r.IntN(4)))
		guardAll(x, rbac([]string{"ALLOW", "DENY"}[r.IntN(2)], &envoy.RBACRule{Any: true}, who))
	},
	func(_ *world, x *envoy.Proxy, r *rand.Rand) {
		from := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 1, 0, byte(r.IntN(8))}), 29+r.IntN(4))
		guardAll(x, rbac("ALLOW", &envoy.RBACRule{Any: true}, &envoy.RBACRule{SourceIPs: []netip.Prefix{from}}))
	},
	func(_ *world, x *envoy.Proxy, r *rand.Rand) {
		to := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 1, 0, byte(r.IntN(8))}), 29+r.IntN(4))
		guardAll(x, rbac("DENY", &envoy.RBACRule{DestinationIPs: []netip.Prefix{to}}, &envoy.RBACRule{Any: true}))
	},
	func(w *world, _ *envoy.Proxy, r *rand.Rand) { // replicas that are alike but for their addresses
		to := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 1, 0, byte(r.IntN(8))}), 32)
		f := rbac("DENY", &envoy.RBACRule{DestinationIPs: []netip.Prefix{to}}, &envoy.RBACRule{Any: true})
		for _, x := range w.ev.Proxies {
			guardAll(x, f)
		}
	},
	func(w *world, _ *envoy.Proxy, r *rand.Rand) { // one caller at one address
		to := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 1, 0, byte(r.IntN(8))}), 32)
		who := principal("exact", fmt.Sprintf("spiffe://cluster.local/ns/shop/sa/w%d", r.IntN(4)))
		f := rbac("DENY", &envoy.RBACRule{DestinationIPs: []netip.Prefix{to}}, who)
		for _, x := range w.ev.Proxies {
			guardAll(x, f)
		}
	},
	func(_ *world, x *envoy.Proxy, r *rand.Rand) {
		from := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 1, 0, byte(r.IntN(8))}), 29+r.IntN(4))
		inboundOf(x).FilterChains[0].Match.SourcePrefixes = []netip.Prefix{from}
	},
	func(_ *world, x *envoy.Proxy, r *rand.Rand) {
		for _, name := range slices.Sorted(maps.Keys(x.Endpoints)) {
			if list := x.Endpoints[name]; len(list) > 0 {
				list[r.IntN(len(list))].SocketMatch = nil
			}
		}
	},
	func(_ *world, x *envoy.Proxy, _ *rand.Rand) { inboundOf(x).Filters = nil },
	func(_ *world, x *envoy.Proxy, _ *rand.Rand) { inboundOf(x).UseOrigDst = true },
	func(w *world, x *envoy.Proxy, _ *rand.Rand) {
		for key, p := range w.ev.Proxies {
			if p == x {
				delete(w.ev.Proxies, key)
				return
			}
		}
	},
}

// inboundOf is a proxy's inbound listener, or an empty one when that was taken away.
func inboundOf(x *envoy.Proxy) *envoy.Listener {
	if l := listenerNamed(x, "virtualInbound"); l != nil && len(l.FilterChains) > 0 {
		return l
	}
	return &envoy.Listener{FilterChains: []*envoy.FilterChain{{}}}
}

func ownSocket(x *envoy.Proxy) *envoy.TLSContext {
	if listenerNamed(x, "virtualInbound") == nil {
		ctx := *inboundTLS.TLS
		ctx.Validation.SANs = slices.Clone(ctx.Validation.SANs)
		return &ctx
	}
	return ownInbound(x)
}

// guardAll puts an RBAC filter before every inbound chain.
func guardAll(x *envoy.Proxy, f *envoy.Filter) {
	for _, fc := range inboundOf(x).FilterChains {
		fc.Filters = append([]*envoy.Filter{f}, fc.Filters...)
	}
}
