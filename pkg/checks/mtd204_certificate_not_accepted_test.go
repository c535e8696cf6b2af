package checks

import (
	"testing"
	"time"

	"github.com/mtls-doctor/kubectl-mtls-doctor/internal/testca"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/certs"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
)

func TestCertificateNotAccepted(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*recording, *testca.CA)
		want  string
	}{
		"made for signing code": {
			func(r *recording, ca *testca.CA) {
				r.secret("shop/server", "default").Chain = ca.Leaf("shop/server", testca.WrongEKU()).Chain
			},
			"is not accepted by its peers: key usage",
		},
		"below a CA that may not name it": {
			func(r *recording, ca *testca.CA) {
				sub := ca.Intermediate(testca.ExcludeURIs("cluster.local"))
				r.secret("shop/server", "default").Chain = sub.Leaf("shop/server").Chain
			},
			"is not accepted by its peers: name constraints",
		},
		"revoked": {
			func(r *recording, ca *testca.CA) {
				leaf := ca.Leaf("shop/server", testca.Seed("revoked"))
				r.secret("shop/server", "default").Chain = leaf.Chain
				demand(r, func(d *envoy.Demands) { d.CRL = certs.ParseCRL(ca.CRL(testca.Revoke(leaf.Certificate()))) })
			},
			"is not accepted by its peers: revoked",
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := record(t, healthy)
			c.spoil(r, r.reissue())
			f := r.one(mtd204)
			has(t, lines([]*diagnose.Finding{f}), "error Deployment shop/server [secret default] 31: ")
			has(t, f.Title, c.want)
			r.quiet(mtd201)
		})
	}
}

func TestCertificateNotAcceptedQuietAndBlind(t *testing.T) {
	for _, name := range []string{healthy, "04-dr-simple-in-mesh", "11-root-mismatch", "12-cert-expired", "23-dr-wrong-san"} {
		record(t, name).quiet(mtd204)
	}
	r := record(t, healthy)
	for _, p := range r.Proxies {
		p.Read &^= envoy.SectionSecrets
	}
	r.blind(mtd204, diagnose.Secrets)
}

// A chain that lacks the intermediate which the others send is not of a foreign root.
func TestMissingIntermediate(t *testing.T) {
	r := record(t, healthy)
	root := testca.New(r.CapturedAt)
	sub := root.Intermediate()
	for _, p := range r.Proxies {
		for _, s := range p.Secrets {
			switch s.Name {
			case "default":
				s.Chain = sub.Leaf(p.Node.Namespace + "/" + p.Node.ServiceAccount).Chain
			case "ROOTCA":
				s.Bundle = certs.NewBundle(root.Certificate)
			}
		}
	}
	r.silent(mtd204)
	server := r.secret("shop/server", "default")
	server.Chain = server.Chain[:1]
	has(t, r.says(mtd204), "error Deployment shop/server [secret default] 31: Deployment shop/server sends its certificate without the intermediate that issued it")
	has(t, r.one(mtd204).Fixes[0].Title, "cert-chain.pem")
	r.silent(mtd201)
}

// demand changes what the trust bundles of all proxies ask of certificates.
func demand(r *recording, f func(*envoy.Demands)) {
	for _, p := range r.Proxies {
		for _, s := range p.Secrets {
			if s.Name == "ROOTCA" {
				f(&s.Demands)
			}
		}
	}
}

// Where the peers ask for what no certificate can meet, they are to be mended.
func TestDemandsOnCertificates(t *testing.T) {
	for name, c := range map[string]struct {
		demand    func(*envoy.Demands, *testca.CA)
		what, fix string
	}{
		"no revocation list of the CA": {func(d *envoy.Demands, _ *testca.CA) { d.CRL = certs.ParseCRL(nil) }, "no crl", "renew the revocation list"},
		"an old revocation list": {func(d *envoy.Demands, ca *testca.CA) {
			d.CRL = certs.ParseCRL(ca.CRL(testca.InForce(time.Unix(1, 0), time.Unix(2, 0))))
		}, "bad crl", "renew the revocation list"},
		"certificates that nobody has": {func(d *envoy.Demands, _ *testca.CA) { d.Pins.Keys = []string{"x"} }, "not pinned", "add the certificate or its key"},
	} {
		t.Run(name, func(t *testing.T) {
			r := record(t, healthy)
			ca := r.reissue()
			demand(r, func(d *envoy.Demands) { c.demand(d, ca) })
			for _, f := range r.judge(mtd204).Findings {
				has(t, f.Title, "is not accepted by its peers: "+c.what)
				has(t, f.Fixes[0].Title, c.fix)
				return
			}
			t.Error("nothing found")
		})
	}
}
