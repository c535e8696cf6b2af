package certs

import (
	"crypto/x509"
	"regexp"
	"strings"
)

// Matcher is one SAN matcher of Envoy's validation context.
type Matcher struct {
	// SANType is "DNS", "URI", "EMAIL", "IP" (or "IP_ADDRESS") or "OTHER_NAME".
	// "" stands for the deprecated match_subject_alt_names, which matches any of
	// the first four (getSubjectAltNameMatchers in source/common/ssl/
	// certificate_validation_context_config_impl.cc). Envoy ignores that field
	// altogether when match_typed_subject_alt_names is set: so must the caller.
	SANType string
	// Kind is "exact", "prefix", "suffix", "contains" or "regex" (safe_regex).
	// Any other kind matches nothing.
	Kind       string
	Value      string
	IgnoreCase bool   // no effect on a regex, as in Envoy
	OID        string // only for OTHER_NAME: the type that it must have
}

// sanTags maps Envoy's SanType to the tags of GeneralName.
var sanTags = map[string][]int{
	"":           {tagDNS, tagURI, tagEmail, tagIP},
	"DNS":        {tagDNS},
	"URI":        {tagURI},
	"EMAIL":      {tagEmail},
	"IP":         {tagIP},
	"IP_ADDRESS": {tagIP},
	"OTHER_NAME": {tagOtherName},
}

// MatchSAN tells whether a leaf passes Envoy's SAN check
// (DefaultCertValidator::matchSubjectAltName): no matcher means no check, else
// one match of any matcher with any SAN is enough. presented are the SANs of
// the leaf in its order. With a SPIFFE bundle Envoy uses URI matchers only.
func MatchSAN(leaf *x509.Certificate, ms []Matcher) (matched bool, presented []string) {
	var names []generalName
	if leaf != nil {
		names = sans(leaf)
	}
	matched = len(ms) == 0
	for _, n := range names {
		if s := n.text(); s != "" {
			presented = append(presented, s)
		}
	}
	for _, m := range ms {
		matched = matched || m.matchesAny(names)
	}
	return matched, presented
}

func (m Matcher) matchesAny(names []generalName) bool {
	match := m.compileName()
	for _, tag := range sanTags[m.SANType] {
		for _, n := range names {
			if n.tag == tag && m.fitsOID(n) && match(n) {
				return true
			}
		}
	}
	return false
}

func (m Matcher) fitsOID(n generalName) bool {
	if n.tag != tagOtherName {
		return true
	}
	oid, _ := n.other()
	return m.OID != "" && oid == m.OID
}

// compileName gives the test for one name. For DNS names an exact matcher follows
// DNS rules (StringSanMatcher::match), where the wildcard may stand in the
// certificate, not in the matcher.
func (m Matcher) compileName() func(generalName) bool {
	text, _ := m.Compile()
	return func(n generalName) bool {
		if n.tag == tagDNS && m.Kind == "exact" {
			return dnsNameMatch(m.Value, n.text())
		}
		return text(n.text())
	}
}

// MatchString applies the matcher to any text, as Envoy's StringMatcher does
// outside of SANs: without the rules of DNS, whatever SANType says.
func (m Matcher) MatchString(s string) bool {
	match, _ := m.Compile()
	return match(s)
}

// Compile gives the test that MatchString applies, which is Envoy's StringMatcher
// (source/common/common/matchers.h). It matches nothing, and ok is false, for
// a kind that is not known and for a regex that does not compile.
func (m Matcher) Compile() (match func(string) bool, ok bool) {
	fold := func(s string) string { return s }
	if m.IgnoreCase {
		fold = asciiLower
	}
	value := fold(m.Value)
	switch m.Kind {
	case "exact":
		return func(s string) bool { return fold(s) == value }, true
	case "prefix":
		return func(s string) bool { return strings.HasPrefix(fold(s), value) }, true
	case "suffix":
		return func(s string) bool { return strings.HasSuffix(fold(s), value) }, true
	case "contains":
		return func(s string) bool { return strings.Contains(fold(s), value) }, true
	case "regex":
		return fullMatch(m.Value)
	}
	return matchNothing, false
}

func matchNothing(string) bool { return false }

// fullMatch is RE2's FullMatch: the longest match from the start is all of the
// text. Envoy rejects a config whose regex does not compile.
func fullMatch(expr string) (match func(string) bool, ok bool) {
	re, err := regexp.Compile(expr)
	if err != nil {
		return matchNothing, false
	}
	re.Longest()
	return func(s string) bool {
		at := re.FindStringIndex(s)
		return at != nil && at[0] == 0 && at[1] == len(s)
	}, true
}

// dnsNameMatch is Utility::dnsNameMatch of source/common/tls/utility.cc:
// without regard to case, and a "*" in the certificate's leftmost label stands
// for any part of that one label.
func dnsNameMatch(name, pattern string) bool {
	name, pattern = asciiLower(name), asciiLower(pattern)
	if name == pattern {
		return true
	}
	label, domain, ok := strings.Cut(name, ".")
	wild, patternDomain, okPattern := strings.Cut(pattern, ".")
	if !ok || !okPattern || strings.HasPrefix(wild, "xn--") || strings.Contains(patternDomain, "*") {
		return false
	}
	return domain == patternDomain && labelMatch(label, wild)
}

// labelMatch is Utility::labelWildcardMatch.
func labelMatch(label, pattern string) bool {
	before, after, ok := strings.Cut(pattern, "*")
	switch {
	case pattern == "*":
		return true
	case !ok || strings.Contains(after, "*"):
		return false
	}
	return len(pattern) <= len(label)+1 && strings.HasPrefix(label, before) && strings.HasSuffix(label, after)
}
