package checks

import (
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// endTLS adds a Sidecar that wants TLS ended on port 8080 of shop/server.
func endTLS(t *testing.T) *recording {
	r := record(t, healthy)
	s := &kube.Sidecar{Meta: kube.Meta{Namespace: "shop", Name: "server"}}
	s.Spec.WorkloadSelector = &kube.EntrySelector{Labels: map[string]string{"app": "server"}}
	s.Spec.Ingress = []kube.SidecarIngress{{Port: kube.EntryPort{Number: 8443}}, {Port: kube.EntryPort{Number: 8080}, TLS: &kube.ServerTLS{Mode: "SIMPLE"}}}
	r.Resources.Sidecars = append(r.Resources.Sidecars, s)
	return r
}

func TestSidecarIngressTLS(t *testing.T) {
	r := endTLS(t)
	f := r.one(mtd335)
	has(t, r.says(mtd335), "warning Sidecar shop/server [spec.ingress[1].tls] 0: Sidecar shop/server wants TLS ended on port 8080 of shop/server, where no proxy does: the port is STRICT, and it counts only where that is DISABLE")
	hasFix(t, f, `kubectl -n shop patch sidecar server --type=json -p '[{"op":"remove","path":"/spec/ingress/1/tls"}]'`)
	complete(t, f)

	off := endTLS(t)
	off.addPolicy("shop", "mine", "server", "DISABLE")
	has(t, off.says(mtd335), "istiod takes it only with ENABLE_TLS_ON_SIDECAR_INGRESS")
}

// All workloads to which one Sidecar applies are named.
func TestSidecarIngressTLSOfSeveral(t *testing.T) {
	r := endTLS(t)
	r.Resources.Sidecars[0].Spec.WorkloadSelector = nil
	has(t, r.says(mtd335), "wants TLS ended on port 8080 of shop/client, shop/hl and 4 more, where no proxy does: ")
}

func TestSidecarIngressTLSQuietAndBlind(t *testing.T) {
	shared(t, healthy).silent(mtd335)
	r := endTLS(t)
	for _, l := range r.proxy("shop/server").Listeners {
		for _, c := range l.FilterChains { // of the port, as istiod makes them when it takes the block
			if c.Socket != nil && c.Socket.TLS != nil && c.Match.DestinationPort == 8080 {
				c.Socket = &envoy.TransportSocket{Kind: c.Socket.Kind, TLS: &envoy.TLSContext{}}
			}
		}
	}
	r.quiet(mtd335)
	gateway := endTLS(t) // takes no Sidecar
	gateway.gateway("shop.example", nil)
	gateway.silent(mtd335)
	blinded(t, healthy, mtd335)
	unseenProxy(t, healthy, "shop/server", mtd335)
}
