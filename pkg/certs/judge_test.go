package certs_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/mtls-doctor/kubectl-mtls-doctor/internal/testca"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/certs"
)

// knownDifferences are the kinds of leaf or path for which Envoy and
// crypto/tls disagree, with what Envoy says and why. The package
// documentation has the same list in words.
var knownDifferences = map[string]string{
	"ends now":                              "refused: a certificate is expired at notAfter",
	"any usage":                             "refused: any usage is not serverAuth or clientAuth",
	"encipherment only":                     "refused: libssl wants digitalSignature",
	"Ed25519":                               "refused: not among the default signature algorithms",
	"SHA-1":                                 "accepted: only MD5 is refused",
	"root for clients":                      "accepted: an anchor's usage is not looked at",
	"root no CA":                            "accepted: an anchor need not be a CA",
	"authority by serial":                   "refused: the authority's serial number must fit",
	"intermediate for the parent domain":    "refused: URI constraints compare the whole host",
	"intermediate for an IP range":          "refused: IP constraints are not supported",
	"intermediate for an organisation":      "accepted: directory names are understood",
	"intermediate for another organisation": "accepted where the subject is empty: directory names are understood",
	"new and old root":                      "refused without key identifiers: only the first CA of a name is tried",
	"root spelled differently":              "accepted: names are compared in a canonical form",
}

// TestVerifyAgainstTLS lets real TLS handshakes of crypto/tls judge the same
// chains with the same clock and roots. Every difference must be a known one,
// and every known one must occur.
func TestVerifyAgainstTLS(t *testing.T) {
	cases := judgeCases(at)
	peer := testca.New(at, testca.Seed("peer")).Leaf("shop/peer", testca.DNS(serverName))
	met, agreed := map[string]bool{}, map[bool]int{}
	for _, c := range cases {
		ours, theirs := c.verify(at), handshake(c, peer)
		if (ours == nil) == (theirs == nil) {
			agreed[ours == nil]++
			continue
		}
		kind := explained(c, ours)
		if kind == "" {
			t.Errorf("%s: Verify says %v, the handshake %v", c.name(), ours, theirs)
		}
		met[kind] = true
	}
	for kind := range knownDifferences {
		if !met[kind] {
			t.Errorf("%s: the documented difference does not show", kind)
		}
	}
	if agreed[true] < 50 || agreed[false] < 300 {
		t.Errorf("agreed on %d sound and %d unsound chains of %d", agreed[true], agreed[false], len(cases))
	}
	t.Logf("agreed on %d sound and %d unsound chains of %d", agreed[true], agreed[false], len(cases))
}

// explained gives the kind whose known difference goes in this direction.
func explained(c judgeCase, ours error) string {
	verdict := "accepted"
	if ours != nil {
		verdict = "refused"
	}
	for _, kind := range []string{c.leafKind, c.pathKind} {
		if strings.HasPrefix(knownDifferences[kind], verdict) {
			return kind
		}
	}
	return ""
}

// handshake runs one in memory and gives the verifier's error.
func handshake(c judgeCase, peer *testca.Leaf) error {
	pool := x509.NewCertPool()
	for _, a := range c.trust {
		pool.AddCert(a)
	}
	clock := func() time.Time { return at }
	server := &tls.Config{Time: clock, Certificates: []tls.Certificate{c.leaf.TLS()}, SessionTicketsDisabled: true}
	client := &tls.Config{Time: clock, ServerName: serverName, RootCAs: pool}
	if c.role == certs.ClientCertificate {
		server.Certificates = []tls.Certificate{peer.TLS()}
		server.ClientAuth, server.ClientCAs = tls.RequireAndVerifyClientCert, pool
		client.InsecureSkipVerify = true // the server is not on trial
		client.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			cert := c.leaf.TLS()
			return &cert, nil
		}
	}
	serverErr, clientErr := shake(server, client)
	if c.role == certs.ClientCertificate {
		return serverErr
	}
	return clientErr
}

// shake gives both sides' errors. The client reads on, so that the server's
// alert finds a reader.
func shake(server, client *tls.Config) (serverErr, clientErr error) {
	a, b := memoryConn()
	done := make(chan error)
	go func() {
		s := tls.Server(a, server)
		err := s.Handshake()
		_ = a.Close()
		done <- err
	}()
	c := tls.Client(b, client)
	clientErr = c.Handshake()
	if clientErr == nil {
		_, _ = c.Read(make([]byte, 1))
	}
	_ = b.Close()
	return <-done, clientErr
}

// The judge itself must be able to tell right from wrong.
func TestHandshakeJudge(t *testing.T) {
	peer := testca.New(at).Leaf("shop/peer", testca.DNS(serverName))
	for _, c := range judgeCases(at) {
		if c.pathKind != "root" || c.leafKind != "sound" && c.leafKind != "expired" {
			continue
		}
		err := handshake(c, peer)
		var invalid x509.CertificateInvalidError
		if c.leafKind == "sound" && err != nil || c.leafKind == "expired" && !errors.As(err, &invalid) {
			t.Errorf("%s: %v", c.name(), err)
		}
	}
}
