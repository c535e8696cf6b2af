package handshake

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/certs"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
)

// handshake replays TLS between the client's proxy and a server's chain: what they agree on,
// the server's certificate before the client's judgement, then the client's before the server's.
// It returns the identity that the server learns, "" when there is none.
func (r *replay) handshake(server *envoy.TLSContext, w wire) (identity string) {
	if !r.modelled(ClientSide, w.TLS) || !r.modelled(ServerSide, server) {
		return ""
	}
	r.TLS = &Session{SNI: w.SNI, ALPN: common(server.ALPN, w.ALPN), Version: r.version(w.TLS, server)}
	from, to := w.from, r.engine.index(r.Server.Pod.Proxy)
	serverChain := r.judge(ServerSide, party{to, r.Server.Pod.Key().String()}, server, party{from, r.Client.Key().String()}, w.TLS)
	r.TLS.ServerID = identityOf(serverChain)
	if !server.RequireClientCertificate && !server.Validation.Present {
		return ""
	}
	if len(w.TLS.Certificates) == 0 {
		if server.RequireClientCertificate {
			r.block(ClientCertificateRequired, "%s demands a client certificate and the client's proxy presents none", r.Server.Pod.Key())
		}
		return ""
	}
	clientChain := r.judge(ClientSide, party{from, r.Client.Key().String()}, w.TLS, party{to, r.Server.Pod.Key().String()}, server)
	r.TLS.ClientID = identityOf(clientChain)
	return r.TLS.ClientID
}

func (r *replay) modelled(side Side, ctx *envoy.TLSContext) bool {
	if len(ctx.Unmodelled) > 0 {
		r.block(NotModelled, "the %s's TLS context sets %s", side, ctx.Unmodelled[0])
	}
	return len(ctx.Unmodelled) == 0
}

func identityOf(c certs.Chain) string {
	if id, err := c.Identity(); err == nil {
		return id.String()
	}
	return ""
}

// party is one end of a handshake with its secrets.
type party struct {
	ix   *proxyIndex
	name string
}

// judge lets a verifier look at a holder's certificate, and returns the chain that it saw.
func (r *replay) judge(side Side, holder party, offers *envoy.TLSContext, verifier party, demands *envoy.TLSContext) certs.Chain {
	chain, ok := r.chainOf(side, holder, offers)
	if !ok {
		return nil
	}
	v := &demands.Validation
	if !v.Present {
		return chain
	}
	trust, ok := r.trustOf(opposite(side), verifier, v)
	if !ok {
		return chain
	}
	r.verify(side, holder, chain, trust)
	r.matchSAN(side, holder, verifier, chain, append(slices.Clone(v.SANs), trust.sans...))
	return chain
}

func opposite(s Side) Side {
	if s == ClientSide {
		return ServerSide
	}
	return ClientSide
}

func missing(s Side) Reason {
	if s == ClientSide {
		return ClientSecretMissing
	}
	return ServerSecretMissing
}

// chainOf finds the certificate that a side presents.
func (r *replay) chainOf(side Side, p party, ctx *envoy.TLSContext) (certs.Chain, bool) {
	if len(ctx.Certificates) == 0 {
		r.block(missing(side), "%s has no certificate configured", p.name)
		return nil, false
	}
	ref := ctx.Certificates[0]
	if len(ref.Chain) > 0 {
		return ref.Chain, true
	}
	if ref.SDS == "" {
		r.block(EvidenceMissing, "the certificate of %s is in file %s, which the dump does not show", p.name, ref.File)
		return nil, false
	}
	s, ok := r.secret(side, p, ref.SDS)
	switch {
	case !ok:
		return nil, false
	case len(s.Chain) == 0:
		r.block(EvidenceMissing, "secret %s of %s could not be read: %s", ref.SDS, p.name, cmp.Or(s.Problem, "it holds no certificate"))
		return nil, false
	}
	return s.Chain, true
}

// secret finds an active secret. Envoy refuses connections while it waits for one.
func (r *replay) secret(side Side, p party, name string) (*envoy.Secret, bool) {
	if s := p.ix.secrets[name]; s != nil {
		return s, true
	}
	switch {
	case p.ix.warming[name]:
		r.block(missing(side), "secret %s of %s is still warming: its proxy was given none", name, p.name)
	case !p.ix.proxy.Read.Has(envoy.SectionSecrets):
		r.block(EvidenceMissing, "the secrets of %s were not read", p.name)
	default:
		r.block(missing(side), "%s has no secret %s", p.name, name)
	}
	return nil, false
}

// trust is what a verifier verifies against.
type trust struct {
	bundle       *certs.Bundle
	sans         []certs.Matcher
	allowExpired bool
	anyChain     bool
}

