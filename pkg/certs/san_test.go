package certs_test

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"net"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mtls-doctor/kubectl-mtls-doctor/internal/testca"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/certs"
)

const serverID = "spiffe://cluster.local/ns/shop/sa/server"

// manyNames is a leaf with a name of every kind.
func manyNames() *x509.Certificate {
	return testca.New(at).Leaf("shop/server", testca.DNS("Server.shop.svc", "*.wild.example", "a*c.part.example", "xn--*.ace.example"),
		testca.Emails("ops@shop.example"), testca.IPs(net.IPv4(10, 0, 0, 1), net.ParseIP("2001:DB8::1"))).Certificate()
}

func TestMatchSAN(t *testing.T) {
	leaf := manyNames()
	exact := func(kind, value string) certs.Matcher {
		return certs.Matcher{SANType: kind, Kind: "exact", Value: value}
	}
	tests := []struct {
		name string
		m    certs.Matcher
		want bool
	}{
		{"URI", exact("URI", serverID), true},
		{"URI, another", exact("URI", serverID+"x"), false},
		{"URI, other case", exact("URI", "spiffe://cluster.local/ns/shop/sa/SERVER"), false},
		{"URI, case ignored", certs.Matcher{SANType: "URI", Kind: "exact", Value: "SPIFFE://cluster.local/ns/shop/sa/SERVER", IgnoreCase: true}, true},
		{"URI matcher does not see DNS", exact("URI", "Server.shop.svc"), false},
		{"any type, URI", exact("", serverID), true},
		{"any type, DNS", exact("", "server.shop.svc"), true},
		{"any type, mail", exact("", "ops@shop.example"), true},
		{"any type, IP", exact("", "10.0.0.1"), true},
		{"any type, none", exact("", "client.shop.svc"), false},
		{"DNS, any case", exact("DNS", "SERVER.SHOP.SVC"), true},
		{"DNS, wildcard in the certificate", exact("DNS", "x.wild.example"), true},
		{"DNS, wildcard stands for one label", exact("DNS", "y.x.wild.example"), false},
		{"DNS, wildcard needs a label", exact("DNS", "wild.example"), false},
		{"DNS, wildcard within a label", exact("DNS", "abbc.part.example"), true},
		{"DNS, wildcard may be empty", exact("DNS", "ac.part.example"), true},
		{"DNS, wildcard does not overlap", exact("DNS", "a.part.example"), false},
		{"DNS, no wildcard in A-labels", exact("DNS", "xn--x.ace.example"), false},
		{"DNS, wildcard in the matcher is none", exact("DNS", "*.shop.svc"), false},
		{"DNS, the wildcard itself", exact("DNS", "*.wild.example"), true},
		{"DNS prefix follows no DNS rules", certs.Matcher{SANType: "DNS", Kind: "prefix", Value: "server."}, false},
		{"DNS prefix, case ignored", certs.Matcher{SANType: "DNS", Kind: "prefix", Value: "server.", IgnoreCase: true}, true},
		{"mail", exact("EMAIL", "ops@shop.example"), true},
		{"IPv4", exact("IP_ADDRESS", "10.0.0.1"), true},
		{"IPv6", exact("IP", "2001:db8::1"), true},
		{"IP prefix", certs.Matcher{SANType: "IP", Kind: "prefix", Value: "10."}, true},
		{"prefix", certs.Matcher{SANType: "URI", Kind: "prefix", Value: "spiffe://cluster.local/"}, true},
		{"prefix of another trust domain", certs.Matcher{SANType: "URI", Kind: "prefix", Value: "spiffe://cluster.localx/"}, false},
		{"suffix", certs.Matcher{SANType: "URI", Kind: "suffix", Value: "/sa/server"}, true},
		{"contains", certs.Matcher{SANType: "URI", Kind: "contains", Value: "/ns/shop/"}, true},
		{"contains not", certs.Matcher{SANType: "URI", Kind: "contains", Value: "/ns/pay/"}, false},
		{"regex", certs.Matcher{SANType: "URI", Kind: "regex", Value: "spiffe://[^/]+/ns/shop/sa/.*"}, true},
		{"regex must match all", certs.Matcher{SANType: "URI", Kind: "regex", Value: "ns/shop"}, false},
		{"regex with alternatives", certs.Matcher{SANType: "URI", Kind: "regex", Value: "x|spiffe://cluster.local/.*"}, true},
		{"regex, first alternative shorter", certs.Matcher{SANType: "URI", Kind: "regex", Value: "spiffe|spiffe.*"}, true},
		{"regex heeds case", certs.Matcher{SANType: "URI", Kind: "regex", Value: "SPIFFE.*", IgnoreCase: true}, false},
		{"regex that is none", certs.Matcher{SANType: "URI", Kind: "regex", Value: ".*)|(.*"}, false},
		{"unknown kind", certs.Matcher{SANType: "URI", Kind: "glob", Value: "*"}, false},
		{"unknown type", exact("RID", serverID), false},
		{"zero matcher", certs.Matcher{}, false},
	}
	for _, test := range tests {
		if got, _ := certs.MatchSAN(leaf, []certs.Matcher{test.m}); got != test.want {
			t.Errorf("%s: %t", test.name, got)
		}
	}
}

