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
	match := m.compile()
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

// compile gives the test for one name. For DNS names an exact matcher follows
// DNS rules (StringSanMatcher::match), where the wildcard may stand in the
// certificate, not in the matcher.
func (m Matcher) compile() func(generalName) bool {
	text := m.compileText()
	return func(n generalName) bool {
		if n.tag == tagDNS && m.Kind == "exact" {
			return dnsNameMatch(m.Value, n.text())
		}
		return text(n.text())
	}
}

// MatchString applies the matcher to any text, as Envoy's StringMatcher does
// outside of SANs: without the rules of DNS, whatever SANType says.
func (m Matcher) MatchString(s string) bool { return m.compileText()(s) }

// compileText is Envoy's StringMatcher (source/common/common/matchers.h).
func (m Matcher) compileText() func(string) bool {
	fold := func(s string) string { return s }
	if m.IgnoreCase {
		fold = asciiLower
	}
	value := fold(m.Value)
	switch m.Kind {
	case "exact":
		return func(s string) bool { return fold(s) == value }
	case "prefix":
		return func(s string) bool { return strings.HasPrefix(fold(s), value) }
	case "suffix":
		return func(s string) bool { return strings.HasSuffix(fold(s), value) }
	case "contains":
		return func(s string) bool { return strings.Contains(fold(s), value) }
	case "regex":
		return fullMatch(m.Value)
	}
	return func(string) bool { return false }
}

// fullMatch is RE2's FullMatch. Envoy rejects a config whose regex does not
// compile; here it matches nothing.
func fullMatch(expr string) func(string) bool {
	if _, err := regexp.Compile(expr); err != nil {
		return func(string) bool { return false }
	}
	return regexp.MustCompile(`\A(?:` + expr + `)\z`).MatchString
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
