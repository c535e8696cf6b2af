package envoy

import "github.com/mtls-doctor/kubectl-mtls-doctor/pkg/certs"

// stringMatcher reads a type.matcher.v3.StringMatcher. A form that the model does not hold
// goes to unmodelled, and the matcher then has no Kind.
func (r *reader) stringMatcher(unmodelled *[]string) (m certs.Matcher) {
	r.object(func(key []byte) {
		switch string(key) {
		case "exact":
			m.Kind, m.Value = "exact", r.str()
		case "prefix":
			m.Kind, m.Value = "prefix", r.str()
		case "suffix":
			m.Kind, m.Value = "suffix", r.str()
		case "contains":
			m.Kind, m.Value = "contains", r.str()
		case "safe_regex":
			m.Kind, m.Value = "regex", r.regex()
		case "regex": // v2
			m.Kind, m.Value = "regex", r.str()
		case "ignore_case":
			m.IgnoreCase = r.boolean()
		default:
			r.unknown(unmodelled, "StringMatcher", key)
		}
	})
	return m
}

// regex reads a RegexMatcher; the engine (google_re2) is always RE2.
func (r *reader) regex() (pattern string) {
	r.object(func(key []byte) {
		if string(key) == "regex" {
			pattern = r.str()
			return
		}
		r.skip()
	})
	return pattern
}

// typedSAN reads a SubjectAltNameMatcher.
func (r *reader) typedSAN(unmodelled *[]string) (m certs.Matcher) {
	var kind, oid string
	r.object(func(key []byte) {
		switch string(key) {
		case "san_type":
			kind = r.enum("SAN_TYPE_UNSPECIFIED", "EMAIL", "DNS", "URI", "IP_ADDRESS", "OTHER_NAME")
		case "matcher":
			m = r.stringMatcher(unmodelled)
		case "oid":
			oid = r.str()
		default:
			r.unknown(unmodelled, "SubjectAltNameMatcher", key)
		}
	})
	if kind == "" || kind == "SAN_TYPE_UNSPECIFIED" {
		kind = "unspecified" // Envoy rejects it; "" would stand for the untyped field, which matches more
	}
	m.SANType, m.OID = kind, oid
	return m
}
