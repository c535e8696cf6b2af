package checks

import (
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/internal/testca"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/certs"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
)

func TestRootMismatch(t *testing.T) {
	const want = "error Deployment shop/server [secret ROOTCA] 31: Deployment shop/server has another root than its peers: they do not accept each other's certificates"
	if got := record(t, "11-root-mismatch").says(mtd201); got != want {
		t.Error(got)
	}
}

// Whichever half of it differs, the odd one out is to blame.
func TestRootMismatchBlamesTheOddOne(t *testing.T) {
	for name, spoil := range map[string]func(*recording, *testca.CA){
		"a foreign certificate": func(r *recording, other *testca.CA) {
			r.secret("pay/client", "default").Chain = other.Leaf("pay/client").Chain
		},
		"a foreign trust bundle": func(r *recording, other *testca.CA) {
			r.secret("pay/client", "ROOTCA").Bundle = certs.NewBundle(other.Certificate)
		},
		"the old CA's key under its old name": func(r *recording, _ *testca.CA) {
			old := testca.New(r.CapturedAt, testca.Seed("replaced"), testca.NoAuthorityKeyID())
			r.secret("pay/client", "default").Chain = old.Leaf("pay/client", testca.NoAuthorityKeyID()).Chain
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := record(t, healthy)
			r.reissue()
			spoil(r, testca.New(r.CapturedAt, testca.Seed("other"), testca.TrustDomain("other.example")))
			f := r.one(mtd201)
			if f.Subject.String() != "Deployment pay/client" || len(f.Edges) == 0 {
				t.Errorf("%s, %d edges", f.Subject, len(f.Edges))
			}
		})
	}
}

func TestRootMismatchQuietAndBlind(t *testing.T) {
	for _, name := range []string{healthy, "04-dr-simple-in-mesh", "12-cert-expired", "23-dr-wrong-san"} {
		record(t, name).quiet(mtd201)
	}
	r := record(t, "11-root-mismatch")
	for _, p := range r.Proxies {
		p.Read &^= envoy.SectionSecrets
	}
	r.blind(mtd201, diagnose.Secrets)
	r.Proxies = nil
	r.blind(mtd201, diagnose.Proxies)
}