func (r *replay) trustOf(side Side, p party, v *envoy.Validation) (trust, bool) {
	t := trust{allowExpired: v.AllowExpired, anyChain: v.AcceptUntrusted}
	switch {
	case len(v.SPIFFE) > 0:
		t.bundle = certs.NewSPIFFEBundle(v.SPIFFE)
	case v.SystemRoots, v.CA != nil && v.CA.File != "":
		r.block(ForeignCertificate, "%s trusts roots in a file that the dump does not show", p.name)
		return t, false
	case v.CA == nil:
		t.anyChain = true
	case v.CA.Bundle != nil:
		t.bundle = v.CA.Bundle
	default:
		return r.trustFromSecret(side, p, v.CA.SDS, t)
	}
	return t, true
}

func (r *replay) trustFromSecret(side Side, p party, name string, t trust) (trust, bool) {
	s, ok := r.secret(side, p, name)
	switch {
	case !ok:
		return t, false
	case len(s.SPIFFE) > 0:
		t.bundle = certs.NewSPIFFEBundle(s.SPIFFE)
	case s.Bundle != nil:
		t.bundle = s.Bundle
	default:
		r.block(EvidenceMissing, "trust bundle %s of %s could not be read: %s", name, p.name, cmp.Or(s.Problem, "it holds no certificate"))
		return t, false
	}
	t.sans = s.SANs
	return t, true
}

// verify checks a chain against the other side's trust bundle at the evidence's time.
func (r *replay) verify(side Side, holder party, chain certs.Chain, t trust) {
	r.fact(Proxy, holder.name+" config_dump secrets", describeChain(chain))
	if t.anyChain {
		return
	}
	role := certs.ServerCertificate
	if side == ClientSide {
		role = certs.ClientCertificate
	}
	opts := certs.VerifyOptions{At: r.engine.snap.CapturedAt, Role: role, AllowExpired: t.allowExpired}
	err := r.engine.verify(chain, t.bundle, opts)
	var ve *certs.VerifyError
	switch {
	case err == nil:
	case errors.As(err, &ve):
		r.block(CertificateReason(side, ve.Reason), "the certificate of %s is not accepted: %s", holder.name, ve.Detail)
	default:
		r.block(EvidenceMissing, "the certificate of %s could not be judged: %v", holder.name, err)
	}
}

func (r *replay) matchSAN(side Side, holder, verifier party, chain certs.Chain, matchers []certs.Matcher) {
	ok, presented := certs.MatchSAN(chain.Leaf(), matchers)
	if ok {
		return
	}
	reason := ServerSANMismatch
	if side == ClientSide {
		reason = ClientSANMismatch
	}
	var wanted []string
	for _, m := range matchers {
		wanted = append(wanted, strings.TrimSpace(m.Kind+" "+m.Value))
	}
	r.block(reason, "%s presents %s and %s accepts only %s", holder.name,
		strings.Join(presented, ","), verifier.name, strings.Join(wanted, ", "))
}

func describeChain(c certs.Chain) string {
	leaf := c.Leaf()
	if leaf == nil {
		return "no certificate"
	}
	return fmt.Sprintf("%s, valid until %s, issued by %q, %d in chain",
		cmp.Or(identityOf(c), "no SPIFFE identity"), leaf.NotAfter.UTC().Format("2006-01-02T15:04:05Z"), leaf.Issuer, len(c))
}

// version is the highest that both allow; none is a blocker. The defaults are Envoy's
// (envoy/extensions/transport_sockets/tls/v3/common.proto, TlsParameters).
func (r *replay) version(client, server *envoy.TLSContext) string {
	low := max(versionNumber(client.MinVersion, 2), versionNumber(server.MinVersion, 2))
	high := min(versionNumber(client.MaxVersion, 3), versionNumber(server.MaxVersion, 3))
	if low > high {
		r.block(TLSVersion, "no common TLS version: the client offers %s to %s, the server %s to %s",
			cmp.Or(client.MinVersion, "TLSv1_2"), cmp.Or(client.MaxVersion, "TLSv1_3"),
			cmp.Or(server.MinVersion, "TLSv1_2"), cmp.Or(server.MaxVersion, "TLSv1_3"))
		return ""
	}
	if high == 2 && len(client.Ciphers) > 0 && len(server.Ciphers) > 0 && !overlap(client.Ciphers, server.Ciphers) {
		r.block(TLSCipher, "no common cipher suite")
	}
	return fmt.Sprintf("TLSv1_%d", high)
}

// versionNumber is the minor version of TLS 1.x.
func versionNumber(v string, otherwise int) int {
	switch v {
	case "TLSv1_0":
		return 0
	case "TLSv1_1":
		return 1
	case "TLSv1_2":
		return 2
	case "TLSv1_3":
		return 3
	}
	return otherwise
}

// overlap reports a common cipher; Envoy's lists may hold equal-preference groups "[A|B]" and
// names in two spellings, which are not told apart here.
func overlap(a, b []string) bool {
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
	return v.Present && !v.AcceptUntrusted && (v.CA != nil || v.SystemRoots || len(v.SPIFFE) > 0)
}
