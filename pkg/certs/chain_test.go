package certs_test

import (
	"bytes"
	"encoding/pem"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mtls-doctor/kubectl-mtls-doctor/internal/testca"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/certs"
)

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

func block(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func TestParseChain(t *testing.T) {
	root := testca.New(at)
	leaf := root.Intermediate().Leaf("shop/server")
	key, whole := leaf.KeyPEM(), leaf.PEM()
	der := leaf.Certificate().Raw
	tests := []struct {
		name string
		data []byte
		want int
	}{
		{"PEM", whole, 2},
		{"DER", der, 1},
		{"DER in a row", leaf.DER(), 2},
		{"key before", join(key, whole), 2},
		{"key behind", join(whole, key), 2},
		{"text around", join([]byte("Certificate:\n  Data:\n"), whole, []byte("\nbye\n")), 2},
		{"text between", join(block("CERTIFICATE", der), []byte("# the issuer\n"), root.PEM()), 2},
		{"CRLF", bytes.ReplaceAll(whole, []byte("\n"), []byte("\r\n")), 2},
		{"no newline at the end", bytes.TrimRight(whole, "\n"), 2},
		{"byte order mark", join([]byte("\xef\xbb\xbf"), whole), 2},
		{"old label", block("X509 CERTIFICATE", der), 1},
		{"trusted label with settings", block("TRUSTED CERTIFICATE", join(der, []byte{0x30, 0})), 1},
		{"unknown block", join(block("DH PARAMETERS", []byte{1}), whole), 2},
		{"the same twice", join(whole, whole), 4},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			chain, err := certs.ParseChain(test.data)
			if err != nil || len(chain) != test.want {
				t.Fatalf("%d certificates, %v; want %d", len(chain), err, test.want)
			}
			if !chain.Leaf().Equal(leaf.Certificate()) {
				t.Errorf("the leaf is %s", chain.Leaf().Subject)
			}
		})
	}
}

func TestParseChainErrors(t *testing.T) {
	leaf := testca.New(at).Leaf("shop/server")
	whole := leaf.PEM()
	tests := []struct {
		name string
		data []byte
		is   error
		text string
	}{
		{"nothing", nil, certs.ErrNoCertificate, "neither PEM nor DER"},
		{"text", []byte("hello"), certs.ErrNoCertificate, "neither PEM nor DER"},
		{"only a key", leaf.KeyPEM(), certs.ErrNoCertificate, "among 1 PEM blocks"},
		{"cut off", join(whole, whole[:len(whole)/2]), nil, `PEM block 2 ("CERTIFICATE") is malformed`},
		{"bad base64 in the middle", join(whole, []byte("-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n"), whole), nil, `PEM block 2 ("CERTIFICATE") is malformed`},
		{"no certificate inside", join(leaf.KeyPEM(), block("CERTIFICATE", []byte{0x30, 1, 0})), nil, `PEM block 2 ("CERTIFICATE"): x509:`},
		{"bytes behind in a block", block("CERTIFICATE", join(leaf.Certificate().Raw, []byte{0})), nil, "PEM block 1"},
		{"second DER broken", join(leaf.DER(), []byte{0x30, 5, 1}), nil, "DER certificate 2"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			chain, err := certs.ParseChain(test.data)
			if err == nil || chain != nil {
				t.Fatalf("got %d certificates, error %v", len(chain), err)
			}
			if test.is != nil && !errors.Is(err, test.is) {
				t.Errorf("error %v is not %v", err, test.is)
			}
			if !strings.Contains(err.Error(), test.text) || !strings.HasPrefix(err.Error(), "certificate chain: ") {
				t.Errorf("error %q lacks %q", err, test.text)
			}
		})
	}
}

