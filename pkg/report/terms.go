package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/certs"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
)

// Term is a word with which a table speaks of a connection: its verdict, or the reason of one.
type Term struct {
	Word, Kind, Meaning string
}

// The kinds of terms.
const (
	VerdictTerm = "verdict"
	ReasonTerm  = "reason"
)

// ListTerms lists all terms, a line each.
func ListTerms(w io.Writer, style Style) error {
	g := grid{header: []string{"VERDICT OR REASON", "WHAT IT SAYS"}}
	for _, t := range Terms() {
		g.rows = append(g.rows, []string{t.Word, t.Meaning})
	}
	return g.write(w, style)
}

// Explain shows what a term means, and how to come from it to the cause.
func (t *Term) Explain(w io.Writer, style Style) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s   %s\n", t.Word, t.Kind)
	b.WriteString(style.wrap("", t.Meaning))
	fmt.Fprintf(&b, "\nNext: %s trace FROM TO    step by step, and why\n", style.Program)
	_, err := io.WriteString(w, b.String())
	return err
}

// Terms are all verdicts and reasons.
func Terms() []Term {
	out := make([]Term, 0, len(verdictMeanings)+len(reasonMeanings)+2*len(certificateMeanings))
	for _, v := range verdictMeanings {
		out = append(out, Term{Word: string(v.verdict), Kind: VerdictTerm, Meaning: v.meaning})
	}
	for _, r := range reasonMeanings {
		out = append(out, Term{Word: string(r.reason), Kind: ReasonTerm, Meaning: r.meaning})
	}
	for _, side := range []handshake.Side{handshake.ServerSide, handshake.ClientSide} {
		peer := handshake.ClientSide
		if side == handshake.ClientSide {
			peer = handshake.ServerSide
		}
		for _, c := range certificateMeanings {
			out = append(out, Term{
				Word: string(handshake.CertificateReason(side, c.reason)), Kind: ReasonTerm,
				Meaning: fmt.Sprintf("the %s's proxy does not accept the certificate of the %s's: %s", peer, side, c.meaning),
			})
		}
	}
	return out
}

var verdictMeanings = []struct {
	verdict handshake.Verdict
	meaning string
}{
	{handshake.MTLS, "mutual TLS between two proxies: each has verified the certificate of the other"},
	{handshake.Plaintext, "clear text arrives, and is accepted: nothing is encrypted, and nobody knows who calls"},
	{handshake.AppTLS, "the application's own TLS from end to end, and none of the mesh"},
	{handshake.TLS, "TLS that the client's proxy starts by itself; no client certificate is asked for, or none is verified"},
	{handshake.Denied, "the connection is made, and then an AuthorizationPolicy refuses it"},
	{handshake.Fails, "no connection comes about; the reason says at which step"},
	{handshake.Unknown, "evidence is missing, or holds something that is not modelled; the reason says what"},
}

var reasonMeanings = []struct {
	reason  handshake.Reason
	meaning string
}{
	{handshake.PlaintextRefused, "the client sends clear text, and no filter chain of the server takes it (STRICT)"},
	{handshake.NoFilterChain, "TLS arrives that no filter chain of the server matches, by its ALPN or SNI, and there is no default chain"},
	{handshake.TLSToPlaintext, "the client's proxy starts TLS, and the other end speaks clear text"},
	{handshake.TLSToAppTLS, "the client's proxy starts the mesh's TLS, and the application's own TLS answers"},
	{handshake.DoubleTLS, "the application's TLS is wrapped in TLS that the client's proxy adds, and the server unwraps only one of them"},
	{handshake.NotHTTP, "what is not HTTP arrives at a filter chain that takes only HTTP, which answers 400"},
	{handshake.HTTPVersion, "the proxies speak different versions of HTTP: ALPN settled on another one than the client's sends"},
	{handshake.HTTPToAppTLS, "a gateway's route sends HTTP to a port on which the application speaks TLS of its own"},
	{handshake.ProxyHeaderUnread, "the client's proxy begins with a header of the PROXY protocol, which the server's takes for the beginning of what it expects"},
	{handshake.ProxyHeaderMissing, "the server's proxy closes connections that do not begin with a header of the PROXY protocol"},
	{handshake.ClientCertificateRequired, "the server's filter chain demands a client certificate, and none is presented"},
	{handshake.ClientSecretMissing, "the client's proxy waits for its certificate or its trust bundle, or has none"},
	{handshake.ServerSecretMissing, "the server's proxy waits for its certificate or its trust bundle, or has none"},
	{handshake.ServerSANMismatch, "the client's proxy expects another identity than the one in the server's certificate"},
	{handshake.ClientSANMismatch, "the server's proxy does not take the identity in the client's certificate, of another trust domain mostly"},
	{handshake.TLSVersion, "the proxies have no TLS version in common"},
	{handshake.TLSCipher, "the proxies have no cipher, curve or signature algorithm in common"},
	{handshake.BlackHoled, "the client's proxy drops what goes to destinations that it does not know (REGISTRY_ONLY)"},
	{handshake.NoRoute, "no virtual host and no route of the client's proxy takes the request"},
	{handshake.ListenerRejected, "the server's proxy has rejected its inbound listener and accepts nothing"},
	{handshake.NoListener, "the server's proxy does not listen on the port"},
	{handshake.NoEndpoint, "there is no endpoint to connect to"},
	{handshake.AuthorizationDenied, "an AuthorizationPolicy refuses the caller, often because the connection carries no identity"},
	{handshake.ClientUnread, "the proxy of the client could not be read"},
	{handshake.ServerUnread, "the proxy of the server could not be read"},
	{handshake.EvidenceMissing, "a part of the config that decides was not read"},
	{handshake.NotModelled, "the config holds something that decides and that is not understood; the edge names the field"},
	{handshake.ForeignCertificate, "the server is outside of what was read, and so is its certificate"},
}

var certificateMeanings = []struct {
	reason  certs.Reason
	meaning string
}{
	{certs.Expired, "it, or one of its chain, has expired"},
	{certs.NotYetValid, "it, or one of its chain, is not valid yet: a clock is wrong mostly"},
	{certs.UnknownRoot, "its root is not in the trust bundle"},
	{certs.MissingIntermediate, "an intermediate between it and the root is not presented"},
	{certs.SelfSignedInChain, "the chain ends in a root that is presented, and is not in the trust bundle"},
	{certs.WrongTrustDomain, "there is no bundle for its trust domain"},
	{certs.NotSPIFFE, "it holds no SPIFFE identity, or several"},
	{certs.KeyUsage, "its key usage, or that of an issuer, does not allow it"},
	{certs.NotACA, "an issuer is no CA"},
	{certs.PathLength, "the chain is longer than an issuer allows"},
	{certs.NameConstraints, "an issuer may not issue this name"},
	{certs.BadSignature, "a signature of the chain is wrong"},
	{certs.Revoked, "it, or one of its chain, is revoked"},
	{certs.NoCRL, "a list of revoked certificates is asked for, and missing"},
	{certs.BadCRL, "the list of revoked certificates cannot be used"},
	{certs.NotPinned, "it is not one of those that are pinned"},
	{certs.WeakKey, "its key is too weak"},
	{certs.UnsupportedAlgorithm, "its key or signature is of an algorithm that Envoy does not take"},
	{certs.NoCertificate, "there is none"},
	{certs.NoBundle, "there is no trust bundle to verify it with"},
	{certs.Other, "for a reason that the evidence of the connection tells"},
}
