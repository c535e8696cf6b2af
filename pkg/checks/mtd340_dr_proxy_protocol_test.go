package checks

import (
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

const proxyHeader = "111-dr-proxy-protocol"

func TestDRProxyProtocol(t *testing.T) {
	fires(t, proxyHeader, mtd340, "error DestinationRule shop/server [spec.trafficPolicy.proxyProtocol] 21: "+
		"DestinationRule shop/server makes clients send a PROXY protocol header first, and the proxies of server.shop do not read one",
		`kubectl -n shop patch destinationrule server --type=json -p '[{"op":"remove","path":"/spec/trafficPolicy"}]'`)
	complete(t, shared(t, proxyHeader).one(mtd340))
}

// What else the policy says stays.
func TestDRProxyProtocolKeepsTheRest(t *testing.T) {
	r := record(t, proxyHeader)
	rule := r.rule("shop", "server")
	rule.Spec.TrafficPolicy.LoadBalancer = &kube.LoadBalancer{Simple: "RANDOM"}
	hasFix(t, r.one(mtd340), `kubectl -n shop patch destinationrule server --type=json -p '[{"op":"remove","path":"/spec/trafficPolicy/proxyProtocol"}]'`)
}

// A rule for many hosts may lead to servers outside the mesh that read the header.
func TestDRProxyProtocolOfMany(t *testing.T) {
	r := record(t, proxyHeader)
	r.rule("shop", "server").Spec.Host = "*.svc.cluster.local"
	has(t, r.judge(mtd340).Findings[0].Fixes[0].Risk, "endpoints without a proxy may read the header: those of ")
}

func TestDRProxyProtocolQuietAndBlind(t *testing.T) {
	shared(t, healthy).silent(mtd340)
	blinded(t, proxyHeader, mtd340)
	unseenProxy(t, proxyHeader, "shop/server", mtd340)
	r := record(t, proxyHeader)
	for _, p := range r.Proxies { // servers that read the header
		for _, l := range p.Listeners {
			if l.Name == "virtualInbound" {
				l.Filters = append([]envoy.ListenerFilter{{Kind: envoy.ProxyProtocol}}, l.Filters...)
			}
		}
	}
	r.quiet(mtd340)
}
