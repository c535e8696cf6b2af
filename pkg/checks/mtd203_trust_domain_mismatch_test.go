package checks

import (
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// The same root, another trust domain: refused as a server and as a client.
func TestTrustDomainMismatch(t *testing.T) {
	r := record(t, healthy)
	r.secret("shop/server", "default").Chain = r.reissue().Leaf("spiffe://old.example/ns/shop/sa/server").Chain
	f := r.one(mtd203)
	has(t, lines([]*diagnose.Finding{f}), "error Deployment shop/server [secret default] 31: Deployment shop/server is of another trust domain than its peers")
	has(t, f.Title, "old.example")
	has(t, f.Title, "cluster.local")
	has(t, f.Fixes[0].Title, "trustDomainAliases")
}

// The mesh got another trust domain and did not keep the old one: one cause, however many workloads refuse each other.
func TestTrustDomainMoved(t *testing.T) {
	r := record(t, healthy)
	r.MeshConfigs["default"] = &kube.MeshConfig{TrustDomain: "new.example"}
	for _, p := range r.Proxies {
		for _, l := range p.Listeners {
			for _, c := range l.FilterChains {
				if c.Socket != nil && c.Socket.TLS != nil {
					for i := range c.Socket.TLS.Validation.SANs {
						c.Socket.TLS.Validation.SANs[i].Value = "spiffe://new.example/"
					}
				}
			}
		}
	}
	f := r.one(mtd203)
	has(t, lines([]*diagnose.Finding{f}), "error ConfigMap istio-system/istio [data.mesh.trustDomain] ")
	has(t, f.Title, "ConfigMap istio-system/istio says trust domain new.example and no longer names cluster.local, of which the certificates of pay/api, pay/client and 6 more still are")
	has(t, f.Fixes[0].Title, "add cluster.local to trustDomainAliases")
	complete(t, f)
}

func TestTrustDomainQuietAndBlind(t *testing.T) {
	for _, name := range []string{healthy, "11-root-mismatch", "23-dr-wrong-san"} {
		record(t, name).quiet(mtd203)
	}
	r := record(t, healthy)
	r.secret("shop/server", "default").Chain = r.reissue().Leaf("shop/other").Chain
	r.quiet(mtd203) // that is MTD202

	for _, p := range r.Proxies {
		p.Read &^= envoy.SectionSecrets
	}
	r.blind(mtd203, diagnose.Secrets)
}
