package certs

import (
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Errors of Verify that are the caller's, not the certificate's.
var (
	// ErrNoTime: VerifyOptions.At is not set.
	ErrNoTime = errors.New("verify: the moment of judgement is not set")
	// ErrNoRole: VerifyOptions.Role is not set.
	ErrNoRole = errors.New("verify: the role of the certificate is not set")
)

// Role is what the certificate is presented as.
type Role int

// The roles. The zero Role is none, and an error.
const (
	ServerCertificate Role = iota + 1 // a client verifies it: serverAuth is demanded
	ClientCertificate                 // a server verifies it: clientAuth is demanded
)

// String gives "server" or "client".
func (r Role) String() string {
	switch r {
	case ServerCertificate:
		return "server"
	case ClientCertificate:
		return "client"
	}
	return fmt.Sprintf("role %d", int(r))
}

// VerifyOptions says when and as what a chain is judged.
type VerifyOptions struct {
	At   time.Time // the verifier's clock; zero is an error
	Role Role      // which extended key usage is demanded; zero is an error

	// AllowExpired is allow_expired_certificate of Envoy's validation context:
	// no date is looked at.
	AllowExpired bool
	// MaxDepth is max_verify_depth: certificates above the leaf, the anchor
	// included. 0 means that it is not set; Envoy treats 0 as 1.
	MaxDepth uint32
	// AnyLeafKey skips the check that BoringSSL's default signature algorithms
	// know the leaf's key. Set it where tls_params.signature_algorithms is set.
	AnyLeafKey bool
	// CRL is crl of Envoy's validation context: every certificate of the path
	// needs a list there or among the certificates of the bundle. LeafCRLOnly is
	// only_verify_leaf_cert_crl: only the leaf does. A SPIFFE bundle knows
	// neither, only its own lists.
	CRL         *CRL
	LeafCRLOnly bool
	// Known are certificates seen elsewhere in the mesh. They are never used to
	// complete a path, only to tell MissingIntermediate from UnknownRoot.
	Known []*x509.Certificate
}

// VerifyError says why a chain does not verify, and which certificate is to
// blame.
type VerifyError struct {
	Reason      Reason `json:"reason"`
	Certificate Info   `json:"certificate"`      // the offending one; zero if there is none
	Depth       int    `json:"depth"`            // its place in the path that Envoy builds, 0 = leaf
	Detail      string `json:"detail,omitempty"` // a sentence for people, no full stop
	// EnvoyText is what Envoy logs for it, as far as that is known: to be found
	// in access logs and in the transport failure reason (there with
	// underscores for spaces).
	EnvoyText string `json:"envoyText,omitempty"`
	Err       error  `json:"-"` // the cause, if there is one
}

// Error is one line: what is wrong, of which certificate, at which depth.
func (e *VerifyError) Error() string {
	var b strings.Builder
	b.WriteString(string(e.Reason))
	if e.Certificate.SHA256 != "" {
		fmt.Fprintf(&b, " at depth %d (%s)", e.Depth, e.Certificate.name())
	}
	if e.Detail != "" {
		b.WriteString(": " + e.Detail)
	}
	return b.String()
}

// Unwrap gives the cause.
func (e *VerifyError) Unwrap() error { return e.Err }

// Verify judges whether a proxy that trusts bundle accepts chain at opts.At:
// nil, or the first thing that Envoy would stumble over as a *VerifyError.
// Host names and SANs are not looked at, MatchSAN does that. ErrCRL says that
// a revocation list cannot be read.
func Verify(chain Chain, bundle *Bundle, opts VerifyOptions) error {
	if err := errors.Join(bundle.CRL().problem(), opts.CRL.problem()); err != nil {
		return err
	}
	switch {
	case opts.At.IsZero():
		return ErrNoTime
	case opts.Role != ServerCertificate && opts.Role != ClientCertificate:
		return ErrNoRole
	}
	if failure := verify(chain, bundle, opts); failure != nil {
		return failure
	}
	return nil
}

func verify(chain Chain, bundle *Bundle, opts VerifyOptions) *VerifyError {
	if len(chain) == 0 {
		return &VerifyError{Reason: NoCertificate, Detail: "there is no certificate to verify", Err: ErrNoCertificate}
	}
	if failure := checkHandshakeKey(chain[0], opts); failure != nil {
		return failure
	}
	v, failure := newVerifier(chain[0], bundle, opts)
	if failure != nil {
		return failure
	}
	return v.run(chain)
}

// verifier holds what one X509_STORE_CTX holds.
type verifier struct {
	opts    VerifyOptions
	anchors []*x509.Certificate
	partial bool             // X509_V_FLAG_PARTIAL_CHAIN
	purpose x509.ExtKeyUsage // 0 (any): no purpose is checked
	uses    x509.KeyUsage    // one of these must be allowed to the leaf
	maxLen  int              // certificates in a path, leaf and anchor included

	revocation revocation
}

// defaultDepth is kDefaultParam's depth in crypto/x509/x509_vpm.cc.
const defaultDepth = 100

func newVerifier(leaf *x509.Certificate, bundle *Bundle, opts VerifyOptions) (verifier, *VerifyError) {
	v := verifier{opts: opts, maxLen: maxLen(opts.MaxDepth)}
	if bundle.IsSPIFFE() {
		anchors, failure := spiffeAnchors(leaf, bundle)
		v.anchors, v.revocation.crl = anchors.Certificates(), anchors.CRL()
		return v, failure
	}
	if len(bundle.Certificates()) == 0 {
		return v, &VerifyError{Reason: NoBundle, Detail: "there is no trust anchor to verify against"}
	}
	v.anchors, v.partial = bundle.certs, true
	v.revocation = revocation{mergeCRLs(bundle.crl, opts.CRL), opts.LeafCRLOnly}
	v.purpose, v.uses = purposeOf(opts.Role)
	return v, nil
}

// maxLen follows addClientValidationContext in default_validator.cc: Envoy
// passes depth-1, and BoringSSL counts neither leaf nor anchor.
func maxLen(depth uint32) int {
	switch {
	case depth == 0:
		return defaultDepth + 2
	case depth > 1<<20: // longer than any path; keeps the sum in range
		return 1 << 20
	}
	return int(depth) + 1
}

// purposeOf gives what X509_PURPOSE_SSL_SERVER and _CLIENT demand.
func purposeOf(r Role) (x509.ExtKeyUsage, x509.KeyUsage) {
	if r == ServerCertificate {
		return x509.ExtKeyUsageServerAuth, x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment | x509.KeyUsageKeyAgreement
	}
	return x509.ExtKeyUsageClientAuth, x509.KeyUsageDigitalSignature | x509.KeyUsageKeyAgreement
}

// run is X509_verify_cert: find the path, then check it in BoringSSL's order.
func (v verifier) run(chain Chain) *VerifyError {
	p, failure := v.build(chain)
	if failure != nil {
		return failure
	}
	for _, check := range []func(path) *VerifyError{
		v.checkExtensions, v.checkRevocation, v.checkSignaturesAndDates, checkNameConstraints,
	} {
		if failure := check(p); failure != nil {
			return failure
		}
	}
	return nil
}

// fail makes the error for a certificate at a depth, with the text of
// BoringSSL's X509_verify_cert_error_string (crypto/x509/x509_txt.cc).
func fail(reason Reason, cert *x509.Certificate, depth int, text, detail string) *VerifyError {
	return &VerifyError{
		Reason: reason, Certificate: Describe(cert), Depth: depth, Detail: detail,
		EnvoyText: fmt.Sprintf("verify cert failed: X509_verify_cert: certificate verification error at depth %d: %s", depth, text),
	}
}

// name is how an error line calls a certificate: its identity or its subject.
func (i Info) name() string {
	if len(i.URIs) > 0 {
		return i.URIs[0]
	}
	if i.Subject != "" {
		return fmt.Sprintf("%q", i.Subject)
	}
	return "serial " + i.Serial
}
