package certs_test

import (
	"crypto/x509"
	"net"
	"testing"
	"time"

	"github.com/mtls-doctor/kubectl-mtls-doctor/internal/testca"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/certs"
)

const (
	permitted  = "permitted subtree violation"
	excluded   = "excluded subtree violation"
	badSyntax  = "unsupported or invalid name syntax"
	unknownTyp = "unsupported name constraint type"
)

// constraintCase is a CA that limits names, a leaf below it, and BoringSSL's
// word for it, "" if it may bear its names.
type constraintCase struct {
	name      string
	constrain func(*x509.Certificate)
	leaf      testca.Option
	want      string
}

func permitDNS(d ...string) func(*x509.Certificate) {
	return func(t *x509.Certificate) { t.PermittedDNSDomains = d }
}

func excludeDNS(d ...string) func(*x509.Certificate) {
	return func(t *x509.Certificate) { t.ExcludedDNSDomains = d }
}

func permitURI(d ...string) func(*x509.Certificate) {
	return func(t *x509.Certificate) { t.PermittedURIDomains = d }
}

func permitMail(d ...string) func(*x509.Certificate) {
	return func(t *x509.Certificate) { t.PermittedEmailAddresses = d }
}

func constraintCases() []constraintCase {
	host, wild := testca.DNS("a.shop.svc"), testca.DNS("*.shop.svc")
	mail := testca.Emails("Ops@Shop.example")
	return []constraintCase{
		{"host within", permitDNS("shop.svc"), host, ""},
		{"host itself", permitDNS("a.shop.svc"), host, ""},
		{"host of another case", permitDNS("SHOP.svc"), host, ""},
		{"host outside", permitDNS("pay.svc"), host, permitted},
		{"host that only ends so", permitDNS("hop.svc"), host, permitted},
		{"one of two", permitDNS("pay.svc", "shop.svc"), host, ""},
		{"other kinds of names are free", permitDNS("pay.svc"), testca.Emails("a@b.example"), ""},
		{"excluded host", excludeDNS("shop.svc"), host, excluded},
		{"not the excluded host", excludeDNS("pay.svc", "b.shop.svc"), host, ""},
		{"wildcard may cover the excluded host", excludeDNS("b.shop.svc"), wild, excluded},
		{"wildcard within", permitDNS("shop.svc"), wild, ""},
		{"wildcard is wider than permitted", permitDNS("b.shop.svc"), wild, permitted},
		{"URI host itself", permitURI("cluster.local"), testca.DNS(), ""},
		{"URI host below a dot", permitURI(".local"), testca.DNS(), ""},
		{"URI host is not below its own dot", permitURI(".cluster.local"), testca.DNS(), permitted},
		{"URI host below without dot", permitURI("local"), testca.DNS(), permitted},
		{"URI with a port", permitURI("a.example"), testca.URIs("https://a.example:443/x"), ""},
		{"URI of another case", permitURI("a.example"), testca.URIs("https://A.example/x"), ""},
		{"URI without a path", permitURI("a.example"), testca.URIs("https://a.example"), ""},
		{"URI without a host", permitURI("a.example"), testca.URIs("https:///x"), badSyntax},
		{"URI that is opaque", permitURI("a.example"), testca.URIs("urn:x"), badSyntax},
		{"mail host", permitMail("shop.example"), mail, ""},
		{"mail host below", permitMail(".example"), mail, ""},
		{"mail host outside", permitMail("pay.example"), mail, permitted},
		{"mailbox", permitMail("Ops@shop.example"), mail, ""},
		{"mailbox of another case", permitMail("ops@shop.example"), mail, permitted},
		{"IP", permitIPs, testca.IPs(net.IPv4(10, 0, 0, 1)), unknownTyp},
		{"IP constraint without IP", permitIPs, host, ""},
	}
}

func (c constraintCase) judgeCase(now time.Time, role certs.Role) judgeCase {
	root := testca.New(now)
	ca := root.Intermediate(testca.Constrain(c.constrain), testca.Seed(c.name))
	return judgeCase{leafKind: c.name, pathKind: "constrained", role: role, leaf: ca.Leaf("shop/server", c.leaf), trust: []*x509.Certificate{root.Certificate}}
}

func TestVerifyNameConstraints(t *testing.T) {
	for _, c := range constraintCases() {
		want := verdict{}
		if c.want != "" {
			want = bad(certs.NameConstraints, "0", c.want)
		}
		err := c.judgeCase(at, certs.ServerCertificate).verify(at)
		if got := verdictOf(t, err); got != want {
			t.Errorf("%s: %+v, want %+v", c.name, got, want)
		}
	}
}

// Constraints hold for intermediates too, and those of an anchor count.
func TestVerifyNameConstraintsAlongThePath(t *testing.T) {
	root := testca.New(at, testca.PermitURIs("other.example"))
	err := certs.Verify(root.Intermediate().Leaf("a/b").Chain, trust(root), asServer())
	if got, want := verdictOf(t, err), bad(certs.NameConstraints, "0", permitted); got != want {
		t.Errorf("%+v", got)
	}
	root = testca.New(at)
	limited := root.Intermediate(testca.Extension(organisationOnly("other")))
	err = certs.Verify(limited.Intermediate().Leaf("a/b").Chain, trust(root), asServer())
	if got, want := verdictOf(t, err), bad(certs.NameConstraints, "1", permitted); got != want {
		t.Errorf("%+v", got)
	}
}
