package handshake

import (
	"slices"

	"github.com/mtls-doctor/kubectl-mtls-doctor/internal/testca"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/certs"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
)

const server80 = "outbound|80||server.shop.svc.cluster.local"

// contexts lets a case spoil the TLS contexts of both sides; server.shop is STRICT.
func contexts(f func(client, server *envoy.TLSContext)) func(*world) {
	return func(w *world) {
		w.accept("shop/server", strict)
		f(outboundContext(w.proxy("shop/client")), ownInbound(w.proxy("shop/server")))
	}
}

// tlsCases: what two TLS contexts agree on.
func tlsCases() []edgeCase {
	of := func(name, want string, f func(client, server *envoy.TLSContext)) edgeCase {
		return edgeCase{name: name, from: "shop/client", to: "server.shop:80", want: want, given: contexts(f)}
	}
	uri := func(kind, value string) certs.Matcher { return certs.Matcher{SANType: "URI", Kind: kind, Value: value} }
	type ctx = *envoy.TLSContext
	const id = "spiffe://cluster.local/ns/shop/sa/server"
	unverified := func(c edgeCase) edgeCase { c.takes = []Assumption{ServerNotVerified}; return c }
	return []edgeCase{
		of("no common version", "fails: tls-version", func(c, s ctx) { c.MaxVersion, s.MinVersion = "TLSv1_2", "TLSv1_3" }),
		of("a client without a maximum offers TLS 1.2 at most (TlsParameters)", "fails: tls-version", func(c, s ctx) { c.MaxVersion, s.MinVersion = "", "TLSv1_3" }),
		of("a server without a maximum takes TLS 1.3", "mTLS", func(c, s ctx) { c.MinVersion, s.MaxVersion = "TLSv1_3", "" }),
		of("no common cipher below TLS 1.3", "fails: tls-cipher", func(c, s ctx) {
			c.MaxVersion, c.Ciphers, s.Ciphers = "TLSv1_2", []string{"ECDHE-RSA-AES128-GCM-SHA256"}, []string{"ECDHE-ECDSA-AES256-GCM-SHA384"}
		}),
		of("equal preference groups share a cipher", "mTLS", func(c, s ctx) {
			c.MaxVersion, c.Ciphers, s.Ciphers = "TLSv1_2", []string{"[ECDHE-ECDSA-A|ECDHE-ECDSA-B]"}, []string{"ECDHE-ECDSA-B"}
		}),
		of("ciphers do not matter to TLS 1.3", "mTLS", func(c, s ctx) { c.Ciphers, s.Ciphers = []string{"A"}, []string{"B"} }),
		of("one side's ciphers are among every build's defaults", "mTLS", func(c, s ctx) {
			c.MaxVersion, s.Ciphers = "TLSv1_2", []string{"ECDHE-ECDSA-AES256-GCM-SHA384"}
		}),
		of("one side's ciphers may be in the other's defaults or not", "unknown: not-modelled", func(c, s ctx) {
			c.MaxVersion, s.Ciphers = "TLSv1_2", []string{"ECDHE-ECDSA-AES128-SHA"}
		}),
		of("one side's ciphers are in no build's defaults", "fails: tls-cipher", func(c, s ctx) { c.MaxVersion, s.Ciphers = "TLSv1_2", []string{"ECDHE-ECDSA-X"} }),
		of("no cipher for the server's key, of ECDSA", "fails: tls-cipher", func(c, _ ctx) {
			c.MaxVersion, c.Ciphers = "TLSv1_2", []string{"ECDHE-RSA-AES128-GCM-SHA256"}
		}),
		of("one side's curves are in no build's defaults", "fails: tls-cipher", func(c, _ ctx) { c.Curves = []string{"P-384"} }),
		of("one side's curves are in the defaults of some builds", "unknown: not-modelled", func(c, _ ctx) { c.Curves = []string{"X25519"} }),
		of("no common curve, in TLS 1.3 too", "fails: tls-cipher", func(c, s ctx) { c.Curves, s.Curves = []string{"X25519"}, []string{"P-256"} }),

		of("SAN list without the server's identity", "fails: server-san-mismatch", func(c, _ ctx) { c.Validation.SANs[0].Value = id + "-2" }),
		of("no SAN list, no SAN check", "mTLS", func(c, _ ctx) { c.Validation.SANs = nil }),
		of("a SAN matcher for the exact URI", "mTLS", func(c, _ ctx) { c.Validation.SANs = []certs.Matcher{uri("exact", id)} }),
		of("a SAN matcher for a prefix", "mTLS", func(c, _ ctx) { c.Validation.SANs = []certs.Matcher{uri("prefix", "spiffe://cluster.local/ns/shop/")} }),
		of("a SAN matcher for a suffix", "mTLS", func(c, _ ctx) { c.Validation.SANs = []certs.Matcher{uri("suffix", "/sa/server")} }),
		of("a SAN matcher that contains", "mTLS", func(c, _ ctx) { c.Validation.SANs = []certs.Matcher{uri("contains", "/ns/shop/")} }),
		of("a SAN matcher by regular expression, of the whole name", "fails: server-san-mismatch", func(c, _ ctx) { c.Validation.SANs = []certs.Matcher{uri("regex", "spiffe://.*/shop")} }),
		of("one of several SAN matchers is enough", "mTLS", func(c, _ ctx) { c.Validation.SANs = []certs.Matcher{uri("exact", "x"), uri("regex", ".*/server")} }),
		of("a SAN matcher of another type", "fails: server-san-mismatch", func(c, _ ctx) { c.Validation.SANs = []certs.Matcher{{SANType: "DNS", Kind: "suffix", Value: "server"}} }),
		of("the server accepts another trust domain only", "fails: client-san-mismatch", func(_, s ctx) { s.Validation.SANs[0] = certs.Matcher{Kind: "prefix", Value: "spiffe://other/"} }),
		of("auto_san_validation wants the host's name in the certificate", "fails: server-san-mismatch", func(c, _ ctx) { c.AutoSANValidation = true }),
		unverified(of("ACCEPT_UNTRUSTED forgives chain and SANs", "mTLS", func(c, _ ctx) { c.Validation.AcceptUntrusted, c.Validation.SANs[0].Value = true, "x" })),
		unverified(of("a client that verifies nothing", "mTLS", func(c, _ ctx) { c.Validation = envoy.Validation{} })),
		of("a server that accepts any client certificate is not mutual", "tls", func(_, s ctx) { s.Validation.AcceptUntrusted = true }),
		of("a server that only matches SANs is not either", "tls", func(_, s ctx) { s.Validation.CA = nil }),

		of("an optional client certificate that is shown is mutual TLS", "mTLS", func(_, s ctx) { s.RequireClientCertificate = false }),
		of("no client certificate is asked for", "tls", func(_, s ctx) { s.RequireClientCertificate, s.Validation = false, envoy.Validation{} }),
		of("a client certificate is asked for and not verified: no mutual TLS", "tls", func(_, s ctx) { s.Validation = envoy.Validation{} }),
		of("an optional client certificate that is not there", "tls", func(c, s ctx) { c.Certificates, s.RequireClientCertificate = nil, false }),
		of("a client certificate is demanded and none is configured", "fails: client-certificate-required", func(c, _ ctx) { c.Certificates = nil }),
		of("a server without a certificate", "fails: server-secret-missing", func(_, s ctx) { s.Certificates = nil }),

		of("unmodelled field at the client", "unknown: not-modelled", func(c, _ ctx) { c.Unmodelled = []string{"CommonTlsContext.custom_handshaker"} }),
		of("unmodelled field at the server", "unknown: not-modelled", func(_, s ctx) { s.Unmodelled = []string{"CommonTlsContext.custom_handshaker"} }),
		of("several certificates: which one is shown depends on the client hello", "unknown: not-modelled", func(_, s ctx) { s.Certificates = append(slices.Clone(s.Certificates), s.Certificates[0]) }),
	}
}