func TestMatchSANList(t *testing.T) {
	leaf := testca.New(at).Leaf("shop/server", testca.DNS("a.b")).Certificate()
	yes, no := certs.Matcher{SANType: "URI", Kind: "exact", Value: serverID}, certs.Matcher{SANType: "URI", Kind: "exact", Value: "x"}
	for name, test := range map[string]struct {
		leaf      *x509.Certificate
		ms        []certs.Matcher
		want      bool
		presented []string
	}{
		"no matcher is no check": {leaf, nil, true, []string{"a.b", serverID}},
		"one of several":         {leaf, []certs.Matcher{no, yes}, true, []string{"a.b", serverID}},
		"none of several":        {leaf, []certs.Matcher{no, no}, false, []string{"a.b", serverID}},
		"no leaf":                {nil, []certs.Matcher{yes}, false, nil},
		"a leaf without names":   {testca.New(at).Certificate, []certs.Matcher{yes}, false, nil},
		"no leaf and no check":   {nil, nil, true, nil},
	} {
		got, presented := certs.MatchSAN(test.leaf, test.ms)
		if got != test.want {
			t.Errorf("%s: %t", name, got)
		}
		if diff := cmp.Diff(test.presented, presented); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestMatchSANOtherName(t *testing.T) {
	upn := asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 20, 2, 3}
	value := mustMarshal(asn1.RawValue{Class: 2, Tag: 0, IsCompound: true, Bytes: mustMarshal("user@corp")})
	name := asn1.RawValue{Class: 2, Tag: 0, IsCompound: true, Bytes: append(mustMarshal(upn), value...)}
	san := pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 17}, Value: mustMarshal([]asn1.RawValue{name})}
	leaf := testca.New(at).Leaf("a/b", testca.URIs(), testca.Extension(san)).Certificate()
	for name, test := range map[string]struct {
		m    certs.Matcher
		want bool
	}{
		"type and value": {certs.Matcher{SANType: "OTHER_NAME", OID: upn.String(), Kind: "exact", Value: "user@corp"}, true},
		"other type":     {certs.Matcher{SANType: "OTHER_NAME", OID: "1.2.3", Kind: "exact", Value: "user@corp"}, false},
		"no type":        {certs.Matcher{SANType: "OTHER_NAME", Kind: "exact", Value: "user@corp"}, false},
		"any type":       {certs.Matcher{Kind: "exact", Value: "user@corp"}, false},
	} {
		if got, presented := certs.MatchSAN(leaf, []certs.Matcher{test.m}); got != test.want || len(presented) != 1 {
			t.Errorf("%s: %t, %q", name, got, presented)
		}
	}
}

func TestMatchString(t *testing.T) {
	for _, test := range []struct {
		m    certs.Matcher
		in   string
		want bool
	}{
		{certs.Matcher{Kind: "exact", Value: "a.b"}, "a.b", true},
		{certs.Matcher{Kind: "exact", Value: "a.b"}, "*.b", false},
		{certs.Matcher{SANType: "DNS", Kind: "exact", Value: "A"}, "a", false},
		{certs.Matcher{Kind: "suffix", Value: ".B", IgnoreCase: true}, "a.b", true},
	} {
		if got := test.m.MatchString(test.in); got != test.want {
			t.Errorf("%+v with %q: %t", test.m, test.in, got)
		}
	}
}

// TestFullMatch: an expression is matched as a whole without being wrapped, which could exceed
// the nesting that compiles, or turn two halves into an expression.
func TestFullMatch(t *testing.T) {
	deep := strings.Repeat("(", 999) + "a" + strings.Repeat(")", 999)
	for _, tc := range []struct {
		expr, text string
		want, ok   bool
	}{
		{deep, "a", true, true},
		{deep, "aa", false, true},
		{"a|ab", "ab", true, true},
		{"a*?", "aaa", true, true},
		{"b", "abc", false, true},
		{"", "a", false, true},
		{"", "", true, true},
		{"(?m)^a$", "a\na", false, true},
		{"a)|(b", "a", false, false},
		{"(", "(", false, false},
	} {
		m := certs.Matcher{Kind: "regex", Value: tc.expr}
		if got := m.MatchString(tc.text); got != tc.want {
			t.Errorf("%.20q matches %q: %v, want %v", tc.expr, tc.text, got, tc.want)
		}
		if _, ok := m.Compile(); ok != tc.ok {
			t.Errorf("%.20q compiles: %v, want %v", tc.expr, ok, tc.ok)
		}
	}
	if _, ok := (certs.Matcher{Kind: "custom"}).Compile(); ok {
		t.Error("a kind that nobody knows compiles")
	}
}
