package handshake

import (
	"cmp"
	"crypto/ecdsa"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/certs"
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

const tls13 = "TLSv1_3"

// negotiate settles what both sides agree on; what they have not in common is a blocker.
func (r *replay) negotiate(server *envoy.TLSContext, w wire) *Session {
	p := r.engine.params(paramsKey{w.TLS, server, r.serverKey(server), common13(w.from, r.engine.index(r.Server.Pod.Proxy))})
	for _, b := range p.blockers {
		r.add(b, "")
	}
	return &Session{Version: p.version, Cipher: p.cipher, Curve: p.curve, SNI: w.SNI, ALPN: common(server.ALPN, w.ALPN)}
}

// paramsKey is what the parameters of a handshake depend on.
type paramsKey struct {
	client, server *envoy.TLSContext
	key            keyKind
	groups         groups
}

// params are the parameters that two TLS contexts settle on.
type params struct {
	version, cipher, curve string
	blockers               []Blocker
}

// params settles each pair of contexts once.
func (m *memo) params(k paramsKey) *params {
	p := m.settled[k]
	if p == nil {
		p = newParams(k)
		m.settled[k] = p
	}
	return p
}

// newParams chooses by the server's order, as BoringSSL does.
func newParams(k paramsKey) *params {
	p := &params{}
	p.version = p.highest(k.client, k.server)
	switch p.version {
	case "":
	case tls13:
		p.cipher = cipher13
		p.curve = p.group13(k)
	default:
		p.cipher = p.settle("cipher suite", k.client.Ciphers, k.server.Ciphers, ciphers12, k.key.signs)
		p.curve = p.settle("curve", k.client.Curves, k.server.Curves, classicCurves, before13)
	}
	return p
}

func (p *params) block(reason Reason, format string, args ...any) {
	p.blockers = append(p.blockers, Blocker{Reason: reason, Why: fmt.Sprintf(format, args...)})
}

// highest is the highest version that both allow; none is a blocker.
func (p *params) highest(client, server *envoy.TLSContext) string {
	clientLow, clientHigh := versions(ClientSide, client)
	serverLow, serverHigh := versions(ServerSide, server)
	low, high := max(clientLow, serverLow), min(clientHigh, serverHigh) // "TLSv1_0" … sort by name
	if low > high {
		p.block(TLSVersion, "no common TLS version: the client offers %s to %s, the server %s to %s", clientLow, clientHigh, serverLow, serverHigh)
		return ""
	}
	return high
}

// cipher13 is the suite of TLS 1.3, which no field of the config changes: what BoringSSL prefers on
// processors with instructions for AES, which those of servers have.
const cipher13 = "TLS_AES_128_GCM_SHA256"

// defaults are the lists of a side that names none: usual is that of today's build, every what all
// builds since Envoy 1.17 have, some what any of them has.
type defaults struct{ usual, every, some []string }

// ciphers12 are the suites before TLS 1.3 (common.proto, cipher_suites).
var ciphers12 = defaults{
	usual: []string{
		"[ECDHE-ECDSA-AES128-GCM-SHA256|ECDHE-ECDSA-CHACHA20-POLY1305]", "[ECDHE-RSA-AES128-GCM-SHA256|ECDHE-RSA-CHACHA20-POLY1305]",
		"ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384",
	},
	every: []string{
		"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256",
		"ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384",
	},
	some: []string{
		"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-CHACHA20-POLY1305",
		"ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-ECDSA-AES128-SHA", "ECDHE-RSA-AES128-SHA",
		"ECDHE-ECDSA-AES256-SHA", "ECDHE-RSA-AES256-SHA", "AES128-GCM-SHA256", "AES256-GCM-SHA384", "AES128-SHA", "AES256-SHA",
	},
}

const postQuantum = "X25519MLKEM768"

// The groups of a side that names none (common.proto, ecdh_curves). FIPS builds have P-256 alone.
var (
	classicCurves = defaults{usual: []string{"X25519", "P-256"}, every: []string{"P-256"}, some: []string{postQuantum, "X25519", "P-256"}}
	hybridCurves  = defaults{usual: classicCurves.some, every: classicCurves.every, some: classicCurves.some}
)

// groups says which of them two proxies have in common.
type groups string

const (
	classicGroups groups = "classic"
	hybridGroups  groups = "hybrid"
	unknownGroups groups = "" // the version of a proxy is not known
)

// hybridSince is the minor version of Envoy since which its defaults begin with the hybrid group
// (envoyproxy/envoy pull request 47225; of servers asked by a client that offers both, 1.38.3 and 1.39.3
// chose X25519, 1.40.0 X25519MLKEM768).
const hybridSince = 40

func groupsOf(p *envoy.Proxy) groups {
	switch n := minor(p); {
	case n == 0:
		return unknownGroups
	case n < hybridSince:
		return classicGroups
	}
	return hybridGroups
}

// common13 is what two proxies have in common: the hybrid group if both know it.
func common13(client, server *proxyIndex) groups {
	for _, g := range []groups{classicGroups, unknownGroups} {
		if client.groups == g || server.groups == g {
			return g
		}
	}
	return hybridGroups
}

// group13 is the group of TLS 1.3, "" where it depends on a version that is not known.
func (p *params) group13(k paramsKey) string {
	client, server := k.client.Curves, k.server.Curves
	classic := p.settle("curve", client, server, classicCurves, any13)
	if k.groups == classicGroups || classic == "" {
		return classic
	}
	hybrid := p.settle("curve", client, server, hybridCurves, any13)
	if k.groups == unknownGroups && hybrid != classic {
		return ""
	}
	return hybrid
}

// minor is 40 for Envoy 1.40.1, 0 when it is not known.
func minor(p *envoy.Proxy) int {
	_, rest, _ := strings.Cut(p.Version, ".")
	number, _, _ := strings.Cut(rest, ".")
	n, _ := strconv.Atoi(number) // what is no number is not known
	return n
}

func any13(string) bool { return true }

// before13 reports groups that TLS 1.2 can use.
func before13(curve string) bool { return curve != postQuantum }

// keyKind is what the server signs with; "" when its certificate is not known.
type keyKind string

const (
	ecKey  keyKind = "ECDSA"
	rsaKey keyKind = "RSA"
)

// serverKey is the kind of the key in the certificate that the server would present.
func (r *replay) serverKey(ctx *envoy.TLSContext) keyKind {
	var chain certs.Chain
	if len(ctx.Certificates) > 0 {
		ref := ctx.Certificates[0]
		chain = ref.Chain
		if s := r.engine.index(r.Server.Pod.Proxy).secrets[ref.SDS]; s != nil {
			chain = s.Chain
		}
	}
	if len(chain) == 0 {
		return ""
	}
	if _, is := chain[0].PublicKey.(*ecdsa.PublicKey); is {
		return ecKey
	}
	return rsaKey
}

// signs reports suites that a server can use with its key: before TLS 1.3 they name its kind.
func (k keyKind) signs(suite string) bool {
	return k == "" || strings.Contains(suite, string(ecKey)) == (k == ecKey)
}

// settle chooses what both sides take. Where one names nothing, the other's choice may be in the
// defaults of some builds only, and the evidence does not show the build.
func (p *params) settle(what string, client, server []string, d defaults, fits func(string) bool) string {
	choose := func(others []string) string {
		return prefer(orElse(server, others), orElse(client, others), fits)
	}
	switch {
	case choose(d.every) != "":
		return choose(d.usual)
	case choose(d.some) != "":
		p.block(NotModelled, "only one side names its %ss, and none that every build has", what)
	default:
		p.block(TLSCipher, "no common %s: the client offers %s, the server takes %s", what, listed(client), listed(server))
	}
	return ""
}

func orElse(list, others []string) []string {
	if len(list) > 0 {
		return list
	}
	return others
}

func listed(list []string) string {
	return cmp.Or(strings.Join(list, ","), "Envoy's defaults")
}

// prefer is the server's first choice that the client offers. Of a group "[A|B]" of equal preference
// the client's first is taken.
func prefer(server, client []string, fits func(string) bool) string {
	offered := ungrouped(client)
	for _, entry := range server {
		equal := ungrouped([]string{entry})
		i := slices.IndexFunc(offered, func(x string) bool { return slices.Contains(equal, x) && fits(x) })
		if i >= 0 {
			return offered[i]
		}
	}
	return ""
}

// ungrouped takes groups "[A|B]" apart.
func ungrouped(list []string) []string {
	var out []string
	for _, c := range list {
		out = append(out, strings.Split(strings.Trim(c, "[]"), "|")...)
	}
	return out
}

// common is the first of the server's protocols that the client offers: a server's context that has
// none of them answers without (SSL_TLSEXT_ERR_NOACK in source/common/tls/context_impl.cc).
func common(server, client []string) string {
	for _, p := range server {
		if slices.Contains(client, p) {
			return p
		}
	}
	return ""
}
