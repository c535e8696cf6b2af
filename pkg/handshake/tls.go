package handshake

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/certs"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
)

// caller is what the server's proxy learns of its client.
type caller struct {
	identity  string // its SPIFFE ID
	presented bool   // it showed a certificate
	unsure    bool   // the certificate could not be read, or has no SPIFFE ID
}

// nobody is a caller without a certificate.
var nobody = caller{}

// handshake replays TLS between the client's proxy and a server's chain: what they agree on,
// the server's certificate before the client's judgement, then the client's before the server's.
func (r *replay) handshake(server *envoy.TLSContext, w wire) caller {
	if !r.modelled(ClientSide, w.TLS) || !r.modelled(ServerSide, server) {
		return caller{unsure: true}
	}
	r.TLS = r.negotiate(server, w)
	r.tellTLS()
	if r.forClass() {
		r.handshakes = append(r.handshakes, shaken{server, w})
	}
	r.TLS.ServerID = r.serverPresents(server, w)
	who := r.clientPresents(server, w)
	r.TLS.ClientID = who.identity
	return who
}

// serverPresents lets the client judge the server's certificate, and returns its identity.
func (r *replay) serverPresents(server *envoy.TLSContext, w wire) (identity string) {
	c, s := r.parties(w)
	chain := r.judge(ServerSide, s, server, c, w.TLS)
	r.matchHost(s, chain, w)
	return r.engine.chain(chain).identity
}

// clientPresents lets the server judge the client's certificate, if it asks for one.
func (r *replay) clientPresents(server *envoy.TLSContext, w wire) caller {
	if !server.RequireClientCertificate && !server.Validation.Present {
		return nobody
	}
	if len(w.TLS.Certificates) == 0 {
		if server.RequireClientCertificate {
			r.block(ClientCertificateRequired, "%s demands a client certificate and the client's proxy presents none", r.Server.Pod.Key())
		}
		return nobody
	}
	c, s := r.parties(w)
	identity := r.engine.chain(r.judge(ClientSide, c, w.TLS, s, server)).identity
	return caller{identity: identity, presented: true, unsure: identity == ""}
}

func (r *replay) parties(w wire) (client, server party) {
	return party{w.from, r.Client.Key().String()}, party{r.engine.index(r.Server.Pod.Proxy), r.Server.Pod.Key().String()}
}

// modelled looks for what a verdict on a TLS context would have to know and does not.
func (r *replay) modelled(side Side, ctx *envoy.TLSContext) bool {
	what := ""
	switch {
	case len(ctx.Unmodelled) > 0:
		what = ctx.Unmodelled[0]
	case len(ctx.Certificates) > 1:
		what = "several certificates"
	default:
		return true
	}
	r.block(NotModelled, "the %s's TLS context sets %s", side, what)
	return false
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
	r.tellCertificate(side, holder, chain, verifier)
	v := &demands.Validation
	if !v.Present {
		r.unverified = append(r.unverified, side)
		return chain
	}
	trust, ok := r.trustOf(opposite(side), verifier, v)
	if !ok {
		return chain
	}
	r.verify(side, holder, verifier, chain, trust)
	if !trust.AcceptUntrusted { // it forgives the rest too (DefaultCertValidator::verifyCertAndUpdateStatus)
		r.matchSAN(side, holder, verifier, chain, trust.matchers())
		r.matchPins(side, holder, verifier, chain, trust)
	}
	return chain
}

// matchHost compares the server's certificate with the host that was called, where the client's
// cluster asks for it (auto_san_validation).
func (r *replay) matchHost(server party, chain certs.Chain, w wire) {
	if chain == nil || w.verifyHost == "" {
		return
	}
	wanted := []certs.Matcher{{Kind: "exact", Value: w.verifyHost}}
	r.matchSAN(ServerSide, server, party{name: r.Client.Key().String()}, chain, wanted)
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
	envoy.Demands
	bundle   *certs.Bundle
	anyChain bool // no chain is verified
}

