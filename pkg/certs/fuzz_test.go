package certs_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/mtls-doctor/kubectl-mtls-doctor/internal/testca"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/certs"
)

// FuzzVerify feeds what ParseChain and ParseBundle accept to Verify: it must
// not panic, must give the same answer twice, and must name a reason.
func FuzzVerify(f *testing.F) {
	for i, fixture := range testca.Fixtures(at) {
		f.Add(fixture.Leaf.PEM(), testca.PEM(fixture.Trust...), int64(0), i%2 == 0, i%3 == 0, uint32(i))
	}
	for _, name := range []string{"mesh-server.pem", "foreign-server.pem", "expired-server.pem"} {
		f.Add(testdata(f, name), testdata(f, "mesh-root.pem"), int64(100), true, false, uint32(0))
	}
	f.Fuzz(func(t *testing.T, chainData, bundleData []byte, seconds int64, server, spiffe bool, depth uint32) {
		chain, err := certs.ParseChain(chainData)
		if err != nil {
			return
		}
		bundle, _ := certs.ParseBundle(bundleData)
		if spiffe {
			bundle = certs.NewSPIFFEBundle(map[string]*certs.Bundle{"cluster.local": bundle})
		}
		opts := certs.VerifyOptions{At: at.Add(time.Duration(seconds%1e9) * time.Second), Role: certs.ClientCertificate, MaxDepth: depth, Known: chain}
		if server {
			opts.Role = certs.ServerCertificate
		}
		checkVerdict(t, chain, bundle, opts)
		_ = certs.CheckOwn(chain)
	})
}

func checkVerdict(t *testing.T, chain certs.Chain, bundle *certs.Bundle, opts certs.VerifyOptions) {
	t.Helper()
	err := certs.Verify(chain, bundle, opts)
	again := certs.Verify(chain, bundle, opts)
	if err == nil {
		if again != nil || len(bundle.Certificates()) == 0 {
			t.Fatalf("accepted, then %v, with %d anchors", again, len(bundle.Certificates()))
		}
		return
	}
	var failure *certs.VerifyError
	if !errors.As(err, &failure) || !slices.Contains(certs.Reasons(), failure.Reason) || failure.Detail == "" {
		t.Fatalf("%T without a known reason: %v", err, err)
	}
	if again == nil || again.Error() != err.Error() {
		t.Fatalf("first %v, then %v", err, again)
	}
}
