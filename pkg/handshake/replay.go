package handshake

import (
	"fmt"
	"slices"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// replay is an edge in the making.
type replay struct {
	*Edge
	engine *Engine
	dial   dial
	// tlsMode is what the client's proxy was told of the endpoint: istio, disabled or nothing;
	// fromLabel that it was not read and stands on the pod's label.
	tlsMode   string
	fromLabel bool
	// forks are the replays that a gateway makes of one, each to an endpoint behind it.
	forks []*replay
	decisions
	// alike are further endpoints, which the engine can not tell from the one that was replayed.
	alike []mesh.Endpoint
	// unverified are the sides whose chain the other one takes as it comes.
	unverified []Side
	// wordless: block leaves texts out, for only the reasons are looked at, of thousands of clients.
	wordless bool
}

func (e *Engine) start(client *mesh.Pod, d dial) *replay {
	r := &replay{engine: e, dial: d, Edge: &Edge{Client: client}}
	r.Server = Server{Host: d.host, Name: d.name, Port: d.port}
	if d.query != nil && d.query.alike {
		r.made = r
	}
	if d.guessed {
		r.assume(ProtocolGuessed)
	}
	return r
}

// to sets the endpoint.
func (r *replay) to(ep mesh.Endpoint) {
	r.Server.Pod, r.Server.Address, r.Server.Hostname = ep.Pod, ep.Address, ep.Hostname
}

func (r *replay) fact(l Layer, source, value string) {
	r.Evidence = append(r.Evidence, Fact{Layer: l, Source: source, Value: value})
}

// read notes what a proxy's config dump says at a place.
func (r *replay) read(at place, value string) {
	r.Evidence = append(r.Evidence, Fact{Proxy, at.source, value, at.Place})
}

func (r *replay) assume(a Assumption) {
	if !slices.Contains(r.Assumptions, a) {
		r.Assumptions = append(r.Assumptions, a)
	}
}

// sniffed notes that the listener waits for the client's first bytes before it chooses a chain:
// a protocol in which the server speaks first hangs there.
func (r *replay) sniffed(l *envoy.Listener, port uint32, w wire) {
	if w.App == mesh.TCP && w.TLS == nil && inspects(l, envoy.TLSInspector, port) {
		r.assume(ClientSpeaksFirst)
	}
}

// block records what stands in the way. The replay may go on as if it did not.
func (r *replay) block(reason Reason, format string, args ...any) {
	b := Blocker{Reason: reason}
	if !r.wordless {
		b.Why = fmt.Sprintf(format, args...)
	}
	r.add(b, "")
}

// unseen records that a pod was not read, or is not modelled.
func (r *replay) unseen(pod *mesh.Pod, reason Reason, format string, args ...any) {
	r.add(Blocker{reason, fmt.Sprintf(format, args...), kube.PodRef(pod.Key())}, "")
}

// add records a blocker at the last step of a stage; "" stands for the last one told.
func (r *replay) add(b Blocker, at Stage) {
	if !r.Blocked(b.Reason) {
		r.Blockers = append(r.Blockers, b)
		r.tellBlocker(b, at)
	}
}

// pass sets the verdict of the case that nothing blocks.
func (r *replay) pass(v Verdict, format string, args ...any) {
	r.Verdict, r.Why = v, fmt.Sprintf(format, args...)
}

// finish settles the verdict. A definite failure anywhere on the way beats what is unknown
// before it: the connection fails whatever the unknown part says.
func (r *replay) finish() *Edge {
	first := func(match func(Reason) bool) bool {
		i := slices.IndexFunc(r.Blockers, func(b Blocker) bool { return match(b.Reason) })
		if i >= 0 {
			r.Reason, r.Why = r.Blockers[i].Reason, r.Blockers[i].Why
		}
		return i >= 0
	}
	switch {
	case first(func(x Reason) bool { return !x.unknown() && x != AuthorizationDenied }):
		r.Verdict = Fails
	case first(Reason.unknown):
		r.Verdict = Unknown
	case first(func(x Reason) bool { return x == AuthorizationDenied }):
		r.Verdict = Denied
	}
	r.tellOutcome()
	return r.Edge
}