// matchers are the demands on SANs. A SPIFFE validator uses those for URIs only
// (SPIFFEValidator::matchSubjectAltName).
func (t *trust) matchers() []certs.Matcher {
	if !t.bundle.IsSPIFFE() {
		return t.SANs
	}
	return slices.DeleteFunc(slices.Clone(t.SANs), func(m certs.Matcher) bool { return m.SANType != "" && m.SANType != "URI" })
}

func (r *replay) trustOf(side Side, p party, v *envoy.Validation) (trust, bool) {
	t := trust{Demands: v.Demands, anyChain: v.AcceptUntrusted}
	switch {
	case len(v.SPIFFE) > 0:
		t.bundle = r.engine.spiffeBundle(v, v.SPIFFE)
	case v.CA != nil && v.CA.SDS != "":
		return r.trustFromSecret(side, p, v.CA.SDS, t)
	case t.anyChain:
	case v.SystemRoots, v.CA != nil && v.CA.File != "":
		r.block(ForeignCertificate, "%s trusts roots in a file that the dump does not show", p.name)
		return t, false
	case v.CA == nil:
		t.anyChain = true
	default:
		t.bundle = v.CA.Bundle
	}
	return t, true
}

// trustFromSecret adds what a validation context secret demands.
func (r *replay) trustFromSecret(side Side, p party, name string, t trust) (trust, bool) {
	s, ok := r.secret(side, p, name)
	if !ok {
		return t, false
	}
	t.Demands = t.Demands.Merge(s.Demands)
	t.anyChain = t.AcceptUntrusted
	switch {
	case len(s.Unmodelled) > 0:
		r.block(NotModelled, "trust bundle %s of %s sets %s", name, p.name, s.Unmodelled[0])
		return t, false
	case len(s.SPIFFE) > 0:
		t.bundle = r.engine.spiffeBundle(s, s.SPIFFE)
	case s.Bundle != nil:
		t.bundle = s.Bundle
	case t.anyChain:
	case s.SystemRoots:
		r.block(ForeignCertificate, "%s trusts the roots of its container, which the dump does not show", p.name)
		return t, false
	case s.Problem == "" && !t.Pins.None():
		t.anyChain = true
	default:
		r.block(EvidenceMissing, "trust bundle %s of %s could not be read: %s", name, p.name, cmp.Or(s.Problem, "it holds no certificate"))
		return t, false
	}
	return t, true
}

// verify checks a chain against the other side's trust bundle at the evidence's time.
func (r *replay) verify(side Side, holder, verifier party, chain certs.Chain, t trust) {
	r.read(place{Place{Section: "secrets"}, holder.name + " config_dump secrets"}, r.engine.chain(chain).text)
	switch {
	case t.anyChain:
		if t.AcceptUntrusted || t.Pins.None() {
			r.unverified = append(r.unverified, side)
		}
		return
	case t.CRLFile != "" && !t.bundle.IsSPIFFE():
		r.block(EvidenceMissing, "%s holds a revocation list in file %s, which the dump does not show", verifier.name, t.CRLFile)
		return
	}
	role := certs.ServerCertificate
	if side == ClientSide {
		role = certs.ClientCertificate
	}
	opts := certs.VerifyOptions{At: r.engine.snap.CapturedAt, Role: role, AllowExpired: t.AllowExpired, MaxDepth: t.MaxVerifyDepth, Known: r.engine.known, CRL: t.CRL, LeafCRLOnly: t.LeafCRLOnly}
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

// matchPins looks for the certificate among those that the verifier lists. A SPIFFE validator has no
// such list.
func (r *replay) matchPins(side Side, holder, verifier party, chain certs.Chain, t trust) {
	if t.Pins.None() || t.bundle.IsSPIFFE() || t.Pins.Match(chain.Leaf()) {
		return
	}
	hash, key := certs.PinsOf(chain.Leaf())
	r.block(CertificateReason(side, certs.NotPinned), "%s presents a certificate of hash %s and key %s, and %s accepts only those that it lists", holder.name, hash, key, verifier.name)
}

func (r *replay) matchSAN(side Side, holder, verifier party, chain certs.Chain, matchers []certs.Matcher) {
	ok, presented := r.engine.matchSAN(chain.Leaf(), matchers)
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
