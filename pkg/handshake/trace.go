package handshake

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/certs"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// Stage names a step of a connection's way.
type Stage string

// The stages, in the order of the packets.
const (
	StageCapture         Stage = "capture"          // is the traffic the proxy's
	StageListener        Stage = "listener"         // which listener takes it
	StageFilterChain     Stage = "filter-chain"     // which of its filter chains
	StageRoute           Stage = "route"            // where that leads
	StageCluster         Stage = "cluster"          // the upstream cluster
	StageEndpoint        Stage = "endpoint"         // the address that is dialled
	StageTransportSocket Stage = "transport-socket" // what the client's proxy wraps the bytes in
	StageWire            Stage = "wire"             // what travels
	StageTLS             Stage = "tls"              // what both sides settle on
	StageCertificate     Stage = "certificate"      // what a side presents
	StageAuthorization   Stage = "authorization"    // the RBAC filters
	StageApplication     Stage = "application"      // what arrives
)

// Step is one step of a connection's way.
type Step struct {
	At Stage `json:"at"`
	// Side is whose step it is; "" on the wire.
	Side Side `json:"side,omitempty"`
	// Source is where it was read: a pod, or a place in a config dump.
	Source string `json:"source,omitempty"`
	Says   string `json:"says"`
	// Chains are the filter chains that a listener had to choose from.
	Chains []Candidate `json:"chains,omitempty"`
	// Blockers are what stands in the way here.
	Blockers []Blocker `json:"blockers,omitempty"`
}

// Candidate is a filter chain that a listener considered.
type Candidate struct {
	Name string `json:"name"`
	// Matches says what the chain takes, Socket what it then speaks.
	Matches string `json:"matches"`
	Socket  string `json:"socket"`
	// Lost is the criterion that the chain did not meet, or met less exactly than another one;
	// "" for the chain that takes the connection.
	Lost string `json:"lost,omitempty"`
}

// tracing reports whether the query asks for steps.
func (r *replay) tracing() bool { return r.dial.query != nil && r.dial.query.Trace }

func (r *replay) tell(s Step) { r.Steps = append(r.Steps, s) }

// tellBlocker notes a blocker at the step at which it was met.
func (r *replay) tellBlocker(b Blocker) {
	for i := len(r.Steps) - 1; r.tracing() && i >= 0; i-- {
		if r.blockedAt == "" || r.Steps[i].At == r.blockedAt {
			r.Steps[i].Blockers = append(r.Steps[i].Blockers, b)
			return
		}
	}
}

// tellOrigin tells where the connection begins when no proxy of the client is followed.
func (r *replay) tellOrigin(says string) {
	if r.tracing() {
		r.tell(Step{At: StageCapture, Side: ClientSide, Source: podSource(r.Client), Says: says})
	}
}

func podSource(p *mesh.Pod) string { return "pod " + p.Key().String() }

// tellClient goes through the client's proxy once more: capture, listener, filter chain, route.
func (r *replay) tellClient(w way) {
	if !r.tracing() {
		return
	}
	e, client, d := r.engine, r.Client, r.dial
	if client.Plane == mesh.Gateway {
		r.tell(Step{At: StageCluster, Side: ClientSide, Source: podSource(client), Says: "a gateway; which of its routes lead here is not followed"})
		return
	}
	ix := e.index(client.Proxy)
	r.tell(Step{At: StageCapture, Side: ClientSide, Source: podSource(client), Says: "captured: " + cmp.Or(client.Capture.Source, "nothing excludes it")})
	l := e.outboundListener(ix, d)
	if l == nil {
		r.tell(Step{At: StageListener, Side: ClientSide, Source: podSource(client), Says: "no outbound listener takes " + d.label()})
		return
	}
	source := dumpOf(client, "listeners", l.Name)
	r.tell(Step{At: StageListener, Side: ClientSide, Source: source, Says: "takes " + d.label() + dialled(d)})
	if len(l.FilterChains) > 1 {
		r.tellChains(ClientSide, source, l, e.appConn(l, d))
	}
	if w.source != "" && w.source != source {
		r.tell(Step{At: StageRoute, Side: ClientSide, Source: w.source, Says: routeWords(w)})
	}
}

