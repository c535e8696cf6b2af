package checks

import (
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
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
