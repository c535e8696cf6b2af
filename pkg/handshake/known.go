package handshake

import (
	"crypto/x509"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// knownCAs are the certificates above the leaf that any proxy of a snapshot sends or trusts, each
// once. They tell a chain that lacks its intermediate from one of a CA that nobody knows.
func knownCAs(s *mesh.Snapshot) []*x509.Certificate {
	var out []*x509.Certificate
	seen := map[string]bool{}
	add := func(list []*x509.Certificate) {
		for _, c := range list {
			if !seen[string(c.Raw)] {
				seen[string(c.Raw)] = true
				out = append(out, c)
			}
		}
	}
	for _, pod := range s.Pods {
		if pod.Proxy == nil {
			continue
		}
		for _, secret := range pod.Proxy.Secrets {
			if len(secret.Chain) > 1 {
				add(secret.Chain[1:])
			}
			if secret.Bundle != nil {
				add(secret.Bundle.Certificates())
			}
		}
	}
	return out
}
