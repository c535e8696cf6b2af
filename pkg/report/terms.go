package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/certs"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
)

// Term is a word with which a table speaks of a connection: its verdict, the reason of one, or another word of ours.
type Term struct {
	Word, Kind, Meaning string
	// Causes are the checks that find it, those first that the recorded meshes show most.
	Causes []diagnose.Code
}

// The kinds of terms.
const (
	VerdictTerm = "verdict"
	ReasonTerm  = "reason"
	WordTerm    = "word"
)

// ListTerms lists all terms, a line each.
func ListTerms(w io.Writer, style Style) error {
	g := grid{header: []string{"WORD", "WHAT IT SAYS"}}
	for _, t := range Terms() {
		g.rows = append(g.rows, []string{t.Word, t.Meaning})
	}
	return g.write(w, style)
}

// Explain shows what a term means, its usual causes of the catalogue, and how to come to the one of a connection.
func (t *Term) Explain(w io.Writer, catalogue []*diagnose.Check, style Style) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s   %s\n", t.Word, t.Kind)
	b.WriteString(style.wrap("", t.Meaning))
	if len(t.Causes) > 0 {
		b.WriteString("\nUsual causes:\n")
	}
	for _, code := range t.Causes {
		b.WriteString(likelyLine(code, catalogue, style))
	}
	if t.Kind != WordTerm {
		fmt.Fprintf(&b, "\nNext: %s trace FROM TO    step by step, and why\n", style.Program)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Terms are all verdicts, reasons, and other words that tables use.
func Terms() []Term {
	out := make([]Term, 0, len(verdictMeanings)+len(reasonMeanings)+len(wordMeanings)+2*len(certificateMeanings))
	for _, v := range verdictMeanings {
		out = append(out, Term{Word: string(v.verdict), Kind: VerdictTerm, Meaning: v.meaning})
	}
	for _, r := range reasonMeanings {
		out = append(out, Term{Word: string(r.reason), Kind: ReasonTerm, Meaning: r.meaning, Causes: r.causes})
	}
	for _, x := range wordMeanings {
		out = append(out, Term{Word: x.word, Kind: WordTerm, Meaning: x.meaning})
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
				Causes:  c.causes,
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
	causes  []diagnose.Code
}{
	{handshake.PlaintextRefused, "the client sends clear text, and no filter chain of the server takes it (STRICT)", []diagnose.Code{"MTD301", "MTD601", "MTD308", "MTD304", "MTD305", "MTD306", "MTD311", "MTD312", "MTD315", "MTD316", "MTD607"}},
	{handshake.NoFilterChain, "TLS arrives that no filter chain of the server matches, by its ALPN or SNI, and there is no default chain", nil},
	{handshake.TLSToPlaintext, "the client's proxy starts TLS, and the other end speaks clear text", []diagnose.Code{"MTD303", "MTD313", "MTD314", "MTD341"}},
	{handshake.TLSToAppTLS, "the client's proxy starts the mesh's TLS, and the application's own TLS answers", []diagnose.Code{"MTD303"}},
	{handshake.DoubleTLS, "the application's TLS is wrapped in TLS that the client's proxy adds, and the server unwraps only one of them", []diagnose.Code{"MTD307"}},
	{handshake.NotHTTP, "what is not HTTP arrives at a filter chain that takes only HTTP, which answers 400", nil},
	{handshake.HTTPVersion, "the proxies speak different versions of HTTP: ALPN settled on another one than the client's sends", nil},
	{handshake.HTTPToAppTLS, "a gateway's route sends HTTP to a port on which the application speaks TLS of its own", nil},
	{handshake.ProxyHeaderUnread, "the client's proxy begins with a header of the PROXY protocol, which the server's takes for the beginning of what it expects", []diagnose.Code{"MTD340"}},
	{handshake.ProxyHeaderMissing, "the server's proxy closes connections that do not begin with a header of the PROXY protocol", nil},
	{handshake.ClientCertificateRequired, "the server's filter chain demands a client certificate, and none is presented", []diagnose.Code{"MTD601", "MTD301", "MTD306", "MTD308", "MTD315"}},
	{handshake.ClientSecretMissing, "the client's proxy waits for its certificate or its trust bundle, or has none", []diagnose.Code{"MTD401", "MTD318"}},
	{handshake.ServerSecretMissing, "the server's proxy waits for its certificate or its trust bundle, or has none", []diagnose.Code{"MTD401"}},
	{handshake.ServerSANMismatch, "the client's proxy expects another identity than the one in the server's certificate", []diagnose.Code{"MTD202", "MTD203", "MTD501"}},
	{handshake.ClientSANMismatch, "the server's proxy does not take the identity in the client's certificate, of another trust domain mostly", []diagnose.Code{"MTD203", "MTD501"}},
	{handshake.TLSVersion, "the proxies have no TLS version in common", nil},
	{handshake.TLSCipher, "the proxies have no cipher, curve or signature algorithm in common", nil},
	{handshake.BlackHoled, "the client's proxy drops what goes to destinations that it does not know (REGISTRY_ONLY)", nil},
	{handshake.NoRoute, "no virtual host and no route of the client's proxy takes the request", nil},
	{handshake.ListenerRejected, "the server's proxy has rejected its inbound listener and accepts nothing", []diagnose.Code{"MTD402"}},
	{handshake.NoListener, "the server's proxy does not listen on the port", nil},
	{handshake.NoEndpoint, "there is no endpoint to connect to", nil},
	{handshake.AuthorizationDenied, "an AuthorizationPolicy refuses the caller, often because the connection carries no identity", []diagnose.Code{"MTD317"}},
	{handshake.ClientUnread, "the proxy of the client could not be read", nil},
	{handshake.ServerUnread, "the proxy of the server could not be read", nil},
	{handshake.EvidenceMissing, "a part of the config that decides was not read", nil},
	{handshake.NotModelled, "the config holds something that decides and that is not understood; the edge names the field", nil},
	{handshake.ForeignCertificate, "the server is outside of what was read, and so is its certificate", nil},
}

var wordMeanings = []struct{ word, meaning string }{
	{"possible call", "a pair of workloads, a host and a port: what could be called by what is configured, whether or not anybody does"},
	{"other TLS", "the verdicts appTLS and tls together: encrypted, and not by mutual TLS of two proxies"},
	{"leads nowhere", "the call fails for another reason than TLS: there is no route or no endpoint, or nobody listens"},
	{"health", "of a workload: FAIL and WARN by the findings that stand behind it, ? when it could not be judged, ok, n/a without a proxy; behind \"by\" or \"hit by\" stand findings whose cause is not the workload itself"},
	{"policy", "the mode that PeerAuthentication asks for, and how widely the policy applies that sets it: default, mesh, ns or own; a star when a port differs"},
	{"enforced", "the mode that the proxy's listener enforces at this moment, whatever the policy says"},
	{"in", "how many of the possible calls to the workload are mTLS"},
	{"out", "how many of the possible calls of the workload are mTLS; calls to what is outside the mesh, or has no proxy, are none of these"},
	{"cert", "how long the workload's certificate is valid from the capture on; proxies renew it long before it ends"},
	{"read", "how many of the workload's proxies were read"},
	{"pairs", "how many pairs of pods a line stands for"},
	{"counters", "what the proxies counted of real connections, compared with the verdicts: one that contradicts is a bug of this tool, or a stale capture"},
}

var certificateMeanings = []struct {
	reason  certs.Reason
	meaning string
	causes  []diagnose.Code
}{
	{certs.Expired, "it, or one of its chain, has expired", []diagnose.Code{"MTD101", "MTD102"}},
	{certs.NotYetValid, "it, or one of its chain, is not valid yet: a clock is wrong mostly", []diagnose.Code{"MTD103"}},
	{certs.UnknownRoot, "its root is not in the trust bundle", []diagnose.Code{"MTD201", "MTD302", "MTD341"}},
	{certs.MissingIntermediate, "an intermediate between it and the root is not presented", []diagnose.Code{"MTD204", "MTD201"}},
	{certs.SelfSignedInChain, "the chain ends in a root that is presented, and is not in the trust bundle", []diagnose.Code{"MTD302", "MTD201", "MTD341"}},
	{certs.WrongTrustDomain, "there is no bundle for its trust domain", []diagnose.Code{"MTD203"}},
	{certs.NotSPIFFE, "it holds no SPIFFE identity, or several", nil},
	{certs.KeyUsage, "its key usage, or that of an issuer, does not allow it", []diagnose.Code{"MTD204"}},
	{certs.NotACA, "an issuer is no CA", []diagnose.Code{"MTD204"}},
	{certs.PathLength, "the chain is longer than an issuer allows", []diagnose.Code{"MTD204"}},
	{certs.NameConstraints, "an issuer may not issue this name", []diagnose.Code{"MTD204"}},
	{certs.BadSignature, "a signature of the chain is wrong", nil},
	{certs.Revoked, "it, or one of its chain, is revoked", nil},
	{certs.NoCRL, "a list of revoked certificates is asked for, and missing", nil},
	{certs.BadCRL, "the list of revoked certificates cannot be used", nil},
	{certs.NotPinned, "it is not one of those that are pinned", nil},
	{certs.WeakKey, "its key is too weak", nil},
	{certs.UnsupportedAlgorithm, "its key or signature is of an algorithm that Envoy does not take", nil},
	{certs.NoCertificate, "there is none", nil},
	{certs.NoBundle, "there is no trust bundle to verify it with", nil},
	{certs.Other, "for a reason that the evidence of the connection tells", nil},
}