func dialled(d dial) string {
	if !d.addr.IsValid() || d.addr.String() == d.name {
		return ""
	}
	return " (" + d.addr.String() + ")"
}

func routeWords(w way) string {
	switch {
	case w.cluster == "":
		return w.why
	case w.conditional:
		return "some requests, or a share of them, go to cluster " + w.cluster
	}
	return "goes to cluster " + w.cluster
}

// tellChains lists the filter chains of a listener for the port and what became of each.
func (r *replay) tellChains(side Side, source string, l *envoy.Listener, c conn) {
	taken, all := considered(l, c)
	says := "no filter chain takes " + c.describe()
	if taken != nil {
		says = fmt.Sprintf("chain %s takes %s", cmp.Or(taken.Name, "without a name"), c.describe())
	}
	r.tell(Step{At: StageFilterChain, Side: side, Source: source, Says: says, Chains: all})
}

// describe says what the listener filters saw.
func (c conn) describe() string {
	what := "plaintext"
	if c.Transport == "tls" {
		what = "TLS"
	}
	return fmt.Sprintf("%s%s%s on port %d", what, also("SNI", c.SNI), also("ALPN", strings.Join(c.ALPN, ",")), c.Port)
}

// also is ", NAME value", or nothing.
func also(name, value string) string {
	if value == "" {
		return ""
	}
	return ", " + name + " " + value
}

// considered chooses a filter chain as matchChain does and notes where each of the others was
// lost. Chains of other ports are left out.
func considered(l *envoy.Listener, c conn) (taken *envoy.FilterChain, all []Candidate) {
	left := byPort(l.FilterChains, c)
	lost := map[*envoy.FilterChain]string{}
	rest := left
	for _, step := range narrowing {
		next := step.narrow(rest, c)
		for _, fc := range rest {
			if !slices.Contains(next, fc) {
				lost[fc] = step.criterion
			}
		}
		rest = next
	}
	taken = l.Default
	if len(rest) > 0 {
		taken = rest[0]
		for _, fc := range rest[1:] {
			lost[fc] = "an equal chain stands before it"
		}
	}
	if l.Default != nil && !slices.Contains(left, l.Default) {
		left = append(slices.Clone(left), l.Default)
		if taken != l.Default {
			lost[l.Default] = "only what no other takes"
		}
	}
	for _, fc := range left {
		all = append(all, Candidate{Name: fc.Name, Matches: describeMatch(&fc.Match), Socket: describeServerSocket(fc.Socket), Lost: lost[fc]})
	}
	return taken, all
}

// tellCluster tells which cluster and why.
func (r *replay) tellCluster(c *envoy.Cluster) {
	if r.tracing() {
		r.tell(Step{At: StageCluster, Side: ClientSide, Source: dumpOf(r.Client, "clusters", c.Name), Says: cmp.Or(c.Type, "static") + r.ruleNote()})
	}
}

// tellSocket tells the endpoint and how the transport socket for it was chosen.
func (r *replay) tellSocket(c *envoy.Cluster, u upstream, socket *envoy.TransportSocket, how string) {
	if !r.tracing() {
		return
	}
	says := r.receiver()
	if u.Pod != nil {
		says = fmt.Sprintf("%s, %s", r.endpoint(), says)
	}
	if mode := u.labels["tlsMode"]; mode != "" {
		says += ", tlsMode " + mode
	} else if len(c.Matches) > 0 {
		says += ", without tlsMode"
	}
	if r.Observed != nil {
		says += "; counted: " + r.Observed.String()
	}
	r.tell(Step{At: StageEndpoint, Side: ClientSide, Source: dumpOf(r.Client, "endpoints", cmp.Or(c.ServiceName, c.Name)), Says: says})
	r.tell(Step{At: StageTransportSocket, Side: ClientSide, Source: dumpOf(r.Client, "clusters", c.Name), Says: how + ": " + r.engine.socket(socket)})
}

