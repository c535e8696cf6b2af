package handshake

import (
	"cmp"
	"slices"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
)

// Envoy's defaults where a context names no version: TLS 1.2 to 1.2 for clients, 1.2 to 1.3 for
// servers (envoy/extensions/transport_sockets/tls/v3/common.proto, TlsParameters). Istio names
// them in its own clusters.
func versions(side Side, ctx *envoy.TLSContext) (low, high string) {
	high = "TLSv1_3"
	if side == ClientSide {
		high = "TLSv1_2"
	}
	return cmp.Or(ctx.MinVersion, "TLSv1_2"), cmp.Or(ctx.MaxVersion, high)
}

// version is the highest that both allow; none is a blocker.
func (r *replay) version(client, server *envoy.TLSContext) string {
	clientLow, clientHigh := versions(ClientSide, client)
	serverLow, serverHigh := versions(ServerSide, server)
	low, high := max(clientLow, serverLow), min(clientHigh, serverHigh) // "TLSv1_0" … sort by name
	if low > high {
		r.block(TLSVersion, "no common TLS version: the client offers %s to %s, the server %s to %s", clientLow, clientHigh, serverLow, serverHigh)
		return ""
	}
	if high != "TLSv1_3" { // TLS 1.3 has suites of its own
		r.overlap("cipher suite", client.Ciphers, server.Ciphers)
	}
	r.overlap("curve", client.Curves, server.Curves)
	return high
}

// overlap blocks when both sides name what they take and share none. Where only one side does,
// the other's default depends on the build, which the evidence does not show.
func (r *replay) overlap(what string, client, server []string) {
	switch {
	case len(client) == 0 && len(server) == 0 || shared(client, server):
	case len(client) > 0 && len(server) > 0:
		r.block(TLSCipher, "no common %s: the client offers %s, the server takes %s", what, strings.Join(client, ","), strings.Join(server, ","))
	case !shared(commonDefaults, client) && !shared(commonDefaults, server):
		r.block(NotModelled, "only one side names its %ss, and none that every build has", what)
	}
}

// commonDefaults are the suites and curves that every Envoy since 1.17 takes unless told
// otherwise (common.proto, cipher_suites and ecdh_curves).
var commonDefaults = []string{
	"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256",
	"ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384", "P-256",
}

// shared reports a common element; Envoy's lists may hold equal-preference groups "[A|B]" and
// names in two spellings, which are not told apart here.
func shared(a, b []string) bool {
	set := map[string]bool{}
	for _, c := range ciphers(a) {
		set[c] = true
	}
	return slices.ContainsFunc(ciphers(b), func(c string) bool { return set[c] })
}

func ciphers(list []string) []string {
	var out []string
	for _, c := range list {
		out = append(out, strings.Split(strings.Trim(c, "[]"), "|")...)
	}
	return out
}

// common is the first of the server's protocols that the client offers.
func common(server, client []string) string {
	for _, p := range server {
		if slices.Contains(client, p) {
			return p
		}
	}
	return ""
}

// verifies reports whether a context checks its peer's chain at all.
func verifies(ctx *envoy.TLSContext) bool {
	v := &ctx.Validation
	return v.Present && !v.AcceptUntrusted && (v.CA != nil || v.SystemRoots || len(v.SPIFFE) > 0 || !v.Pins.None())
}
