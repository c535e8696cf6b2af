package checks

import (
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// httpFor443 is the recording of TLS origination, without the rule that starts TLS.
func httpFor443(t *testing.T) *recording {
	r := clearTo443(t)
	r.Resources.DestinationRules = nil
	return r
}

// clearTo443 is the recording of TLS origination, where the proxies start none.
func clearTo443(t *testing.T) *recording {
	r := truth(t, "se-external-originate")
	for _, p := range r.Proxies {
		for _, c := range p.Clusters {
			if c.Name == "outbound|80||ext.example" {
				c.Socket = nil
			}
		}
		for i, ep := range p.Endpoints["outbound|80||ext.example"] {
			p.Endpoints["outbound|80||ext.example"][i].Address = endpointAddress(ep.Address.Addr().String(), 443)
		}
	}
	return r
}

func TestHTTPOnTLSPort(t *testing.T) {
	r := httpFor443(t)
	f := r.one(mtd333)
	has(t, lines([]*diagnose.Finding{f}), "warning ServiceEntry pay/ext [spec.ports[0].protocol] 8: "+
		"ServiceEntry pay/ext declares HTTP for ext.example, whose port 443 expects TLS, and no DestinationRule starts it: requests are sent in clear text")
	hasFix(t, f, `kubectl -n pay patch serviceentry ext --type=json -p '[{"op":"add","path":"/spec/ports/0/protocol","value":"TLS"}]'`)
	has(t, f.Fixes[1].Manifest, "number: 80\n      tls:\n        mode: SIMPLE")
	complete(t, f)
}

// A rule that says DISABLE is to blame, and not in need of another beside it.
func TestHTTPOnTLSPortByARule(t *testing.T) {
	r := clearTo443(t)
	rule := r.Resources.DestinationRules[0]
	rule.Spec.TrafficPolicy = &kube.TrafficPolicy{TLS: &kube.ClientTLS{Mode: "DISABLE"}}
	f := r.one(mtd333)
	has(t, lines([]*diagnose.Finding{f}), "warning DestinationRule pay/ext [spec.trafficPolicy.tls.mode] 8: DestinationRule pay/ext says DISABLE for ext.example, whose port 443 expects TLS: ")
	hasFix(t, f, `kubectl -n pay patch destinationrule ext --type=json -p '[{"op":"add","path":"/spec/trafficPolicy/tls/mode","value":"SIMPLE"}]'`)
	complete(t, f)

	rule.Spec.Host = "*.example" // and other hosts: only the port is changed
	hasFix(t, r.one(mtd333), `kubectl -n pay patch destinationrule ext --type=json -p '[{"op":"add","path":"/spec/trafficPolicy/portLevelSettings","value":[{"port":{"number":80},"tls":{"mode":"SIMPLE"}}]}]'`)
}

// egress makes shop/server an egress gateway that sends requests for ext.example to a port that is declared HTTPS.
func egress(t *testing.T) *recording {
	r := truth(t, "se-external-originate")
	r.gateway("ext.example", nil)
	se := r.Resources.ServiceEntries[0]
	se.Spec.Ports = append(se.Spec.Ports, kube.EntryPort{Number: 443, Name: "https", Protocol: "HTTPS", TargetPort: 8443})
	const name = "outbound|443||ext.example"
	p := r.proxy("shop/server")
	for _, c := range p.Clusters {
		if c.Name == "outbound|80||ext.example" {
			own := *c
			own.Name, own.ServiceName, own.Socket = name, name, nil
			p.Clusters = append(p.Clusters, &own)
			break
		}
	}
	p.Endpoints[name] = p.Endpoints["outbound|80||ext.example"]
	p.Routes = map[string]*envoy.RouteConfig{"http.80": {VirtualHosts: []*envoy.VirtualHost{{
		Domains: []string{"ext.example"}, Routes: []*envoy.Route{{CatchAll: true, Clusters: []envoy.WeightedCluster{{Name: name}}}},
	}}}}
	return r
}

// An egress gateway takes requests, and has to start TLS itself.
func TestHTTPOnTLSPortOfAnEgressGateway(t *testing.T) {
	r := egress(t)
	r.Resources.DestinationRules = nil
	f := r.one(mtd333)
	has(t, lines([]*diagnose.Finding{f}), "error ServiceEntry pay/ext [spec.ports[1].protocol] 1: shop/server sends requests in clear text to ext.example, whose port 8443 expects TLS: no DestinationRule starts it")
	has(t, f.Fixes[0].Manifest, "number: 443\n      tls:\n        mode: SIMPLE")
	complete(t, f)

	r = egress(t)
	r.Resources.DestinationRules[0].Spec.TrafficPolicy = &kube.TrafficPolicy{TLS: &kube.ClientTLS{Mode: "DISABLE"}}
	f = r.one(mtd333)
	has(t, lines([]*diagnose.Finding{f}), "error DestinationRule pay/ext [spec.trafficPolicy.tls.mode] 1: DestinationRule pay/ext says DISABLE for ext.example, whose port 8443 expects TLS: shop/server sends requests in clear text")
	hasFix(t, f, `kubectl -n pay patch destinationrule ext --type=json -p '[{"op":"add","path":"/spec/trafficPolicy/portLevelSettings","value":[{"port":{"number":443},"tls":{"mode":"SIMPLE"}}]}]'`)
	complete(t, f)

	r.proxy("shop/server").Routes = nil // it passes connections on as they are
	r.silent(mtd333)
}

func TestHTTPOnTLSPortQuietAndBlind(t *testing.T) {
	truth(t, "se-external-originate").silent(mtd333)
	shared(t, "14-serviceentry-double-tls").silent(mtd333)
	blinded(t, "14-serviceentry-double-tls", mtd333)
	unseenProxy(t, "14-serviceentry-double-tls", "pay/client", mtd333)
}
