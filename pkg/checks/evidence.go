package checks

import (
	"slices"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/policy"
)

// bothSides are the facts of an edge: what the proxies run, what the rules ask of the client,
// and what the policies ask of a server that is no gateway. Certificates come last where the handshake does not get to them.
func bothSides(p *diagnose.Pass, e *handshake.Edge) []handshake.Fact {
	var out, unmet []handshake.Fact
	for _, x := range e.Evidence {
		if x.Place.Section == "secrets" && x.Place.Name == "" && slices.Contains(beforeCertificates, e.Reason) {
			unmet = append(unmet, x)
		} else {
			out = append(out, x)
		}
	}
	if f, ok := ruleFact(p.Rule(e)); ok {
		out = append(out, f)
	}
	if e.Server.Pod != nil && e.Server.Pod.HasProxy() && e.Server.Pod.Plane != mesh.Gateway && p.Resources.HasRead(string(diagnose.PeerAuthentications)) {
		out = append(out, modeFact(p.Mode(e.Server.Pod).Port(uint32(e.Server.Address.Port()))))
	}
	return append(out, unmet...)
}

// beforeCertificates are the reasons why a handshake ends before certificates are looked at: they would be good, or not,
// and what policies say explains more.
var beforeCertificates = []handshake.Reason{
	handshake.PlaintextRefused, handshake.NoFilterChain, handshake.TLSToPlaintext, handshake.TLSToAppTLS, handshake.DoubleTLS, handshake.ClientCertificateRequired,
}

// ruleFact is what DestinationRules ask of a client; false when none applies.
func ruleFact(c policy.ClientTLS) (handshake.Fact, bool) {
	if c.Rule == nil {
		return handshake.Fact{}, false
	}
	source := ruleRef(c.Rule).String()
	if c.Field != "" {
		source += " " + c.Field
	}
	return handshake.Fact{Layer: handshake.Policy, Source: source, Value: strings.Join(c.Steps, "; ")}, true
}

// modeFact is what PeerAuthentications ask of a server, with the derivation.
func modeFact(d policy.Derivation) handshake.Fact {
	source := "PeerAuthentication (none)"
	if d.From != nil {
		source = policyRef(d.From).String() + " " + d.Field
	}
	return handshake.Fact{Layer: handshake.Policy, Source: source, Value: d.String()}
}
