package checks

import (
	"fmt"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/policy"
)

var mtd313 = &diagnose.Check{
	Code: "MTD313", Name: "headless-port-disable", Severity: diagnose.Error,
	Title: "a workload's PeerAuthentication turns mutual TLS off, and clients of its headless service do not notice",
	Doc: diagnose.Doc{
		Meaning: "DISABLE for a workload or a port reaches clients through the endpoint: istiod takes the mark tlsMode away, and clusters that choose per endpoint send plaintext. " +
			"The cluster of a headless Service does not choose, it sends mutual TLS to all; the server's proxy now passes it on to the application, which cannot read it.",
		Symptoms: []string{
			"client proxy's log: UF,URX TLS_error:|268435703:SSL_routines:OPENSSL_internal:WRONG_VERSION_NUMBER",
			"the same port works through a ClusterIP Service and fails through the headless one",
			"databases and brokers: peers of a StatefulSet cannot join after their port was set to DISABLE",
		},
		Detection: "The client's cluster has one transport socket for all endpoints, no DestinationRule asks for it, and the server's filter chain for the port takes plaintext only, as its PeerAuthentication says.",
		ByHand: []diagnose.Look{
			seeAll("peerauthentications.security.istio.io", "DISABLE for the workload or its port"),
			seeCluster("type ORIGINAL_DST with a transportSocket: it starts TLS whatever the port wants"),
			seeInbound("transportProtocol raw_buffer only, for the port"),
		},
		NotThis:    "With a DestinationRule ISTIO_MUTUAL that rule is the cause (MTD303); with excludeInboundPorts it is the annotation (MTD314).",
		Fix:        "PERMISSIVE instead of DISABLE takes both. Where plaintext is wanted, tell the clients too: a DestinationRule with tls DISABLE for that port of the Service.",
		References: []string{"istio/istio#39439", "pilot/pkg/xds/endpoints/mtls_checker.go"},
	},
	Needs:    []diagnose.Evidence{diagnose.Proxies, diagnose.PeerAuthentications, diagnose.DestinationRules},
	Run:      headlessPortDisable,
	Describe: describeHeadlessPort,
}

func headlessPortDisable(p *diagnose.Pass) {
	for e := range p.Known() {
		if !mutual(e) || !meshed(e) || p.Rule(e).Mode != policy.TLSAuto {
			p.NotApplicable()
			continue
		}
		server := p.Mode(e.Server.Pod).Port(serverPort(e))
		if !unwrapped(e) || bypasses(e) || server.Mode != policy.Disable || server.From == nil {
			p.Passed()
			continue
		}
		p.Failed(diagnose.Finding{Subject: policyRef(server.From), Field: server.Field, Edges: edge(e)})
	}
}

func describeHeadlessPort(p *diagnose.Pass, f *diagnose.Finding) {
	e := f.Edges[0]
	port := serverPort(e)
	f.Title = fmt.Sprintf("%s turns mutual TLS off for port %d of %s, but clients of %s send it to all endpoints alike", f.Subject, port, servers(f.Edges), destinations(p, f.Edges))
	f.Evidence = bothSides(p, e)
	from := p.Mode(e.Server.Pod).Port(port).From
	f.Fixes = permissive(p, f, from, "take both: PERMISSIVE instead of DISABLE", "the port must be declared (name: mysql-…, or tcp) if the server speaks first on it")
	f.Fixes = append(f.Fixes, plainPorts(p, f.Edges)...)
}
