// Package certs reads the certificates that proxies hold and judges them as
// Envoy does: PEM or DER to a chain, the SPIFFE identity in a leaf, a trust
// bundle, and whether a chain verifies against a bundle at a given moment,
// with the reason when it does not.
//
// The package is pure: it imports only the standard library, never asks for
// the time and keeps no private key. Other block types of a PEM file are
// skipped while reading.
//
// # The reference is BoringSSL, not crypto/x509
//
// Envoy verifies a peer with BoringSSL's X509_verify_cert, called from
// source/common/tls/cert_validator/default_validator.cc (or, for SPIFFE
// bundles, source/extensions/transport_sockets/tls/cert_validator/spiffe/
// spiffe_validator.cc). [Verify] walks the same steps in the same order
// (crypto/x509/x509_vfy.cc and v3_purp.cc of BoringSSL), so that the first
// failure it names is the one that Envoy writes to its log. crypto/x509 is
// used for parsing and for the signatures. Where the two libraries disagree,
// Envoy's answer is given:
//
//   - Every certificate in trusted_ca is an anchor, self-signed or not
//     (X509_V_FLAG_PARTIAL_CHAIN, envoyproxy/envoy#19326); a leaf that is
//     itself in trusted_ca is trusted. In a SPIFFE bundle that flag is not
//     set: the path must end in a self-signed certificate of the bundle.
//   - BoringSSL builds one path, greedily, and does not try another when it
//     fails; crypto/x509 searches all of them. An issuer is chosen by name,
//     key identifier and key usage, the first in the file if several fit; the
//     signature is checked afterwards. Two CAs of one name, in a bundle during
//     a rotation, work only if key identifiers tell them apart.
//   - A certificate is expired at notAfter itself; crypto/x509 still accepts
//     that second. Both compare whole seconds here, as time(2) counts.
//   - Extended key usage is demanded of the leaf and of every intermediate
//     that has the extension, but not of the anchor; "any" does not satisfy it.
//     crypto/x509 accepts "any" and includes the anchor. SPIFFE validation
//     sets no purpose at all.
//   - Key usage, if present, must allow signing in the leaf (libssl checks
//     digitalSignature before it verifies). crypto/x509 ignores the leaf's. An
//     issuer whose key usage does not allow signing is not even considered.
//   - Path length and basicConstraints are checked on what the peer sent, not
//     on anchors. crypto/x509 checks them on anchors too.
//   - Names are compared without regard to case, surrounding or repeated
//     white space and string type; crypto/x509 compares bytes. Accents fold
//     nowhere.
//   - An authority key identifier that names issuer and serial must match
//     those; crypto/x509 looks at the key identifier only, and as a hint.
//   - SHA-1 signatures are accepted (BoringSSL refuses MD5 only); crypto/x509
//     refuses both.
//   - Name constraints: a URI constraint is compared with the whole host, an
//     IP constraint is an error once a certificate has an IP SAN, and a
//     directory name constraint is understood.
//
// What Verify cannot see or does not model, and therefore never counts as a
// failure: certificate policies, and files that Go's parser refuses although
// BoringSSL reads them (negative serial numbers, malformed SANs, revocation
// lists of version 1): [ParseChain] then fails with the block's number, and
// Verify with [ErrCRL].
//
// Once there is a revocation list, each certificate of the path needs one, the
// anchor included, and the one that fits best is used although it is no good:
// too old, or wrongly signed.
//
// The claims are tested twice: against crypto/tls, with the differences above
// listed and each seen to occur (judge_test.go), and, on request, against a
// real Envoy with its own words (envoy_judge_test.go: Envoy 1.40.0 gave the
// same verdict, depth and text for every case).
//
// # Own certificates
//
// Envoy is stricter with the certificate that it presents than with the one
// that it is shown: [CheckOwn] tells whether a proxy can load its chain.
package certs
