package checks

import (
	"fmt"
	"slices"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/policy"
)

var mtd303 = &diagnose.Check{
	Code: "MTD303", Name: "dr-istio-mutual-nonmesh", Severity: diagnose.Error,
	Title: "a DestinationRule forces Istio's mutual TLS on endpoints that do not speak it",
	Doc: diagnose.Doc{
		Meaning: "ISTIO_MUTUAL makes the client's proxy start mutual TLS to every endpoint of the host, whatever the endpoint can do. An endpoint without a proxy, or one whose port is DISABLE, hands the ClientHello to its application. " +
			"Every mesh client of the host is hit, for those endpoints.",
		Symptoms: []string{
			"client proxy's log: UF,URX TLS_error:|268435703:SSL_routines:OPENSSL_internal:WRONG_VERSION_NUMBER",
			"where the application speaks TLS itself: 268436576 … TLSV1_ALERT_NO_APPLICATION_PROTOCOL",
			"HTTP 503 upstream connect error … remote connection failure; TCP: EOF or reset",
		},
		Detection: "The effective DestinationRule says ISTIO_MUTUAL, the client's cluster has one transport socket for all endpoints, and the endpoint has no proxy, or its proxy takes plaintext only on that port. A warning for addresses that no pod holds, such as the API server behind a rule for *.local, unless the client is seen to call them.",
		ByHand: []diagnose.Look{
			seeCluster("one transportSocket for all endpoints, no transportSocketMatches"),
			seeAll("destinationrules.networking.istio.io", "tls.mode ISTIO_MUTUAL for the host"),
			look("kubectl -n NS get pods -o wide", "the pod of the address has no container istio-proxy"),
		},
		NotThis:    "WRONG_VERSION_NUMBER without such a rule points at a port that bypasses its proxy (MTD314) or at DISABLE behind a headless service (MTD313); from the application itself, at TLS within TLS (MTD307).",
		Fix:        "Remove the tls block: auto mTLS sends mutual TLS to endpoints that can, and plaintext to the others. Or give the endpoints a proxy.",
		References: []string{"istio/istio#36672", "istio/istio#23673"},
	},
	Needs:    []diagnose.Evidence{diagnose.Proxies, diagnose.DestinationRules},
	Run:      drIstioMutualNonmesh,
	Describe: describeDRIstioMutual,
}

func drIstioMutualNonmesh(p *diagnose.Pass) {
	for e := range p.Known() {
		switch rule := p.Rule(e); {
		case rule.Mode != policy.TLSIstioMutual || !mutual(e):
			p.NotApplicable()
		case !unwrapped(e) || bypasses(e):
			p.Passed()
		default:
			p.Failed(diagnose.Finding{Subject: ruleRef(rule.Rule), Field: rule.Field, Edges: edge(e), Severity: weight(e)})
		}
	}
}

// weight is an error for an endpoint that is seen to have no proxy, or that the client has
// called. Of an address that no pod holds only the declaration is known, and a rule for all
// hosts covers many that nobody calls: the API server and istiod, which proxies reach past themselves.
func weight(e *handshake.Edge) diagnose.Severity {
	if e.Server.Pod != nil && !isIstiod(e.Server.Pod) || called(e) {
		return diagnose.Error
	}
	return diagnose.Warning
}

// called reports whether the client's proxy counted a connection to the endpoint. That it did
// not count one means nothing.
func called(e *handshake.Edge) bool {
	if e.Client.Proxy == nil {
		return false
	}
	return slices.ContainsFunc(e.Client.Proxy.Hosts[e.Outbound.Cluster], func(h envoy.Host) bool {
		return h.Address == e.Server.Address && h.Stats["cx_total"]+h.Stats["cx_connect_fail"] > 0
	})
}

// bypasses reports whether the server's port is kept from its proxy.
func bypasses(e *handshake.Edge) bool { return meshed(e) && !e.Inbound.Captured }

func describeDRIstioMutual(p *diagnose.Pass, f *diagnose.Finding) {
	e := f.Edges[0]
	hosts := destinations(p, f.Edges)
	why := "whose endpoints have no proxy"
	if meshed(e) {
		why = hosts.verb("whose policy takes plaintext only", "whose policies take plaintext only")
	}
	if e.Server.Pod == nil {
		why = hosts.verb("which is no pod of the mesh", "which are no pods of the mesh")
	}
	f.Title = fmt.Sprintf("%s says ISTIO_MUTUAL, so clients start mutual TLS to %s, %s", f.Subject, hosts, why)
	if f.Severity == diagnose.Warning {
		f.Title += "; nobody is seen to call " + hosts.verb("it", "them")
	}
	f.Evidence = bothSides(p, e)
	f.Fixes = tlsFixes(p, p.Rule(e).Rule, f.Field, f.Edges)
	if len(f.Fixes) == 0 {
		f.Fixes = rulePerHost(p, f.Edges, "DISABLE", func(host string) string { return "exempt " + host + " from the rule for many" })
	}
}
