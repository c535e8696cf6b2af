package certs

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"slices"
	"strings"
)

// constraintTexts are BoringSSL's words for the ways to fail.
const (
	textPermitted   = "permitted subtree violation"
	textExcluded    = "excluded subtree violation"
	textMinMax      = "name constraints minimum and maximum not supported"
	textUnsupported = "unsupported name constraint type"
	textNameSyntax  = "unsupported or invalid name syntax"
)

// nameConstraints are the subtrees of one CA.
type nameConstraints struct{ permitted, excluded []subtree }

type subtree struct {
	base    generalName
	bounded bool // minimum or maximum are given, which nobody supports
}

// checkNameConstraints is check_name_constraints: every certificate that is
// not self-issued, and the leaf in any case, against every CA above it, the
// anchor included. (BoringSSL also refuses a leaf without SANs whose common
// name looks like a host; mesh leaves have SANs.)
func checkNameConstraints(p path) *VerifyError {
	for depth := len(p.certs) - 1; depth >= 0; depth-- {
		c := p.certs[depth]
		if depth > 0 && selfIssued(c) {
			continue
		}
		for _, ca := range slices.Backward(p.certs[depth+1:]) {
			if failure := constrained(c, ca, depth); failure != nil {
				return failure
			}
		}
	}
	return nil
}

func constrained(c, ca *x509.Certificate, depth int) *VerifyError {
	nc := readNameConstraints(ca)
	for _, name := range constrainable(c) {
		if text := nc.check(name); text != "" {
			return fail(NameConstraints, c, depth, text, fmt.Sprintf(
				"the CA %q does not allow its name %s", ca.Subject.String(), name.label(c)))
		}
	}
	return nil
}

// constrainable are the subject, if it is not empty, and the SANs. (A mail
// address within the subject is not looked at; BoringSSL does.)
func constrainable(c *x509.Certificate) []generalName {
	names := sans(c)
	if rdns, ok := canonicalName(c.RawSubject); ok && len(rdns) > 0 {
		names = append([]generalName{{tag: tagDirectory, value: c.RawSubject}}, names...)
	}
	return names
}

func (n generalName) label(c *x509.Certificate) string {
	if n.tag == tagDirectory {
		return fmt.Sprintf("%q", c.Subject.String())
	}
	return fmt.Sprintf("%q", n.text())
}

func readNameConstraints(ca *x509.Certificate) nameConstraints {
	var nc nameConstraints
	for _, list := range elements(extension(ca, oidNameConstraints)) {
		for _, v := range members(list.Bytes) {
			nc.add(list.Tag, members(v.Bytes))
		}
	}
	return nc
}

func (nc *nameConstraints) add(list int, parts []asn1.RawValue) {
	if len(parts) == 0 {
		return
	}
	s := subtree{base: generalName{tag: parts[0].Tag, value: parts[0].Bytes}, bounded: len(parts) > 1}
	if list == 0 {
		nc.permitted = append(nc.permitted, s)
	} else {
		nc.excluded = append(nc.excluded, s)
	}
}

// check gives BoringSSL's text if the name is not allowed, else "" (nc_match
// in crypto/x509/v3_ncons.cc).
func (nc nameConstraints) check(name generalName) string {
	if text := nc.checkPermitted(name); text != "" {
		return text
	}
	for _, s := range nc.excluded {
		if s.base.tag != name.tag {
			continue
		}
		if s.bounded {
			return textMinMax
		}
		switch text := s.misses(name, true); text {
		case "":
			return textExcluded
		case textPermitted:
		default:
			return text
		}
	}
	return ""
}

// checkPermitted: if there are subtrees of the name's kind, one must match.
func (nc nameConstraints) checkPermitted(name generalName) string {
	verdict := ""
	for _, s := range nc.permitted {
		if s.base.tag != name.tag {
			continue
		}
		if s.bounded {
			return textMinMax
		}
		text := s.misses(name, false)
		if text == "" {
			return ""
		}
		if text != textPermitted {
			return text
		}
		verdict = textPermitted
	}
	return verdict
}

// misses gives "" if name lies in the subtree, textPermitted if not, another
// text if that cannot be said.
func (s subtree) misses(name generalName, excluding bool) string {
	base := s.base
	switch base.tag {
	case tagDirectory:
		return inside(directoryWithin(base.value, name.value))
	case tagDNS:
		return inside(dnsWithin(asciiLower(string(base.value)), asciiLower(string(name.value)), excluding))
	case tagEmail:
		return emailWithin(string(base.value), string(name.value))
	case tagURI:
		return uriWithin(asciiLower(string(base.value)), string(name.value))
	}
	return textUnsupported
}

func inside(ok bool) string {
	if ok {
		return ""
	}
	return textPermitted
}

func directoryWithin(base, name []byte) bool {
	b, okB := canonicalName(base)
	n, okN := canonicalName(name)
	if !okB || !okN || len(b) > len(n) {
		return bytes.Equal(base, name)
	}
	return slices.Equal(b, n[:len(b)])
}

func dnsWithin(base, name string, excluding bool) bool {
	if base == "" {
		return true
	}
	base, name = strings.TrimSuffix(base, "."), strings.TrimSuffix(name, ".")
	if parent, ok := strings.CutPrefix(name, "*."); ok && excluding {
		if _, baseParent, _ := strings.Cut(base, "."); baseParent == parent {
			return true
		}
	}
	if strings.HasPrefix(base, ".") {
		return strings.HasSuffix(name, base)
	}
	return name == base || strings.HasSuffix(name, "."+base)
}

func emailWithin(base, name string) string {
	local, host, ok := strings.Cut(name, "@")
	if !ok || local == "" || host == "" || strings.Contains(host, "@") {
		return textNameSyntax
	}
	host = asciiLower(host)
	base = strings.TrimPrefix(base, "@")
	if baseLocal, baseHost, ok := strings.Cut(base, "@"); ok {
		return inside(local == baseLocal && host == asciiLower(baseHost))
	}
	base = asciiLower(base)
	if strings.HasPrefix(base, ".") {
		return inside(strings.HasSuffix(host, base))
	}
	return inside(host == base)
}

// uriWithin compares the host of the URI: whole, or by suffix if the
// constraint begins with a dot.
func uriWithin(base, uri string) string {
	_, rest, ok := strings.Cut(uri, "://")
	if end := strings.IndexAny(rest, ":"); end >= 0 {
		rest = rest[:end]
	} else if end := strings.IndexByte(rest, '/'); end >= 0 {
		rest = rest[:end]
	}
	host := asciiLower(rest)
	if !ok || host == "" {
		return textNameSyntax
	}
	if strings.HasPrefix(base, ".") {
		return inside(strings.HasSuffix(host, base))
	}
	return inside(host == base)
}
