package handshake

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

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

// tell adds a step, which is only made when the query asks for it.
func (r *replay) tell(step func() Step) {
	if r.tracing() {
		r.Steps = append(r.Steps, step())
	}
}

// tellBlocker notes a blocker at the last step of a stage; "" stands for the last step.
func (r *replay) tellBlocker(b Blocker, at Stage) {
	for i := len(r.Steps) - 1; i >= 0; i-- {
		if at == "" || r.Steps[i].At == at {
			r.Steps[i].Blockers = append(r.Steps[i].Blockers, b)
			return
		}
	}
}

// tellOrigin tells where the connection begins when no proxy of the client is followed.
func (r *replay) tellOrigin(says ...string) {
	r.tell(func() Step {
		return Step{At: StageCapture, Side: ClientSide, Source: podSource(r.Client), Says: strings.Join(says, "")}
	})
}

func podSource(p *mesh.Pod) string { return "pod " + p.Key().String() }

// tellClient goes through the client's proxy once more: capture, listener, filter chain, route.
func (r *replay) tellClient(w way) {
	if !r.tracing() {
		return
	}
	client, d := r.Client, r.dial
	step := func(at Stage, source, says string) {
		r.tell(func() Step { return Step{At: at, Side: ClientSide, Source: source, Says: says} })
	}
	if client.Plane == mesh.Gateway {
		step(StageCluster, podSource(client), "a gateway; which of its routes lead here is not followed")
		return
	}
	step(StageCapture, podSource(client), "captured: "+cmp.Or(client.Capture.Source, "nothing excludes it"))
	l := r.engine.outboundListener(r.engine.index(client.Proxy), d)
	if l == nil {
		step(StageListener, podSource(client), "no outbound listener takes "+d.label())
		return
	}
	source := dumpOf(client, "listeners", l.Name)
	step(StageListener, source, "takes "+d.label()+dialled(d))
	if len(l.FilterChains) > 1 {
		r.tellChains(ClientSide, source, l, r.engine.appConn(l, d))
	}
	if w.at.source != "" && w.at.source != source {
		step(StageRoute, w.at.source, routeWords(w))
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
		return w.why + applied(configRef(w.config, "VirtualService"))
	case w.conditional:
		return "some requests, or a share of them, go to cluster " + w.cluster + applied(configRef(w.config, "VirtualService"))
	}
	return "goes to cluster " + w.cluster + applied(configRef(w.config, "VirtualService"))
}

// tellChains lists the filter chains of a listener for the port and what became of each.
func (r *replay) tellChains(side Side, source string, l *envoy.Listener, c conn) {
	r.tell(func() Step {
		taken, all := considered(l, c)
		says := "no filter chain takes " + c.describe()
		if taken != nil {
			says = fmt.Sprintf("chain %s takes %s", cmp.Or(taken.Name, "without a name"), c.describe())
		}
		return Step{At: StageFilterChain, Side: side, Source: source, Says: says, Chains: all}
	})
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

// considered chooses a filter chain and notes where each of the others was lost. Chains of other
// ports are left out.
func considered(l *envoy.Listener, c conn) (taken *envoy.FilterChain, all []Candidate) {
	lost := map[*envoy.FilterChain]string{}
	taken = narrowChains(l, c, func(criterion string, before, after chains) {
		for _, fc := range before {
			if !slices.Contains(after, fc) {
				lost[fc] = criterion
			}
		}
	})
	note := func(fc *envoy.FilterChain, why string) {
		if fc == taken {
			why = ""
		}
		all = append(all, Candidate{Name: fc.Name, Matches: describeMatch(&fc.Match), Socket: describeServerSocket(fc.Socket), Lost: why})
	}
	for _, fc := range l.FilterChains {
		if lost[fc] != destinationPort {
			note(fc, cmp.Or(lost[fc], "an equal chain stands before it"))
		}
	}
	if l.Default != nil {
		note(l.Default, "only what no other takes")
	}
	return taken, all
}

// tellCluster tells which cluster and why.
func (r *replay) tellCluster(c *envoy.Cluster) {
	r.tell(func() Step {
		return Step{At: StageCluster, Side: ClientSide, Source: dumpOf(r.Client, "clusters", c.Name), Says: cmp.Or(c.Type, "static") + applied(r.Outbound.Rule)}
	})
}

// tellSocket tells the endpoint and how the transport socket for it was chosen.
func (r *replay) tellSocket(c *envoy.Cluster, u upstream, by chosen) {
	r.tell(func() Step {
		source := dumpOf(r.Client, "endpoints", cmp.Or(c.ServiceName, c.Name))
		return Step{At: StageEndpoint, Side: ClientSide, Source: source, Says: r.endpointWords(c, u)}
	})
	r.tell(func() Step {
		says := by.how + ": " + r.engine.socket(by.socket)
		return Step{At: StageTransportSocket, Side: ClientSide, Source: dumpOf(r.Client, "clusters", c.Name), Says: says}
	})
}

// endpointWords say what the client's proxy knows of an endpoint.
func (r *replay) endpointWords(c *envoy.Cluster, u upstream) string {
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
	return says
}
