package checks

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

var mtd332 = &diagnose.Check{
	Code: "MTD332", Name: "server-first-permissive", Severity: diagnose.Warning,
	Title: "a port whose server speaks first is PERMISSIVE, and plaintext callers wait on it",
	Doc: diagnose.Doc{
		Meaning: "To tell mutual TLS from plaintext the proxy of a PERMISSIVE port waits for the caller's first bytes. In MySQL, SMTP and some other protocols the server speaks first: a caller in plaintext and the server then wait for each other. " +
			"Mesh clients that send mutual TLS are not hit, since their proxy speaks first.",
		Symptoms: []string{
			"connecting to a database hangs, or ends with: Lost connection to MySQL server at 'reading initial communication packet'",
			"it works from pods in the mesh and hangs from others",
		},
		Detection: "The port's name or number is that of a protocol in which the server speaks first, its inbound listener inspects the first bytes, and a caller arrives in plaintext. A warning for callers of the mesh; for those outside, of whom it is not known that they call, information.",
		ByHand: []diagnose.Look{
			look("kubectl -n NS get service NAME -o yaml", "a port named mysql, smtp, …, or with the number of such a protocol"),
			seeInbound("listenerFilters with tls_inspector, and listenerFiltersTimeout"),
			seeAll("peerauthentications.security.istio.io", "PERMISSIVE, or none, for the port"),
		},
		NotThis:    "A port that is STRICT refuses plaintext at once, one that is DISABLE lets it through: neither hangs.",
		Fix:        "STRICT for the port if all callers are in the mesh, DISABLE if plaintext is wanted. PERMISSIVE is no choice for such a port.",
		References: []string{"istio.io/docs/ops/deployment/application-requirements/#server-first-protocols", "istio/istio#35232", "istio/istio#17457"},
	},
	Needs:    []diagnose.Evidence{diagnose.Proxies, diagnose.Services, diagnose.PeerAuthentications},
	Run:      serverFirst,
	Describe: describeServerFirst,
}

// firstNames are the protocols in which the server speaks first, as ports are named after them, and
// firstPorts their well-known ports.
var (
	firstNames = []string{"mysql", "smtp", "imap", "pop3", "ftp", "ssh"}
	firstPorts = map[uint32]string{21: "ftp", 22: "ssh", 25: "smtp", 110: "pop3", 143: "imap", 3306: "mysql"}
)

// speaksFirst is the protocol of an edge in which the server speaks first, "" for any other.
func speaksFirst(e *handshake.Edge) string {
	if e.Server.Host == nil {
		return ""
	}
	port := e.Server.Host.Port(e.Server.Port)
	if port == nil || port.Protocol == mesh.HTTP || port.Protocol == mesh.TLS {
		return ""
	}
	name, _, _ := strings.Cut(port.Name, "-")
	if slices.Contains(firstNames, name) {
		return name
	}
	return firstPorts[port.Number]
}

func serverFirst(p *diagnose.Pass) {
	for e := range p.Known() {
		switch {
		case speaksFirst(e) == "" || !meshed(e):
			p.NotApplicable()
		case e.Verdict != handshake.Plaintext || e.Inbound.Accepts != handshake.AcceptsBoth || waits(e) == "":
			p.Passed()
		default:
			f := diagnose.Finding{Subject: e.Server.Pod.Workload.Ref, Field: fmt.Sprintf("port %d", serverPort(e)), Port: serverPort(e), Edges: edge(e)}
			if outsider(e) && !p.Asked(e.Client) {
				f.Severity = diagnose.Info
			}
			p.Failed(f)
		}
	}
}

// waits says how long the listener of an edge waits for the caller to speak, "" when it does not.
func waits(e *handshake.Edge) string {
	for _, l := range e.Server.Pod.Proxy.Listeners {
		if l.Name != e.Inbound.Listener || l.State != envoy.Active {
			continue
		}
		inspects := slices.ContainsFunc(l.Filters, func(f envoy.ListenerFilter) bool {
			return f.Kind == envoy.TLSInspector && !f.Disabled.Matches(serverPort(e))
		})
		switch {
		case !inspects:
			return ""
		case l.Timeout == 0:
			return "for ever"
		default:
			return "for " + l.Timeout.String()
		}
	}
	return ""
}

func describeServerFirst(p *diagnose.Pass, f *diagnose.Finding) {
	e := f.Edges[0]
	pod, port := e.Server.Pod, serverPort(e)
	f.Title = fmt.Sprintf("port %d of %s is PERMISSIVE and in %s the server speaks first: plaintext callers, such as %s, wait %s", port, servers(f.Edges), speaksFirst(e), callers(f.Edges), waits(e))
	f.Evidence = append(bothSides(p, e), handshake.DumpFact(
		pod, "listeners", e.Inbound.Listener, "inspects the first bytes on port "+fmt.Sprint(port)+", and waits "+waits(e)))
	for _, mode := range []string{"STRICT", "DISABLE"} {
		from, to, fixes := portFix(p, pod, port, mode)
		for _, fix := range fixes {
			fix.Risk = refuses(withPolicy(p, from, to).stops(underPolicy(p, to)))
			fix.Title = fmt.Sprintf("set port %d to STRICT, if all its callers are in the mesh", port)
			if mode == "DISABLE" {
				fix.Title = fmt.Sprintf("set port %d to DISABLE, so that plaintext gets through at once", port)
				fix.Risk = risks("calls from the mesh are then plaintext too", fix.Risk)
			}
			f.Fixes = append(f.Fixes, fix)
		}
	}
}
