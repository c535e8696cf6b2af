package certs

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Tags of the ASN.1 choice GeneralName (RFC 5280, section 4.2.1.6).
const (
	tagOtherName = 0
	tagEmail     = 1
	tagDNS       = 2
	tagDirectory = 4
	tagURI       = 6
	tagIP        = 7
)

// generalName is one entry of a SAN or of a name constraint, undecoded: Envoy
// matches the bytes of the certificate, and url.URL would normalise them.
type generalName struct {
	tag   int
	value []byte
}

// The extensions that this package reads itself, because crypto/x509 keeps
// only a part of them.
var (
	oidKeyUsage        = asn1.ObjectIdentifier{2, 5, 29, 15}
	oidSAN             = asn1.ObjectIdentifier{2, 5, 29, 17}
	oidNameConstraints = asn1.ObjectIdentifier{2, 5, 29, 30}
	oidAuthorityKeyID  = asn1.ObjectIdentifier{2, 5, 29, 35}
)

// extension gives the content of an extension, nil if it is absent.
func extension(c *x509.Certificate, oid asn1.ObjectIdentifier) []byte {
	return findExtension(c.Extensions, oid)
}

func findExtension(list []pkix.Extension, oid asn1.ObjectIdentifier) []byte {
	for _, e := range list {
		if e.Id.Equal(oid) {
			return e.Value
		}
	}
	return nil
}

// elements lists the members of a DER SEQUENCE; nil if it is none.
func elements(der []byte) []asn1.RawValue {
	var seq asn1.RawValue
	if _, err := asn1.Unmarshal(der, &seq); err != nil || !seq.IsCompound {
		return nil
	}
	return members(seq.Bytes)
}

// members lists DER values that stand one behind the other.
func members(der []byte) []asn1.RawValue {
	var all []asn1.RawValue
	for len(der) > 0 {
		var v asn1.RawValue
		rest, err := asn1.Unmarshal(der, &v)
		if err != nil {
			return nil
		}
		all = append(all, v)
		der = rest
	}
	return all
}

// sans lists the subject alternative names in the certificate's order.
func sans(c *x509.Certificate) []generalName {
	var names []generalName
	for _, v := range elements(extension(c, oidSAN)) {
		names = append(names, generalName{tag: v.Tag, value: v.Bytes})
	}
	return names
}

func uriSANs(c *x509.Certificate) []string {
	var uris []string
	for _, n := range sans(c) {
		if n.tag == tagURI {
			uris = append(uris, string(n.value))
		}
	}
	return uris
}

// text is the name as Envoy's Utility::generalNameAsString writes it
// (source/common/tls/utility.cc); "" for kinds that it does not write.
func (n generalName) text() string {
	switch n.tag {
	case tagEmail, tagDNS, tagURI:
		return string(n.value)
	case tagIP:
		if addr, ok := netip.AddrFromSlice(n.value); ok {
			return addr.String()
		}
	case tagOtherName:
		_, value := n.other()
		return value
	}
	return ""
}

// other splits an otherName into its type and, if that is text, its value.
func (n generalName) other() (oid, value string) {
	parts := members(n.value)
	if len(parts) != 2 {
		return "", ""
	}
	var id asn1.ObjectIdentifier
	if _, err := asn1.Unmarshal(parts[0].FullBytes, &id); err != nil {
		return "", ""
	}
	var text string
	if _, err := asn1.Unmarshal(parts[1].Bytes, &text); err != nil {
		return id.String(), ""
	}
	return id.String(), text
}

// sameName compares distinguished names as X509_NAME_cmp does: by a canonical
// form without regard to letter case, string type and surplus white space.
func sameName(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	ca, okA := canonicalName(a)
	cb, okB := canonicalName(b)
	return okA && okB && slices.Equal(ca, cb)
}

// canonicalName gives one string per relative distinguished name.
func canonicalName(der []byte) ([]string, bool) {
	var name pkix.RDNSequence
	if rest, err := asn1.Unmarshal(der, &name); err != nil || len(rest) > 0 {
		return nil, false
	}
	rdns := make([]string, 0, len(name))
	for _, set := range name {
		var attrs []string
		for _, a := range set {
			attrs = append(attrs, fmt.Sprintf("%s=%q", a.Type, canonicalValue(a.Value)))
		}
		slices.Sort(attrs)
		rdns = append(rdns, strings.Join(attrs, "+"))
	}
	return rdns, true
}

func canonicalValue(v any) string {
	s, ok := v.(string)
	if !ok {
		return fmt.Sprintf("%T %v", v, v)
	}
	return asciiLower(strings.Join(strings.FieldsFunc(s, asciiSpace), " "))
}

func asciiSpace(r rune) bool { return r == ' ' || '\t' <= r && r <= '\r' }

func asciiLower(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}
