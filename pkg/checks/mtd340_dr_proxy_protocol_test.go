package checks

import (
	"strings"
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

const drHeader = "DestinationRule shop/server"

// headed is a mesh whose rule for server.shop asks for the header, as istiod then configures its clients.
func headed(t *testing.T) *recording {
	r := record(t, "23-dr-wrong-san")
	*r.rule("shop", "server").Spec.TrafficPolicy = kube.TrafficPolicy{ProxyProtocol: &kube.ProxyProtocol{Version: "V2"}}
	for _, p := range r.Proxies {
		for _, c := range p.Clusters {
			if strings.HasSuffix(c.Name, "||server.shop.svc.cluster.local") {
				own := *c.Socket.TLS
				own.Validation.SANs = nil
				c.Socket = &envoy.TransportSocket{Kind: envoy.ProxyHeader, Inner: &envoy.TransportSocket{Kind: envoy.TLS, TLS: &own}}
			}
		}
	}
	return r
}

func TestDRProxyProtocol(t *testing.T) {
	r := headed(t)
	f := r.one(mtd340)
	has(t, r.says(mtd340), "error DestinationRule shop/server [spec.trafficPolicy.proxyProtocol]")
	has(t, f.Title, drHeader+" makes clients send a PROXY protocol header before the TLS, and the proxies of server.shop do not read one")
	hasFix(t, f, `kubectl -n shop patch destinationrule server --type=json -p '[{"op":"remove","path":"/spec/trafficPolicy"}]'`)
	complete(t, f)
}

// What else the policy says stays, and who may want the header is told.
func TestDRProxyProtocolOfSubset(t *testing.T) {
	r := headed(t)
	rule := r.rule("shop", "server")
	rule.Spec.TrafficPolicy.LoadBalancer = &kube.LoadBalancer{Simple: "RANDOM"}
	f := r.one(mtd340)
	hasFix(t, f, `kubectl -n shop patch destinationrule server --type=json -p '[{"op":"remove","path":"/spec/trafficPolicy/proxyProtocol"}]'`)
	if f.Fixes[0].Risk != "" {
		t.Errorf("%s: all endpoints have a proxy", f.Fixes[0].Risk)
	}
}

func TestDRProxyProtocolQuietAndBlind(t *testing.T) {
	shared(t, "23-dr-wrong-san").silent(mtd340)
	shared(t, healthy).silent(mtd340)
	r := headed(t)
	for _, p := range r.Proxies { // servers that read the header
		for _, l := range p.Listeners {
			if l.Name == "virtualInbound" {
				l.Filters = append([]envoy.ListenerFilter{{Kind: envoy.ProxyProtocol}}, l.Filters...)
			}
		}
	}
	r.quiet(mtd340)
}
