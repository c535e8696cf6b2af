package envoy

import (
	"maps"
	"slices"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/certs"
)

const spiffeValidator = "envoy.extensions.transport_sockets.tls.v3.SPIFFECertValidatorConfig"

// trustedCA is the path of the field that holds the roots.
const trustedCA = "CertificateValidationContext.trusted_ca"

// validationParts is a CertificateValidationContext while it is being read.
type validationParts struct {
	Validation
	untyped    []certs.Matcher // the two older generations of SAN fields
	unmodelled []string
	problem    string // why trusted_ca could not be read
}

// validation reads a CertificateValidationContext.
func (r *reader) validation() validationParts {
	v := validationParts{Validation: Validation{Present: true}}
	r.object(func(key []byte) { r.validationField(&v, key) })
	if len(v.SANs) == 0 { // Envoy ignores the deprecated fields when the typed one is set
		v.SANs = v.untyped
	}
	return v
}

func (r *reader) validationField(v *validationParts, key []byte) {
	switch string(key) {
	case "trusted_ca":
		v.CA, v.problem = r.trust()
		r.unread(&v.unmodelled, trustedCA, v.problem)
	case "match_typed_subject_alt_names":
		r.list(func() { v.SANs = append(v.SANs, r.typedSAN(&v.unmodelled)) })
	case "match_subject_alt_names":
		r.list(func() { v.untyped = append(v.untyped, r.stringMatcher(&v.unmodelled)) })
	case "verify_subject_alt_name": // v2: plain strings
		r.list(func() { v.untyped = append(v.untyped, certs.Matcher{Kind: "exact", Value: r.str()}) })
	case "verify_certificate_hash":
		v.Pins.Hashes = r.strs()
	case "verify_certificate_spki":
		v.Pins.Keys = r.strs()
	case "custom_validator_config":
		r.validator(v)
	default:
		r.validationOption(v, key)
	}
}

func (r *reader) validationOption(v *validationParts, key []byte) {
	switch string(key) {
	case "allow_expired_certificate":
		v.AllowExpired = r.boolean()
	case "trust_chain_verification":
		v.AcceptUntrusted = r.enum("VERIFY_TRUST_CHAIN", "ACCEPT_UNTRUSTED") == "ACCEPT_UNTRUSTED"
	case "system_root_certs":
		v.SystemRoots = r.kind() == '{'
		r.skip()
	case "max_verify_depth":
		v.MaxVerifyDepth = max(1, r.u32()) // Envoy treats 0 as 1
	case "crl":
		r.crl(v)
	case "only_verify_leaf_cert_crl":
		v.LeafCRLOnly = r.boolean()
	default:
		r.unknown(&v.unmodelled, "CertificateValidationContext", key)
	}
}

// crl reads the revocation lists. An empty data source is none.
func (r *reader) crl(v *validationParts) {
	src := r.source()
	switch {
	case src.file != "":
		v.CRLFile = src.file
	case len(src.data) > 0:
		v.CRL = certs.ParseCRL(src.data)
	default:
		r.unread(&v.unmodelled, "CertificateValidationContext.crl", src.missing())
	}
}

// trust reads trusted_ca. An empty data source, as SPIRE's configs have, is none.
func (r *reader) trust() (ref *TrustRef, problem string) {
	src := r.source()
	if src.file != "" {
		return &TrustRef{File: src.file}, ""
	}
	bundle, problem := src.bundle(r.in)
	if bundle == nil {
		return nil, problem
	}
	return &TrustRef{Bundle: bundle}, ""
}

// unread names a field that is understood, but whose content is not there or malformed.
func (r *reader) unread(unmodelled *[]string, path, problem string) {
	if problem == "" || r.err != nil {
		return
	}
	*unmodelled = appendOnce(*unmodelled, path)
	r.note(path + ": " + problem)
}

// validator reads custom_validator_config, of which the SPIFFE one is known.
func (r *reader) validator(v *validationParts) {
	typ := ""
	r.object(func(key []byte) {
		if string(key) == "typed_config" {
			typ = r.anyOf(func(typ string, key []byte) { r.validatorField(v, typ, key) })
			return
		}
		r.skip()
	})
	if typ != spiffeValidator && r.err == nil {
		v.unmodelled = appendOnce(v.unmodelled, "CertificateValidationContext.custom_validator_config")
		r.note("certificate validator " + typ)
	}
}

func (r *reader) validatorField(v *validationParts, typ string, key []byte) {
	switch {
	case typ != spiffeValidator:
		r.skip()
	case string(key) == "trust_domains":
		v.SPIFFE = map[string]*certs.Bundle{}
		r.list(func() { r.trustDomain(v) })
	default:
		r.unknown(&v.unmodelled, "SPIFFECertValidatorConfig", key)
	}
}

func (r *reader) trustDomain(v *validationParts) {
	const path = "SPIFFECertValidatorConfig.trust_bundle"
	var name string
	var trust *TrustRef
	r.object(func(key []byte) {
		switch string(key) {
		case "name":
			name = r.str()
		case "trust_bundle":
			var problem string
			trust, problem = r.trust()
			r.unread(&v.unmodelled, path, problem)
		default:
			r.unknown(&v.unmodelled, "SPIFFECertValidatorConfig.TrustDomain", key)
		}
	})
	if trust == nil {
		return
	}
	if trust.File != "" {
		r.unread(&v.unmodelled, path, "it is in a file of the proxy's container")
	}
	v.SPIFFE[name] = trust.Bundle
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
