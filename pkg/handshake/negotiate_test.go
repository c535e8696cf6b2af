package handshake

import (
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
)

// TestNegotiate: every outcome is what two Envoys 1.40 settled on, by their counters ssl.versions,
// ssl.ciphers and ssl.curves. Of ALPN they keep none.
func TestNegotiate(t *testing.T) {
	const a128, a256, chacha = "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305"
	type ctx = envoy.TLSContext
	list := func(names ...string) []string { return names }
	tests := map[string]struct {
		client, server         ctx
		version, cipher, curve string
	}{
		"defaults":                             {ctx{}, ctx{}, "TLSv1_2", a128, "X25519"},
		"the client allows 1.3":                {ctx{MaxVersion: tls13}, ctx{}, tls13, cipher13, postQuantum},
		"the server does not":                  {ctx{MaxVersion: tls13}, ctx{MaxVersion: "TLSv1_2"}, "TLSv1_2", a128, "X25519"},
		"the server's order of ciphers":        {ctx{}, ctx{Ciphers: list(a256, a128)}, "TLSv1_2", a256, "X25519"},
		"not the client's":                     {ctx{Ciphers: list(a256, a128)}, ctx{}, "TLSv1_2", a128, "X25519"},
		"the server's before the client's":     {ctx{Ciphers: list(a256, a128)}, ctx{Ciphers: list(a128, a256)}, "TLSv1_2", a128, "X25519"},
		"the client's of equal preference":     {ctx{Ciphers: list(chacha, a128)}, ctx{}, "TLSv1_2", chacha, "X25519"},
		"the same, of a group that is written": {ctx{Ciphers: list(chacha, a128)}, ctx{Ciphers: list("[" + a128 + "|" + chacha + "]")}, "TLSv1_2", chacha, "X25519"},
		"ciphers are not for 1.3":              {ctx{MaxVersion: tls13, Ciphers: list(a256)}, ctx{Ciphers: list(a128)}, tls13, cipher13, postQuantum},
		"the server's order of curves":         {ctx{MaxVersion: tls13}, ctx{Curves: list("P-256", "X25519")}, tls13, cipher13, "P-256"},
		"not the client's curves":              {ctx{MaxVersion: tls13, Curves: list("P-256", "X25519")}, ctx{}, tls13, cipher13, "X25519"},
		"a hybrid group that is not first":     {ctx{MaxVersion: tls13, Curves: list(postQuantum, "X25519")}, ctx{Curves: list("X25519", postQuantum)}, tls13, cipher13, "X25519"},
		"the server's order of curves in 1.2":  {ctx{}, ctx{Curves: list("P-256", "X25519")}, "TLSv1_2", a128, "P-256"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := settled(t, "1.40.0", tt.client, tt.server)
			if got.Version != tt.version || got.Cipher != tt.cipher || got.Curve != tt.curve {
				t.Errorf("%s %s %s, want %s %s %s", got.Version, got.Cipher, got.Curve, tt.version, tt.cipher, tt.curve)
			}
		})
	}
	if got := settled(t, "1.38.2", ctx{MaxVersion: tls13}, ctx{}); got.Curve != "X25519" {
		t.Errorf("before Envoy 1.40: %s", got.Curve)
	}
	if got := settled(t, "", ctx{MaxVersion: tls13}, ctx{}); got.Curve != "" || got.Cipher != cipher13 {
		t.Errorf("of a version that is not known: %+v", got)
	}
	alpn := settled(t, "1.40.0", ctx{MaxVersion: tls13, ALPN: list("h2", "istio")}, ctx{ALPN: list("istio", "h2")})
	if alpn.ALPN != "istio" {
		t.Errorf("the server's order of protocols: %q", alpn.ALPN)
	}
}

// settled negotiates between shop/client and shop/server, whose key is of ECDSA.
func settled(t *testing.T, version string, client, server envoy.TLSContext) Session {
	t.Helper()
	w := newWorld(t)
	w.pod("shop/client")
	w.pod("shop/server")
	w.service("shop/server", "http 80 8080").of("shop/server")
	w.accept("shop/server", strict)
	x, y := w.proxy("shop/client"), w.proxy("shop/server")
	x.Version, y.Version = version, version
	c, s := outboundContext(x), ownInbound(y)
	c.MaxVersion, c.MinVersion, c.Ciphers, c.Curves = client.MaxVersion, "", client.Ciphers, client.Curves
	s.MaxVersion, s.MinVersion, s.Ciphers, s.Curves = server.MaxVersion, "", server.Ciphers, server.Curves
	if len(client.ALPN) > 0 {
		c.ALPN, s.ALPN = client.ALPN, server.ALPN
	}
	e := w.edges("shop/client", "server.shop:80")[0]
	if e.TLS == nil || !e.Verdict.Works() {
		t.Fatalf("%s: %s", e.Verdict, e.Why)
	}
	return *e.TLS
}
