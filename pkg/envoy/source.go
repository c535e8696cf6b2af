package envoy

import (
	"bytes"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/certs"
)

// dataSource is a core.v3.DataSource, without what Envoy redacted.
type dataSource struct {
	data     []byte
	file     string
	env      string
	redacted bool
}

// source reads a DataSource. Redacted material is told from real one in each of the forms
// that Envoy, istioctl and hand-written fixtures use.
func (r *reader) source() (s dataSource) {
	r.object(func(key []byte) {
		switch string(key) {
		case "filename":
			s.file = r.str()
		case "inline_bytes":
			s.data = r.inlineBytes()
		case "inline_string":
			s.data = append([]byte(nil), r.scalar()...)
		case "environment_variable":
			s.env = r.str()
		default:
			r.skip()
		}
	})
	return s.redact()
}

// inlineBytes is the decoded value, or the literal where it is no base64.
func (r *reader) inlineBytes() []byte {
	text := bytes.Clone(r.scalar())
	if isRedacted(text) {
		return text
	}
	return decode64(text)
}

func isRedacted(b []byte) bool {
	b = bytes.Trim(bytes.TrimSpace(b), "[]<>")
	return bytes.EqualFold(b, []byte("redacted"))
}

func (s dataSource) redact() dataSource {
	if isRedacted(s.data) || isRedacted([]byte(s.file)) {
		return dataSource{redacted: true}
	}
	return s
}

// bundle parses inline trust anchors; the problem is "" for an empty source and for files.
func (s dataSource) bundle(in *Interner) (bundle *certs.Bundle, problem string) {
	if len(s.data) == 0 || s.file != "" {
		return nil, s.missing()
	}
	bundle, err := in.bundle(s.data)
	if err != nil {
		return nil, err.Error()
	}
	return bundle, ""
}

// chain parses an inline certificate chain.
func (s dataSource) chain(in *Interner) (chain certs.Chain, problem string) {
	if len(s.data) == 0 || s.file != "" {
		return nil, s.missing()
	}
	chain, err := in.chain(s.data)
	if err != nil {
		return nil, err.Error()
	}
	return chain, ""
}

func (s dataSource) missing() string {
	switch {
	case s.redacted:
		return "the dump has it redacted"
	case s.env != "":
		return "it is in the environment variable " + s.env + " of the proxy, which the dump does not show"
	}
	return ""
}

// tlsCertificate reads a TlsCertificate without its private key.
func (r *reader) tlsCertificate(unmodelled *[]string) (ref CertificateRef, problem string) {
	r.object(func(key []byte) {
		switch string(key) {
		case "certificate_chain":
			src := r.source()
			ref.File = src.file
			ref.Chain, problem = src.chain(r.in)
		case "private_key": // never read, not even to look at it
			r.skip()
		case "private_key_provider", "ocsp_staple":
			r.skip()
		default:
			r.unknown(unmodelled, "TlsCertificate", key)
		}
	})
	return ref, problem
}
