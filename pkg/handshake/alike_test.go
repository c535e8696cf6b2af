package handshake

import (
	"net/netip"
	"testing"
	"time"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// TestAlikeOnlyForOneCaller has differences that the first client of a class does not meet.
func TestAlikeOnlyForOneCaller(t *testing.T) {
	tests := map[string]func(w *world){
		"one caller is denied at one address": func(w *world) {
			at := &envoy.RBACRule{DestinationIPs: []netip.Prefix{netip.MustParsePrefix(w.find("shop/w1-1").Status.PodIP + "/32")}}
			f := rbac("DENY", at, principal("exact", "spiffe://cluster.local/ns/shop/sa/w2"))
			for _, x := range w.evidence().Proxies {
				guardAll(x, f)
			}
		},
		"routes behind the default chain of one replica have rules of their own": func(w *world) {
			f := rbac("DENY", &envoy.RBACRule{Any: true}, &envoy.RBACRule{SourceIPs: []netip.Prefix{netip.MustParsePrefix(w.find("shop/w2-1").Status.PodIP + "/32")}})
			manager := &envoy.Filter{Kind: envoy.HTTPManager, RouteName: "inbound", HTTPFilters: []*envoy.Filter{{Kind: envoy.OtherFilter}, f}}
			for key, x := range w.evidence().Proxies {
				l := listenerNamed(x, "virtualInbound")
				l.Default = &envoy.FilterChain{Name: "default", Filters: []*envoy.Filter{manager}}
				l.FilterChains, l.Filters = nil, nil
				x.Routes["inbound"] = &envoy.RouteConfig{Name: "inbound", OwnRBAC: key.Name == "w0-0"}
				for _, c := range x.Clusters {
					c.Socket, c.Matches = nil, nil
				}
			}
		},
		"a certificate that was not read, after none": func(w *world) {
			who := principal("exact", "spiffe://cluster.local/ns/shop/sa/w2")
			from := &envoy.RBACRule{SourceIPs: []netip.Prefix{netip.MustParsePrefix(w.find("shop/w2-1").Status.PodIP + "/32")}}
			for _, x := range w.evidence().Proxies {
				guardAll(x, rbac("ALLOW", &envoy.RBACRule{Any: true}, and(who, from)))
				ownInbound(x).Unmodelled = []string{"a field"}
			}
		},
	}
	for name, spoil := range tests {
		t.Run(name, func(t *testing.T) {
			w := replicated(t, 3, 2)
			w.rules[w.services[0].host] = tlsDisable
			spoil(w)
			sameAsPairs(t, mesh.New(w.evidence()), Query{})
		})
	}
}

// TestAlikeAtAnyTime: when a proxy got its config decides nothing, and no two get theirs at the same moment.
func TestAlikeAtAnyTime(t *testing.T) {
	w := replicated(t, 3, 2)
	want, _ := sameAsPairs(t, mesh.New(w.evidence()), Query{})
	at := worldTime
	for _, x := range w.evidence().Proxies {
		at = at.Add(time.Millisecond)
		for name, rc := range x.Routes {
			own := *rc
			own.Version, own.LastUpdated = at.String(), at
			x.Routes[name] = &own
		}
	}
	if got, _ := sameAsPairs(t, mesh.New(w.evidence()), Query{}); got != want {
		t.Errorf("%d classes, and %d where routes came at one time", got, want)
	}
}
