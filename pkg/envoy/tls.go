package envoy

import (
	"encoding/binary"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/certs"
)

// commonTLS reads a CommonTlsContext. Equal contexts are the same pointer.
func (r *reader) commonTLS() *TLSContext {
	c := &TLSContext{}
	r.object(func(key []byte) { r.commonField(c, key) })
	if r.err != nil {
		return nil
	}
	return same(r.in, commonContent(c.content()), func() *TLSContext { return c })
}

type commonContent string

// content is equal for equal contexts, whatever bytes they were read from.
func (c *TLSContext) content() string {
	var w contentWriter
	w.count(len(c.Certificates))
	for _, ref := range c.Certificates {
		w.strs(ref.SDS, ref.SDSVia, ref.File, ref.Chain.Fingerprint())
	}
	v := &c.Validation
	w.flags(v.CA != nil, v.Present, v.AllowExpired, v.AcceptUntrusted, v.SystemRoots, v.LeafCRLOnly)
	if v.CA != nil {
		w.strs(v.CA.SDS, v.CA.SDSVia, v.CA.File)
		w.bundle(v.CA.Bundle)
	}
	w.count(len(v.SPIFFE))
	for _, domain := range sortedKeys(v.SPIFFE) {
		w.strs(domain)
		w.bundle(v.SPIFFE[domain])
	}
	w.count(len(v.SANs))
	for _, m := range v.SANs {
		w.strs(m.SANType, m.Kind, m.Value, m.OID)
		w.flags(m.IgnoreCase)
	}
	w.count(int(v.MaxVerifyDepth))
	w.strs(c.MinVersion, c.MaxVersion, v.CRL.Fingerprint(), v.CRLFile)
	w.lists(v.Pins.Hashes, v.Pins.Keys, c.ALPN, c.Ciphers, c.Curves, c.Unmodelled)
	return string(w.buf)
}

// contentWriter writes values so that different ones never give the same bytes: every string
// and list carries its length.
type contentWriter struct{ buf []byte }

func (w *contentWriter) count(n int) { w.buf = binary.AppendVarint(w.buf, int64(n)) }

func (w *contentWriter) strs(list ...string) {
	for _, s := range list {
		w.count(len(s))
		w.buf = append(w.buf, s...)
	}
}

func (w *contentWriter) lists(lists ...[]string) {
	for _, list := range lists {
		w.count(len(list))
		w.strs(list...)
	}
}

func (w *contentWriter) flags(list ...bool) {
	for _, set := range list {
		n := byte(0)
		if set {
			n = 1
		}
		w.buf = append(w.buf, n)
	}
}

func (w *contentWriter) bundle(b *certs.Bundle) {
	w.strs(b.Fingerprint(), b.CRL().Fingerprint())
}

func (r *reader) commonField(c *TLSContext, key []byte) {
	const message = "CommonTlsContext"
	switch string(key) {
	case "tls_params":
		r.object(func(key []byte) { r.paramsField(c, key) })
	case "alpn_protocols":
		c.ALPN = r.strs()
	case "tls_certificates":
		r.list(func() { c.Certificates = append(c.Certificates, r.certificate(c)) })
	case "tls_certificate_sds_secret_configs":
		r.list(func() {
			name, via := r.sdsConfig()
			c.Certificates = append(c.Certificates, CertificateRef{SDS: name, SDSVia: via})
		})
	case "validation_context", "validation_context_sds_secret_config", "combined_validation_context":
		r.validationSource(c, string(key))
	default:
		r.unknown(&c.Unmodelled, message, key)
	}
}

// validationSource reads one of the forms of validation_context_type.
func (r *reader) validationSource(c *TLSContext, form string) {
	if r.kind() == 'n' {
		r.skip()
		return
	}
	c.Validation.Present = true
	switch form {
	case "validation_context":
		r.setValidation(c, r.validation())
	case "validation_context_sds_secret_config":
		name, via := r.sdsConfig()
		c.Validation.CA = &TrustRef{SDS: name, SDSVia: via}
	case "combined_validation_context":
		r.object(func(key []byte) { r.combinedField(c, key) })
	}
}

func (r *reader) combinedField(c *TLSContext, key []byte) {
	switch string(key) {
	case "default_validation_context":
		r.setValidation(c, r.validation())
	case "validation_context_sds_secret_config":
		name, via := r.sdsConfig()
		c.Validation.CA = &TrustRef{SDS: name, SDSVia: via}
	default:
		r.unknown(&c.Unmodelled, "CombinedCertificateValidationContext", key)
	}
}

// setValidation keeps a CA that came from SDS: the secret wins over the default, see
// CombinedCertificateValidationContext.
func (r *reader) setValidation(c *TLSContext, v validationParts) {
	if ca := c.Validation.CA; ca != nil && ca.SDS != "" {
		v.CA = ca
	}
	c.Validation = v.Validation // Present, as every context that was read
	for _, path := range v.unmodelled {
		c.Unmodelled = appendOnce(c.Unmodelled, path)
	}
}

func (r *reader) paramsField(c *TLSContext, key []byte) {
	switch string(key) {
	case "tls_minimum_protocol_version":
		c.MinVersion = r.tlsVersion()
	case "tls_maximum_protocol_version":
		c.MaxVersion = r.tlsVersion()
	case "cipher_suites":
		c.Ciphers = r.strs()
	case "ecdh_curves":
		c.Curves = r.strs()
	default:
		r.unknown(&c.Unmodelled, "TlsParameters", key)
	}
}

func (r *reader) tlsVersion() string {
	v := r.enum("TLS_AUTO", "TLSv1_0", "TLSv1_1", "TLSv1_2", "TLSv1_3")
	if v == "TLS_AUTO" {
		return ""
	}
	return v
}

// sdsConfig reads an SdsSecretConfig: the secret's name and where it comes from.
func (r *reader) sdsConfig() (name, via string) {
	r.object(func(key []byte) {
		switch string(key) {
		case "name":
			name = r.str()
		case "sds_config":
			via = r.configSource()
		default:
			r.skip()
		}
	})
	return name, via
}

// configSource reads a core.v3.ConfigSource down to the cluster or path.
func (r *reader) configSource() (via string) {
	r.object(func(key []byte) {
		switch string(key) {
		case "path":
			via = r.str()
		case "ads":
			via = "ads"
			r.skip()
		case "path_config_source", "api_config_source", "grpc_services", "envoy_grpc", "google_grpc":
			via = r.sourceName()
		default:
			r.skip()
		}
	})
	return via
}

// sourceName finds the name of a gRPC service or the path in a subtree of a ConfigSource.
func (r *reader) sourceName() (via string) {
	member := func(key []byte) {
		switch string(key) {
		case "cluster_name", "target_uri", "path":
			via = r.str()
		case "grpc_services", "envoy_grpc", "google_grpc", "cluster_names":
			if name := r.sourceName(); via == "" {
				via = name
			}
		default:
			r.skip()
		}
	}
	switch r.kind() {
	case '[':
		r.list(func() {
			if name := r.sourceName(); via == "" {
				via = name
			}
		})
	case '"':
		via = r.str()
	default:
		r.object(member)
	}
	return via
}

// certificate reads a TlsCertificate that stands in the config itself.
func (r *reader) certificate(c *TLSContext) CertificateRef {
	ref, problem := r.tlsCertificate(&c.Unmodelled)
	if problem == "" && ref.File == "" && len(ref.Chain) == 0 {
		problem = "the dump has it empty"
	}
	r.unread(&c.Unmodelled, "TlsCertificate.certificate_chain", problem)
	return ref
}