func TestParseErrorsShowNoKey(t *testing.T) {
	key := testca.New(at).Leaf("shop/server").KeyPEM()
	secret := strings.Split(string(key), "\n")[1]
	for name, data := range map[string][]byte{
		"cut off":  key[:len(key)-20],
		"no label": bytes.Replace(key, []byte("BEGIN PRIVATE KEY-----"), []byte("BEGIN "), 1),
		"as DER":   join([]byte{0x30}, key),
	} {
		_, err := certs.ParseChain(data)
		if err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestIdentity(t *testing.T) {
	root := testca.New(at)
	tests := []struct {
		name   string
		chain  certs.Chain
		want   string
		is     error
		reason certs.Reason
	}{
		{"sound", root.Leaf("shop/server").Chain, "spiffe://cluster.local/ns/shop/sa/server", nil, ""},
		{"beside DNS", root.Leaf("shop/server", testca.DNS("a.b")).Chain, "spiffe://cluster.local/ns/shop/sa/server", nil, ""},
		{"empty chain", nil, "", certs.ErrNoCertificate, certs.NoCertificate},
		{"no URI", root.Leaf("shop/server", testca.NoSPIFFE()).Chain, "", certs.ErrNoSPIFFEURI, certs.NotSPIFFE},
		{"other scheme", root.Leaf("https://a/b").Chain, "", certs.ErrNoSPIFFEURI, certs.NotSPIFFE},
		{"two URIs", root.Leaf("shop/server", testca.TwoURIs()).Chain, "", certs.ErrSeveralURIs, certs.NotSPIFFE},
		{"SPIFFE and another", root.Leaf("a/b", testca.URIs("spiffe://td/x", "https://a/b")).Chain, "", certs.ErrSeveralURIs, certs.NotSPIFFE},
		{"upper case", root.Leaf("spiffe://TD/x").Chain, "", certs.ErrBadTrustDomainChar, certs.NotSPIFFE},
		{"only the leaf counts", certs.Chain{root.Certificate, root.Leaf("shop/server").Certificate()}, "", certs.ErrNoSPIFFEURI, certs.NotSPIFFE},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			id, err := test.chain.Identity()
			if id.String() != test.want || !errors.Is(err, test.is) {
				t.Fatalf("got %q, %v", id, err)
			}
			var failure *certs.IdentityError
			if errors.As(err, &failure) != (test.is != nil) {
				t.Fatalf("error is a %T", err)
			}
			if failure != nil && failure.Reason() != test.reason {
				t.Errorf("reason %s, want %s", failure.Reason(), test.reason)
			}
		})
	}
}

func TestIdentityErrorNamesWhatWasFound(t *testing.T) {
	_, err := certs.Chain(testca.New(at).Leaf("shop/server", testca.TwoURIs()).Chain).Identity()
	want := `not a SPIFFE identity: several URIs in the subject alternative names, an X.509-SVID has one (URIs: ["spiffe://cluster.local/ns/shop/sa/server" "spiffe://cluster.local/ns/other/sa/other"])`
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Error(diff)
	}
}

func TestChainFingerprint(t *testing.T) {
	root := testca.New(at)
	a := certs.Chain(root.Leaf("shop/server", testca.WithRoot()).Chain)
	again := chainOf(t, join([]byte("text\n"), testca.PEM(a...)))
	if a.Fingerprint() != again.Fingerprint() || len(a.Fingerprint()) != 64 {
		t.Errorf("%q and %q for the same chain", a.Fingerprint(), again.Fingerprint())
	}
	different := map[string]certs.Chain{
		a.Fingerprint():                       a,
		a[:1].Fingerprint():                   a[:1],
		certs.Chain{a[1], a[0]}.Fingerprint(): nil,
		certs.Chain(root.Leaf("shop/client").Chain).Fingerprint(): nil,
		certs.Chain(nil).Fingerprint():                            nil,
	}
	if len(different) != 5 {
		t.Errorf("different chains share a fingerprint: %d of 5", len(different))
	}
	if certs.Chain(nil).Fingerprint() != "" || certs.Chain(nil).Leaf() != nil {
		t.Error("the empty chain has a fingerprint or a leaf")
	}
}

func FuzzParseChain(f *testing.F) {
	leaf := testca.New(at).Intermediate().Leaf("shop/server", testca.WithRoot())
	for _, seed := range [][]byte{
		nil, leaf.PEM(), leaf.DER(), leaf.KeyPEM(), join(leaf.KeyPEM(), leaf.PEM()), leaf.PEM()[:500],
		[]byte("-----BEGIN -----BEGIN "), testdata(f, "mesh-server.pem"), block("TRUSTED CERTIFICATE", leaf.DER()),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		chain, err := certs.ParseChain(data)
		if (err == nil) == (len(chain) == 0) {
			t.Fatalf("%d certificates and error %v", len(chain), err)
		}
		if err != nil {
			return
		}
		for _, c := range chain {
			certs.Describe(c)
			_, _ = certs.MatchSAN(c, []certs.Matcher{{Kind: "prefix", Value: "spiffe://"}})
		}
		_, _ = chain.Identity()
		again, err := certs.ParseChain(testca.PEM(chain...))
		if err != nil || again.Fingerprint() != chain.Fingerprint() {
			t.Errorf("does not survive a round trip: %v", err)
		}
	})
}
