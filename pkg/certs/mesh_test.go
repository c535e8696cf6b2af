package certs_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/certs"
)

// Moments at which the certificates of testdata were recorded, each beside
// what Envoy wrote to its access log.
var (
	healthyAt  = time.Date(2026, 11, 23, 21, 29, 1, 0, time.UTC)
	mismatchAt = time.Date(2026, 11, 23, 21, 30, 19, 0, time.UTC)
	expiredAt  = time.Date(2026, 11, 23, 21, 31, 14, 0, time.UTC)
)

func TestVerifyRealMesh(t *testing.T) {
	selfSigned := bad(certs.SelfSignedInChain, "1", "self signed certificate in certificate chain")
	noIssuer := bad(certs.UnknownRoot, "0", "unable to get local issuer certificate")
	expired := bad(certs.Expired, "0", "certificate has expired")
	tests := []struct {
		name, chain, bundle string
		role                certs.Role
		at                  time.Time
		want                verdict
	}{
		{"client accepts server", "mesh-server.pem", "mesh-root.pem", certs.ServerCertificate, healthyAt, verdict{}},
		{"server accepts client", "mesh-client.pem", "mesh-root.pem", certs.ClientCertificate, healthyAt, verdict{}},
		{"client refuses foreign server", "foreign-server.pem", "mesh-root.pem", certs.ServerCertificate, mismatchAt, noIssuer},
		{"server refuses foreign client", "foreign-server.pem", "mesh-root.pem", certs.ClientCertificate, mismatchAt, noIssuer},
		{"foreign proxy refuses server", "mesh-server.pem", "foreign-root.pem", certs.ServerCertificate, mismatchAt, selfSigned},
		{"foreign proxy refuses client", "mesh-client.pem", "foreign-root.pem", certs.ClientCertificate, mismatchAt, selfSigned},
		{"foreign proxy accepts its own", "foreign-server.pem", "foreign-root.pem", certs.ServerCertificate, mismatchAt, verdict{}},
		{"client refuses expired server", "expired-server.pem", "mesh-root.pem", certs.ServerCertificate, expiredAt, expired},
		{"server refuses expired client", "expired-server.pem", "mesh-root.pem", certs.ClientCertificate, expiredAt, expired},
		{"it was good before", "expired-server.pem", "mesh-root.pem", certs.ServerCertificate, healthyAt, verdict{}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			chain, bundle := chainOf(t, testdata(t, test.chain)), bundleOf(t, testdata(t, test.bundle))
			err := certs.Verify(chain, bundle, certs.VerifyOptions{At: test.at, Role: test.role})
			if diff := cmp.Diff(test.want, verdictOf(t, err)); diff != "" {
				t.Errorf("%v\n%s", err, diff)
			}
		})
	}
}

func TestRealChains(t *testing.T) {
	for file, want := range map[string]struct {
		id     string
		length int
	}{
		"mesh-server.pem":    {"spiffe://cluster.local/ns/shop/sa/server", 2},
		"mesh-client.pem":    {"spiffe://cluster.local/ns/shop/sa/client", 2},
		"expired-server.pem": {"spiffe://cluster.local/ns/shop/sa/server", 2},
		"foreign-server.pem": {"spiffe://cluster.local/ns/shop/sa/server", 1},
	} {
		chain := chainOf(t, testdata(t, file))
		id, err := chain.Identity()
		if err != nil || id.String() != want.id || len(chain) != want.length {
			t.Errorf("%s: %v of %d certificates, %v", file, id, len(chain), err)
		}
		if err := certs.CheckOwn(chain); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}

func TestExpiredOneSaysWhen(t *testing.T) {
	chain, bundle := chainOf(t, testdata(t, "expired-server.pem")), bundleOf(t, testdata(t, "mesh-root.pem"))
	err := certs.Verify(chain, bundle, certs.VerifyOptions{At: expiredAt, Role: certs.ServerCertificate})
	want := "expired at depth 0 (spiffe://cluster.local/ns/shop/sa/server): expired at 2026-11-23T21:31:07Z, 7s ago"
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Error(diff)
	}
}
