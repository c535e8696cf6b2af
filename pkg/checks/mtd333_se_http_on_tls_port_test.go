package checks

import (
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
)

// httpFor443 is the recording of TLS origination, without the rule that starts TLS.
func httpFor443(t *testing.T) *recording {
	r := truth(t, "se-external-originate")
	r.Resources.DestinationRules = nil
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

func TestHTTPOnTLSPortQuietAndBlind(t *testing.T) {
	truth(t, "se-external-originate").silent(mtd333)
	shared(t, "14-serviceentry-double-tls").silent(mtd333)
	blinded(t, "14-serviceentry-double-tls", mtd333)
	unseenProxy(t, "14-serviceentry-double-tls", "pay/client", mtd333)
}
