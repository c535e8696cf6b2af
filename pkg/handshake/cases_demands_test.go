package handshake

import (
	"bytes"

	"github.com/mtls-doctor/kubectl-mtls-doctor/internal/testca"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/certs"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
)

// demanded is a call of shop/server, which is STRICT, with what the client demands of its certificate
// and it of the client's.
func demanded(name, want string, f func(w *world, client, server *envoy.Validation)) edgeCase {
	return edgeCase{name: name, from: "shop/client", to: "server.shop:80", want: want, given: func(w *world) {
		w.accept("shop/server", strict)
		f(w, &outboundContext(w.proxy("shop/client")).Validation, &ownInbound(w.proxy("shop/server")).Validation)
	}}
}

// pinCases: certificates and keys that a side lists.
func pinCases() []edgeCase {
	hash := func(w *world, pod string) certs.Pins {
		hash, _ := certs.PinsOf(w.find(pod).leaf.Certificate())
		return certs.Pins{Hashes: []string{hash}}
	}
	key := func(w *world, pod string) certs.Pins {
		_, key := certs.PinsOf(w.find(pod).leaf.Certificate())
		return certs.Pins{Keys: []string{key}}
	}
	return []edgeCase{
		demanded("the client lists the server's certificate", "mTLS", func(w *world, c, _ *envoy.Validation) { c.Pins = hash(w, "shop/server") }),
		demanded("the client lists another certificate", "fails: server-certificate-not-pinned", func(w *world, c, _ *envoy.Validation) { c.Pins = hash(w, "shop/db-0") }),
		demanded("the server lists the client's key", "mTLS", func(w *world, _, s *envoy.Validation) { s.Pins = key(w, "shop/client") }),
		demanded("the server lists another key", "fails: client-certificate-not-pinned", func(w *world, _, s *envoy.Validation) { s.Pins = key(w, "shop/db-0") }),
		demanded("the server's list verifies the client without a CA", "mTLS", func(w *world, _, s *envoy.Validation) { s.CA, s.Pins = nil, hash(w, "shop/client") }),
		demanded("the trust bundle's secret lists another certificate", "fails: server-certificate-not-pinned", func(w *world, _, _ *envoy.Validation) {
			secretNamed(w.proxy("shop/client"), "ROOTCA").Pins = hash(w, "shop/db-0")
		}),
		demanded("a certificate of the context's list or of the secret's", "mTLS", func(w *world, c, _ *envoy.Validation) {
			c.Pins = hash(w, "shop/server")
			secretNamed(w.proxy("shop/client"), "ROOTCA").Pins = key(w, "shop/db-0")
		}),
		demanded("a secret that holds a list and no CA", "mTLS", func(w *world, _, _ *envoy.Validation) {
			secret := secretNamed(w.proxy("shop/client"), "ROOTCA")
			secret.Bundle, secret.Pins = nil, hash(w, "shop/server")
		}),
		demanded("ACCEPT_UNTRUSTED forgives the list", "mTLS", func(w *world, c, _ *envoy.Validation) { c.Pins, c.AcceptUntrusted = hash(w, "shop/db-0"), true }),
		demanded("another name and another certificate", "fails: server-san-mismatch, server-certificate-not-pinned", func(w *world, c, _ *envoy.Validation) {
			c.Pins, c.SANs[0].Value = hash(w, "shop/db-0"), "x"
		}),
		{name: "SPIFFE: nobody looks at the list", from: "shop/client", to: "server.shop:80", want: "mTLS", given: func(w *world) {
			spiffe(w, "cluster.local", nil)
			outboundContext(w.proxy("shop/client")).Validation.Pins = hash(w, "shop/db-0")
		}},
		demanded("the trust bundle's secret trusts the system's roots", "unknown: foreign-certificate", func(w *world, _, _ *envoy.Validation) {
			secret := secretNamed(w.proxy("shop/client"), "ROOTCA")
			secret.Bundle, secret.SystemRoots = nil, true
		}),
	}
}

// revocationCases: lists of what is revoked.
func revocationCases() []edgeCase {
	list := func(w *world, pods ...string) []byte {
		var opts []testca.CRLOption
		for _, p := range pods {
			opts = append(opts, testca.Revoke(w.find(p).leaf.Certificate()))
		}
		return w.ca.CRL(opts...)
	}
	return []edgeCase{
		demanded("nothing is revoked", "mTLS", func(w *world, c, _ *envoy.Validation) { c.CRL = certs.ParseCRL(list(w)) }),
		demanded("the server's certificate is revoked", "fails: server-certificate-revoked", func(w *world, c, _ *envoy.Validation) { c.CRL = certs.ParseCRL(list(w, "shop/server")) }),
		demanded("the client's certificate is revoked", "fails: client-certificate-revoked", func(w *world, _, s *envoy.Validation) { s.CRL = certs.ParseCRL(list(w, "shop/client")) }),
		demanded("no list of the issuer", "fails: server-certificate-no-crl", func(w *world, c, _ *envoy.Validation) { c.CRL = certs.ParseCRL(w.public.CRL()) }),
		demanded("a list that is too old", "fails: server-certificate-bad-crl", func(w *world, c, _ *envoy.Validation) {
			c.CRL = certs.ParseCRL(w.ca.CRL(testca.InForce(worldTime.AddDate(0, 0, -2), worldTime.AddDate(0, 0, -1))))
		}),
		demanded("no list of an intermediate", "fails: server-certificate-no-crl", func(w *world, c, _ *envoy.Validation) { c.CRL = certs.ParseCRL(underIntermediate(w).CRL()) }),
		demanded("no list of an intermediate, and only the leaf needs one", "mTLS", func(w *world, c, _ *envoy.Validation) {
			c.CRL, c.LeafCRLOnly = certs.ParseCRL(underIntermediate(w).CRL()), true
		}),
		demanded("a list among the trust anchors", "fails: server-certificate-revoked", func(w *world, _, _ *envoy.Validation) {
			bundle, err := certs.ParseBundle(bytes.Join([][]byte{w.ca.PEM(), list(w, "shop/server")}, nil))
			if err != nil {
				w.t.Fatal(err)
			}
			secretNamed(w.proxy("shop/client"), "ROOTCA").Bundle = bundle
		}),
		demanded("a list in the trust bundle's secret", "fails: server-certificate-revoked", func(w *world, _, _ *envoy.Validation) {
			secretNamed(w.proxy("shop/client"), "ROOTCA").CRL = certs.ParseCRL(list(w, "shop/server"))
		}),
		demanded("a list in a file", "unknown: evidence-missing", func(_ *world, c, _ *envoy.Validation) { c.CRLFile = "/etc/crl.pem" }),
		demanded("a list that cannot be read", "unknown: evidence-missing", func(w *world, c, _ *envoy.Validation) { c.CRL = certs.ParseCRL(list(w)[:60]) }),
		demanded("ACCEPT_UNTRUSTED forgives revocation", "mTLS", func(w *world, c, _ *envoy.Validation) {
			c.CRL, c.AcceptUntrusted = certs.ParseCRL(list(w, "shop/server")), true
		}),
	}
}

// underIntermediate gives shop/server a certificate of an intermediate CA, which it returns.
func underIntermediate(w *world) *testca.CA {
	sub := w.ca.Intermediate()
	secretNamed(w.proxy("shop/server"), "default").Chain = chainOf(sub.Leaf("shop/server"))
	return sub
}
