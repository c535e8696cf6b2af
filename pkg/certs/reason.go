package certs

// Reason says in one stable word why a certificate, chain or identity is not
// accepted. The words are part of the product's interface (reports, checks,
// scripts): they are never renamed or reused.
type Reason string

// The reasons, each with what it means, what Envoy 1.40 writes when it meets
// it (after "verify cert failed: X509_verify_cert: certificate verification
// error at depth N: ", unless said otherwise), and what to do. The depth is
// the certificate's place in the path, 0 = leaf.
const (
	// Expired: the moment of judgement is at or after notAfter. Envoy checks
	// every certificate of the path, the anchor included, from the anchor down.
	// "certificate has expired". Leaf: the proxy could not renew, look at its
	// way to the CA. Anchor or intermediate: rotate the CA.
	Expired Reason = "expired"

	// NotYetValid: the moment of judgement is before notBefore; mostly a clock
	// that is slow, or a CA that does not backdate (istiod backdates by two
	// minutes). "certificate is not yet valid".
	NotYetValid Reason = "not-yet-valid"

	// UnknownRoot: no certificate of the bundle, and none that the peer sent,
	// issued the last certificate of the path. The two sides have different
	// roots. "unable to get local issuer certificate" or, where the path ends in
	// the bundle but not in a root (SPIFFE bundles), "unable to get issuer
	// certificate".
	UnknownRoot Reason = "unknown-root"

	// MissingIntermediate: as UnknownRoot, but a certificate seen elsewhere in
	// the mesh (VerifyOptions.Known) bears the absent issuer's name, signed the
	// orphan and was itself signed by an anchor of the bundle: the roots agree,
	// the peer just does not send its intermediate. Without such a certificate
	// it cannot be told and UnknownRoot is said. "unable to get local issuer
	// certificate". Put the intermediate into the peer's chain file.
	MissingIntermediate Reason = "missing-intermediate"

	// SelfSignedInChain: the peer's path ends in a self-signed certificate that
	// the bundle does not hold, or its leaf is self-signed itself. The two sides
	// have different roots. "self signed certificate in certificate chain" or
	// "self signed certificate".
	SelfSignedInChain Reason = "self-signed-in-chain"

	// WrongTrustDomain: a SPIFFE bundle holds no anchors for the trust domain of
	// the leaf. "verify cert failed: no trust bundle store", whole text.
	// Federate the trust domains, or correct the peer's.
	WrongTrustDomain Reason = "wrong-trust-domain"

	// NotSPIFFE: an identity was demanded and the leaf has no spiffe:// URI, has
	// several URIs, or has one that breaks the SPIFFE-ID rules. With a SPIFFE
	// bundle "verify cert failed: no trust bundle store"; with an ordinary one
	// Envoy does not care until SANs are matched.
	NotSPIFFE Reason = "not-spiffe"

	// KeyUsage: the key usage or extended key usage forbids what the certificate
	// is used for: serverAuth for servers, clientAuth for clients, in the leaf
	// and in every intermediate that has the extension; digitalSignature in the
	// leaf; certificate signing in issuers; none of the CA's usages in the leaf
	// of a SPIFFE bundle. "unsupported certificate purpose",
	// "KEY_USAGE_BIT_INCORRECT", "verify cert failed: cert precheck" or, for an
	// issuer, "unable to get local issuer certificate".
	KeyUsage Reason = "key-usage"

	// NotACA: an intermediate lacks basicConstraints CA:TRUE; or, reversed, the
	// leaf of a SPIFFE bundle has it. "invalid CA certificate" or "verify cert
	// failed: cert precheck".
	NotACA Reason = "not-a-ca"

	// PathLength: more intermediates than a CA's pathLenConstraint or Envoy's
	// max_verify_depth allow. "path length constraint exceeded" or, for the
	// latter, "unable to get local issuer certificate".
	PathLength Reason = "path-length"

	// NameConstraints: a CA of the path limits the names below it, and one falls
	// outside. "permitted subtree violation" and relatives.
	NameConstraints Reason = "name-constraints"

	// BadSignature: the signature does not fit the issuer's key: a certificate
	// was altered or, far more often, the CA got a new key under its old name.
	// "certificate signature failure".
	BadSignature Reason = "bad-signature"

	// Revoked: a revocation list of its issuer names the certificate.
	// "certificate revocation check against provided CRLs failed: certificate
	// revoked". Get a new one, or mend the list.
	Revoked Reason = "revoked"

	// NoCRL: revocation lists are demanded (crl of the validation context, or a
	// list among the trust anchors), and there is none of the issuer of one
	// certificate of the path; the anchor needs one too. "… unable to
	// get certificate CRL". Add the list, or set only_verify_leaf_cert_crl.
	NoCRL Reason = "no-crl"

	// BadCRL: there is a list of the issuer that cannot be used: it is too old or
	// not yet in force, its signature does not fit, it is for other certificates,
	// or it has a critical extension that nobody knows. "… CRL has expired",
	// "… CRL is not yet valid", "CRL signature failure", "key usage does not include CRL
	// signing", "Different CRL scope", "unhandled critical CRL extension".
	BadCRL Reason = "bad-crl"

	// NotPinned: neither the certificate nor its key is among those that the
	// validation context lists (verify_certificate_hash,
	// verify_certificate_spki). "verify cert failed: cert hash and spki",
	// whole text; a renewed certificate has another hash, and mostly another
	// key. It is never said by Verify: see [Pins].
	NotPinned Reason = "not-pinned"

	// WeakKey: an RSA key is too short: under 2048 bits for a certificate that
	// Envoy presents itself ("only RSA certificates with 2048-bit or larger keys
	// are supported": the secret is rejected), under 1024 bits for one that it
	// is shown (a limit of this tool's library; Envoy may accept it).
	WeakKey Reason = "weak-key"

	// UnsupportedAlgorithm: a signature of a kind that BoringSSL does not check
	// (MD5: "certificate signature failure"); a leaf's key that is not among the
	// default signature algorithms of a TLS handshake (Ed25519, P-521:
	// "SSLV3_ALERT_HANDSHAKE_FAILURE"); or a key that Envoy does not load for
	// its own certificate ("only P-256, P-384 or P-521 ECDSA certificates are
	// supported"). Use P-256 or RSA.
	UnsupportedAlgorithm Reason = "unsupported-algorithm"

	// NoCertificate: the peer has no certificate to show. Client:
	// "PEER_DID_NOT_RETURN_A_CERTIFICATE"; server: no handshake at all.
	NoCertificate Reason = "no-certificate"

	// NoBundle: there is nothing to verify against: the trust bundle is absent
	// or empty. Envoy refuses to load an empty one, and keeps the listener or
	// cluster that needs an absent one warming.
	NoBundle Reason = "no-bundle"

	// Other: none of the above; the error says what. Unknown critical
	// extensions ("unhandled critical extension") are here.
	Other Reason = "other"
)

// Reasons lists every Reason in the order of this file.
func Reasons() []Reason {
	return []Reason{
		Expired, NotYetValid, UnknownRoot, MissingIntermediate, SelfSignedInChain,
		WrongTrustDomain, NotSPIFFE, KeyUsage, NotACA, PathLength, NameConstraints,
		BadSignature, Revoked, NoCRL, BadCRL, NotPinned, WeakKey, UnsupportedAlgorithm, NoCertificate, NoBundle, Other,
	}
}
