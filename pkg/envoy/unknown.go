package envoy

import "strings"

// notes counts what was met and not understood, by path or type.
type notes map[string]int

func (r *reader) note(path string) { r.noteAll(notes{path: 1}) }

func (r *reader) noteAll(other notes) {
	if r.notes == nil && len(other) > 0 {
		r.notes = notes{}
	}
	for path, count := range other {
		r.notes[path] += count
	}
}

// unknown deals with a field that the model does not hold: it is named in the message's own
// list and counted, unless it is known to have no say in a handshake.
func (r *reader) unknown(list *[]string, message string, key []byte) {
	path := message + "." + string(key)
	null := r.kind() == 'n'
	r.skip()
	if null || r.err != nil || harmless[path] != "" || strings.HasSuffix(path, ".@type") {
		return
	}
	*list = appendOnce(*list, r.in.str([]byte(path)))
	r.note(path)
}

func appendOnce(list []string, s string) []string {
	for _, have := range list {
		if have == s {
			return list
		}
	}
	return append(list, s)
}

// harmless are the fields of TLS-relevant messages that the model leaves out on purpose,
// each with the reason. Everything else that is unknown there is named as not modelled.
var harmless = map[string]string{
	"UpstreamTlsContext.allow_renegotiation":   "concerns TLS 1.2 renegotiation after the handshake",
	"UpstreamTlsContext.max_session_keys":      "resumption: the first handshake decides",
	"UpstreamTlsContext.enforce_rsa_key_usage": "digitalSignature is demanded of every leaf anyway",

	"DownstreamTlsContext.session_ticket_keys":                   "resumption, and never to be kept",
	"DownstreamTlsContext.session_ticket_keys_sds_secret_config": "resumption",
	"DownstreamTlsContext.disable_stateless_session_resumption":  "resumption",
	"DownstreamTlsContext.disable_stateful_session_resumption":   "resumption",
	"DownstreamTlsContext.session_timeout":                       "resumption",
	"DownstreamTlsContext.full_scan_certs_on_sni_mismatch":       "chooses among own certificates",
	"DownstreamTlsContext.require_sni":                           "Envoy 1.40 does not look at it (seen), and its proto says so",
	"DownstreamTlsContext.prefer_client_ciphers":                 "order of preference, not the set",

	"CommonTlsContext.key_log": "debugging output",

	"CertificateValidationContext.watched_directory":       "how files are reloaded",
	"CertificateValidationContext.suppress_client_ca_list": "a hint that clients of a mesh ignore",

	"TlsCertificate.watched_directory": "how files are reloaded",
	"TlsCertificate.password":          "never to be kept",
}
