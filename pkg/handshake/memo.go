package handshake

import (
	"net/netip"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/certs"
)

// verifyKey names a certificate judgement: replicas share chains and bundles, so that a mesh
// of thousands of edges needs few of them.
type verifyKey struct {
	chain, bundle string
	role          certs.Role
	allowExpired  bool
}

// verify is certs.Verify, once per distinct chain, bundle and role. The time is the
// snapshot's and the same for all.
func (e *Engine) verify(chain certs.Chain, bundle *certs.Bundle, opts certs.VerifyOptions) error {
	k := verifyKey{chain.Fingerprint(), bundle.Fingerprint(), opts.Role, opts.AllowExpired}
	if err, ok := e.verified[k]; ok {
		return err
	}
	err := certs.Verify(chain, bundle, opts)
	e.verified[k] = err
	return err
}

func isIP(s string) bool {
	_, err := netip.ParseAddr(s)
	return err == nil
}