// certificateCases: what the certificates are worth to the other side.
func certificateCases() []edgeCase {
	of := func(name, want string, f func(*world)) edgeCase {
		return edgeCase{name: name, from: "shop/client", to: "server.shop:80", want: want, given: func(w *world) { w.accept("shop/server", strict); f(w) }}
	}
	foreign := testca.New(worldTime, testca.Seed("foreign"))
	leaf := func(pod string, f func(*testca.CA) *testca.Leaf) func(*world) {
		return func(w *world) { w.find(pod).leaf = f(w.ca) }
	}
	out := []edgeCase{
		of("the server's certificate is of a foreign CA", "fails: server-certificate-unknown-root", func(w *world) { w.find("shop/server").leaf = foreign.Leaf("shop/server") }),
		of("the client's certificate is of a foreign CA", "fails: client-certificate-unknown-root", func(w *world) { w.find("shop/client").leaf = foreign.Leaf("shop/client") }),
		of("both live under different roots", "fails: server-certificate-unknown-root, client-certificate-unknown-root", func(w *world) {
			w.find("shop/client").leaf, w.find("shop/client").trust = foreign.Leaf("shop/client"), []*testca.CA{foreign}
		}),
		of("a rotation: the client trusts both roots, the server the old one", "fails: client-certificate-unknown-root", func(w *world) {
			w.find("shop/client").leaf, w.find("shop/client").trust = foreign.Leaf("shop/client"), []*testca.CA{w.ca, foreign}
		}),
		of("expired on both sides", "fails: server-certificate-expired, client-certificate-expired", func(w *world) {
			for _, p := range []string{"shop/client", "shop/server"} {
				w.find(p).leaf = w.ca.Leaf(p, testca.Expired(worldTime))
			}
		}),
		of("expired and allowed to be", "mTLS", func(w *world) {
			w.find("shop/server").leaf = w.ca.Leaf("shop/server", testca.Expired(worldTime))
			outboundContext(w.proxy("shop/client")).Validation.AllowExpired = true
		}),
		of("a chain deeper than max_verify_depth", "fails: server-certificate-path-length", func(w *world) {
			w.find("shop/server").leaf = w.ca.Intermediate().Intermediate().Leaf("shop/server")
			outboundContext(w.proxy("shop/client")).Validation.MaxVerifyDepth = 1
		}),
		of("no SPIFFE ID where SANs are matched", "fails: server-san-mismatch", leaf("shop/server", func(ca *testca.CA) *testca.Leaf { return ca.Leaf("shop/server", testca.NoSPIFFE()) })),

		of("inline certificates on both sides", "mTLS", func(w *world) {
			client, server := outboundContext(w.proxy("shop/client")), ownInbound(w.proxy("shop/server"))
			client.Certificates = []envoy.CertificateRef{{Chain: chainOf(w.find("shop/client").leaf)}}
			server.Certificates = []envoy.CertificateRef{{Chain: chainOf(w.find("shop/server").leaf)}}
			client.Validation.CA, server.Validation.CA = &envoy.TrustRef{Bundle: bundleOf(w.ca)}, &envoy.TrustRef{Bundle: bundleOf(w.ca)}
		}),
		of("the server's certificate is in a file", "unknown: evidence-missing", func(w *world) {
			ownInbound(w.proxy("shop/server")).Certificates = []envoy.CertificateRef{{File: "/etc/certs/cert.pem"}}
		}),
		of("the client's roots are in a file", "unknown: foreign-certificate", func(w *world) {
			outboundContext(w.proxy("shop/client")).Validation.CA = &envoy.TrustRef{File: "/etc/ssl/certs/ca-certificates.crt"}
		}),
		of("the system's roots", "unknown: foreign-certificate", func(w *world) {
			outboundContext(w.proxy("shop/client")).Validation = envoy.Validation{Present: true, Demands: envoy.Demands{SystemRoots: true}}
		}),
		of("validation without a CA checks SANs only", "mTLS", func(w *world) {
			w.find("shop/server").leaf = foreign.Leaf("shop/server")
			outboundContext(w.proxy("shop/client")).Validation.CA = nil
		}),
		of("SPIFFE bundles know the trust domain", "mTLS", func(w *world) {
			spiffe(w, "cluster.local", []certs.Matcher{{SANType: "DNS", Kind: "exact", Value: "ignored by the SPIFFE validator"}})
		}),
		of("SPIFFE bundles of other trust domains", "fails: server-certificate-wrong-trust-domain, client-certificate-wrong-trust-domain", func(w *world) { spiffe(w, "other.example", nil) }),
		of("a SPIFFE bundle wants a SPIFFE ID", "fails: server-certificate-not-spiffe, client-certificate-not-spiffe", func(w *world) {
			for _, p := range []string{"shop/client", "shop/server"} {
				w.find(p).leaf = w.ca.Leaf(p, testca.NoSPIFFE())
			}
			spiffe(w, "cluster.local", nil)
		}),
		of("SANs that come with the trust bundle's secret", "fails: server-san-mismatch", func(w *world) {
			secretNamed(w.proxy("shop/client"), "ROOTCA").SANs = []certs.Matcher{{Kind: "exact", Value: "spiffe://cluster.local/ns/shop/sa/other"}}
			outboundContext(w.proxy("shop/client")).Validation.SANs = nil
		}),
		of("what the trust bundle's secret sets and nobody knows here", "unknown: not-modelled", func(w *world) {
			secretNamed(w.proxy("shop/client"), "ROOTCA").Unmodelled = []string{"CertificateValidationContext.custom_validator_config"}
		}),
		of("the server's too", "unknown: not-modelled", func(w *world) {
			secretNamed(w.proxy("shop/server"), "ROOTCA").Unmodelled = []string{"CertificateValidationContext.custom_validator_config"}
		}),
		of("expired, and the trust bundle's secret allows it", "mTLS", func(w *world) {
			w.find("shop/server").leaf = w.ca.Leaf("shop/server", testca.Expired(worldTime))
			secretNamed(w.proxy("shop/client"), "ROOTCA").AllowExpired = true
		}),
		of("the server's secret accepts untrusted clients", "tls", func(w *world) {
			secretNamed(w.proxy("shop/server"), "ROOTCA").AcceptUntrusted = true
		}),
		of("a foreign root, and the trust bundle's secret accepts untrusted ones", "mTLS", func(w *world) {
			w.find("shop/server").leaf = foreign.Leaf("shop/server")
			secretNamed(w.proxy("shop/client"), "ROOTCA").AcceptUntrusted = true
		}),
		of("a chain deeper than the trust bundle's secret allows", "fails: server-certificate-path-length", func(w *world) {
			w.find("shop/server").leaf = w.ca.Intermediate().Intermediate().Leaf("shop/server")
			secretNamed(w.proxy("shop/client"), "ROOTCA").MaxVerifyDepth = 1
		}),

		of("plaintext to STRICT, and a foreign root behind it", "fails: plaintext-refused, client-certificate-unknown-root", func(w *world) {
			w.find("shop/client").leaf = foreign.Leaf("shop/client")
			w.rule("server.shop", tlsDisable)
		}),
		of("plaintext to STRICT, and expired certificates behind it", "fails: plaintext-refused, server-certificate-expired, client-certificate-expired", func(w *world) {
			for _, p := range []string{"shop/client", "shop/server"} {
				w.find(p).leaf = w.ca.Leaf(p, testca.Expired(worldTime))
			}
			w.rule("server.shop", tlsDisable)
		}),
		of("plaintext to STRICT, and a secret missing behind it", "fails: plaintext-refused, client-secret-missing", func(w *world) {
			w.rule("server.shop", tlsDisable)
			x := w.proxy("shop/client")
			x.Secrets = x.Secrets[1:]
		}),
		of("wrong SAN and a foreign root", "fails: server-certificate-unknown-root, server-san-mismatch", func(w *world) {
			w.find("shop/server").leaf = foreign.Leaf("shop/else")
		}),
	}
	return append(out, defects()...)
}

// defects are testca's broken certificates, shown by either side.
func defects() []edgeCase {
	var out []edgeCase
	for _, side := range []Side{ClientSide, ServerSide} {
		for _, name := range []string{"not-yet-valid", "key-usage"} {
			opt := map[string]testca.Option{"not-yet-valid": testca.NotYetValid(worldTime), "key-usage": testca.WrongEKU()}[name]
			out = append(out, edgeCase{
				name: string(side) + " certificate " + name, from: "shop/client", to: "server.shop:80",
				want: "fails: " + string(CertificateReason(side, certs.Reason(name))),
				given: func(w *world) {
					pod := "shop/" + string(side)
					w.find(pod).leaf = w.ca.Leaf(pod, opt)
				},
			})
		}
	}
	return out
}

// spiffe gives both sides SPIRE's kind of trust bundle.
func spiffe(w *world, domain string, sans []certs.Matcher) {
	v := envoy.Validation{Present: true, Demands: envoy.Demands{SPIFFE: map[string]*certs.Bundle{domain: bundleOf(w.ca)}, SANs: sans}}
	outboundContext(w.proxy("shop/client")).Validation = v
	ownInbound(w.proxy("shop/server")).Validation = v
}
