package envoy

import "strings"

// uninitialized is the version of a secret that SDS has not supplied yet
// (source/server/admin/config_dump_handler, SecretManagerImpl::dumpSecretConfigs).
const uninitialized = "uninitialized"

// secretEntry reads an item of a list of secrets.
func (d *Decoder) secretEntry(r *reader, state State, members memberFunc) {
	var e entry
	s := &Secret{}
	members(func(key []byte) {
		if string(key) == "secret" {
			r.any(func(_ string, key []byte) { r.secretField(s, key) })
			return
		}
		r.entryField(&e, key)
	})
	if r.err != nil {
		return
	}
	if e.name != "" {
		s.Name = e.name
	}
	if e.version == uninitialized {
		state = Warming
	}
	s.Freshness = e.freshness(state)
	s.explainEmpty()
	d.proxy.Secrets = append(d.proxy.Secrets, s)
	d.rejected("secret", e, s.Name)
}

// explainEmpty makes sure that a secret in force without content is not taken for a good one.
func (s *Secret) explainEmpty() {
	hollow := s.Chain == nil && s.Bundle == nil && len(s.SPIFFE) == 0 && s.File == "" && s.Pins.None() && !s.SystemRoots
	if hollow && s.Problem == "" && s.State != Warming {
		s.Problem = "the dump does not hold its content"
	}
}

// secretField reads a field of a Secret. Key material is skipped unread.
func (r *reader) secretField(s *Secret, key []byte) {
	switch string(key) {
	case "name":
		s.Name = r.str()
	case "tls_certificate":
		r.secretCertificate(s)
	case "validation_context":
		r.secretValidation(s)
	case "generic_secret", "session_ticket_keys":
		s.Problem = "it holds no certificate but a " + strings.ReplaceAll(string(key), "_", " ")
		r.skip()
	default:
		r.skip()
	}
}

func (r *reader) secretCertificate(s *Secret) {
	var unmodelled []string
	ref, problem := r.tlsCertificate(&unmodelled)
	s.Chain, s.File, s.Problem = ref.Chain, ref.File, problem
}

// secretValidation keeps what a validation context secret demands of the peer. Envoy merges it
// into the context that refers to it, so that every field of it counts.
func (r *reader) secretValidation(s *Secret) {
	v := r.validation()
	if v.CA != nil {
		s.Bundle, s.File = v.CA.Bundle, v.CA.File
	}
	s.Demands, s.Problem = v.Demands, v.problem
	for _, path := range v.unmodelled {
		if path != trustedCA { // Problem tells of it
			s.Unmodelled = appendOnce(s.Unmodelled, path)
		}
	}
}