// tellWire tells what travels.
func (r *replay) tellWire(w wire) {
	if !r.tracing() {
		return
	}
	says := "plaintext " + strings.ToUpper(string(w.App))
	switch {
	case w.TLS != nil:
		says = "TLS by the client's proxy" + also("SNI", w.SNI) + also("ALPN", strings.Join(w.ALPN, ","))
	case w.App == mesh.TLS:
		says = "the application's own TLS" + also("SNI", w.SNI)
	}
	r.tell(Step{At: StageWire, Says: says})
}

// tellBehind begins what would follow if that step had been right.
func (r *replay) tellBehind() {
	if r.tracing() {
		r.tell(Step{At: StageWire, Says: "had the client sent Istio's mutual TLS instead:"})
	}
}

// tellInbound tells whether the server's proxy takes the port.
func (r *replay) tellInbound(source, says string) {
	if r.tracing() {
		r.tell(Step{At: StageCapture, Side: ServerSide, Source: source, Says: says})
	}
}

// tellListener tells what the server's listener sees and which chain it takes.
func (r *replay) tellListener(l *envoy.Listener, w wire, port uint32) {
	if !r.tracing() {
		return
	}
	pod := r.Server.Pod
	r.tellInbound(podSource(pod), fmt.Sprintf("the proxy takes port %d", port))
	says := "takes the connection"
	switch {
	case inspects(l, envoy.TLSInspector, port):
		says += "; its tls_inspector looks at the first bytes"
	case w.encrypted():
		says += "; it does not look for TLS on this port"
	}
	source := dumpOf(pod, "listeners", l.Name)
	r.tell(Step{At: StageListener, Side: ServerSide, Source: source, Says: says})
	r.tellChains(ServerSide, source, l, r.inboundConn(l, w, port))
}

// tellPassed tells that a gateway hands the bytes on.
func (r *replay) tellPassed(source string) {
	if r.tracing() {
		r.tell(Step{At: StageCluster, Side: ServerSide, Source: source, Says: "the gateway passes the TLS on to " + r.endpoint()})
	}
}

// tellTLS tells what both sides settle on.
func (r *replay) tellTLS() {
	if r.tracing() && r.TLS != nil {
		r.tell(Step{At: StageTLS, Says: cmp.Or(r.TLS.Version, "no common version") + also("SNI", r.TLS.SNI) + also("ALPN", r.TLS.ALPN)})
	}
}

// tellCertificate tells what a side presents and against what it is verified.
func (r *replay) tellCertificate(side Side, holder party, chain certs.Chain, verifier party) {
	if r.tracing() {
		r.tell(Step{At: StageCertificate, Side: side, Source: holder.name + " config_dump secrets", Says: r.engine.chain(chain).text + "; judged by " + verifier.name})
	}
}

// tellAuthorization tells whom the RBAC filters see.
func (r *replay) tellAuthorization(fc *envoy.FilterChain, who caller) {
	if !r.tracing() {
		return
	}
	if n := enforced(fc); n > 0 {
		says := fmt.Sprintf("%d RBAC filters see %s", n, cmp.Or(who.identity, "no identity"))
		r.tell(Step{At: StageAuthorization, Side: ServerSide, Source: dumpOf(r.Server.Pod, "listeners", r.Inbound.Listener), Says: says})
	}
}

// enforced counts the RBAC filters of a chain that can refuse.
func enforced(fc *envoy.FilterChain) int {
	n := 0
	count := func(f *envoy.Filter) {
		if f.RBAC != nil && f.RBAC.Enforced && f.RBAC.Action != "LOG" {
			n++
		}
	}
	for _, f := range fc.Filters {
		count(f)
		for _, h := range f.HTTPFilters {
			count(h)
		}
	}
	return n
}

// tellArrival tells what reaches an application that no proxy unwraps it for.
func (r *replay) tellArrival(says string) {
	if r.tracing() {
		r.tell(Step{At: StageApplication, Side: ServerSide, Says: says})
	}
}

// tellOutcome tells what arrives.
func (r *replay) tellOutcome() {
	if r.tracing() && r.Verdict.Works() {
		r.tell(Step{At: StageApplication, Side: ServerSide, Says: r.Why})
	}
}
