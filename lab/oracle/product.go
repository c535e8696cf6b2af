package oracle

import (
	"fmt"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/policy"
)

// Replay is what pkg/handshake says of every connection.
func Replay(s *mesh.Snapshot) Edges {
	out := Edges{}
	for _, x := range handshake.New(s).Edges(handshake.Query{}) {
		if !x.Blocked(handshake.NoEndpoint) {
			out.add(Call{x.Client.Key(), x.Server.Name, int(x.Server.Port), x.Server.Host.Ref}, wayOf(x))
		}
	}
	return out
}

func wayOf(x *handshake.Edge) Way {
	w := Way{Cluster: x.Outbound.Cluster, Endpoint: x.Server.Address.String(), Chain: x.Inbound.Chain, Result: resultOf(x)}
	if x.Outbound.Path == handshake.Direct {
		w.Cluster = string(handshake.Direct)
	}
	if x.Server.Hostname != "" {
		w.Endpoint = fmt.Sprintf("%s:%d", x.Server.Hostname, x.Server.Address.Port())
	}
	w.Socket = map[string]string{"mTLS": string(policy.ShapeMTLS)}[x.Outbound.Socket]
	if w.Socket == "" {
		w.Socket = x.Outbound.Socket
	}
	return w
}

// resultOf puts a verdict into the words of a model without certificates.
func resultOf(x *handshake.Edge) Result {
	switch {
	case x.Blocked(handshake.NoRoute, handshake.BlackHoled):
		return Stopped
	case x.Server.Pod == nil:
		return Outside
	case x.Blocked(handshake.PlaintextRefused) && x.Inbound.Chain == "":
		return NoChain
	case x.Blocked(handshake.PlaintextRefused):
		return NotTLS
	case x.Blocked(handshake.NoFilterChain):
		return NoChain
	case x.Blocked(handshake.TLSToPlaintext, handshake.TLSToAppTLS, handshake.DoubleTLS):
		return TLSAtApp
	case x.Blocked(handshake.ClientCertificateRequired, handshake.ClientSecretMissing):
		return Certificate
	case x.Blocked(handshake.NotHTTP):
		return Protocol
	case x.Blocked(handshake.NotModelled, handshake.EvidenceMissing, handshake.ForeignCertificate, handshake.ServerUnread, handshake.ClientUnread):
		return Unknown
	case x.Inbound.Chain == "" && x.Verdict == handshake.TLS:
		return TLSAtApp
	case x.Blocked(handshake.ServerSANMismatch, handshake.ClientSANMismatch), x.Verdict == handshake.MTLS:
		return MutualTLS
	}
	return map[handshake.Verdict]Result{
		handshake.Plaintext: ClearText, handshake.AppTLS: AppTLS, handshake.TLS: TLSEnds,
	}[x.Verdict]
}
