package report

import (
	"fmt"
	"iter"
	"slices"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// link is what people call a connection: one workload calls another by a host and port. Its
// replicas may fare differently.
type link struct {
	client *mesh.Workload
	server *mesh.Workload // nil outside the cluster
	host   string
	port   uint32
	worst  handshake.Verdict
	// blind is the end that could not be read, when worst is unknown for that reason; nil when
	// it is neither or not known.
	blind *mesh.Workload
	// control says that it leads to the control plane.
	control bool
}

// aside reports a call to the control plane that works: every pod can make it, and none of them says how the
// applications fare. One that fails, or that nobody can judge, counts as any other.
func (l *link) aside() bool { return l.control && l.worst.Works() }

// controls reports whether an edge leads to istiod or to the API server.
func controls(e *handshake.Edge) bool {
	if p := e.Server.Pod; p != nil {
		return p.Labels["app"] == "istiod" || p.Labels["istio"] == "pilot" // the labels of its chart
	}
	h := e.Server.Host
	return h != nil && h.Ref == (kube.Ref{Kind: "Service", Namespace: "default", Name: "kubernetes"})
}

// countCalls counts links: those of callers with a proxy, those of callers without one, and apart from both those to
// the control plane that work.
func countCalls(all []*link) (calls, outside, control Traffic) {
	for _, l := range all {
		switch {
		case l.aside():
			control = control.plus(l.worst)
		case l.inMesh():
			calls = calls.plus(l.worst)
		default:
			outside = outside.plus(l.worst)
		}
	}
	return calls, outside, control
}

// controlNote says what the counts of calls leave out; "" for nothing.
func controlNote(control Traffic) string {
	if control.Total == 0 {
		return ""
	}
	return fmt.Sprintf("not counted: %s to istiod and the API server that work", plural(control.Total, "possible call"))
}

// inMesh reports whether any of the client's pods has a proxy.
func (l *link) inMesh() bool {
	return slices.ContainsFunc(l.client.Pods, (*mesh.Pod).HasProxy)
}

// unreachable stands for connections that fail for a reason that has nothing to do with TLS: no
// route, no endpoint, nobody listens.
const unreachable handshake.Verdict = "unreachable"

func outcome(e *handshake.Edge) handshake.Verdict {
	if e.Verdict == handshake.Fails && e.Reason.NotTLS() {
		return unreachable
	}
	return e.Verdict
}

// links folds edges, in their order. A workload's calls to itself are left out: replicas that
// share a service would count it everywhere.
func links(edges iter.Seq[*handshake.Edge]) []*link {
	index := map[link]*link{}
	var out []*link
	for e := range edges {
		k := link{client: e.Client.Workload, host: e.Server.Name, port: e.Server.Port}
		if e.Server.Pod != nil {
			k.server = e.Server.Pod.Workload
		}
		if k.server == k.client {
			continue
		}
		l := index[k]
		if l == nil {
			l = new(k)
			l.control = controls(e)
			index[k] = l
			out = append(out, l)
		}
		if v := outcome(e); rank(v) > rank(l.worst) {
			l.worst, l.blind = v, blindEnd(e)
		}
	}
	return out
}

// blindEnd is the end of an edge whose proxy could not be read.
func blindEnd(e *handshake.Edge) *mesh.Workload {
	switch {
	case isBlind(e.Client):
		return e.Client.Workload
	case e.Server.Pod != nil && isBlind(e.Server.Pod):
		return e.Server.Pod.Workload
	}
	return nil
}

// traffic counts links by workload.
type traffic struct {
	inbound, outbound map[*mesh.Workload]Traffic
	// doubts counts unknown links that make a workload itself unknown: not those of a caller that
	// could not be read. unread are those of them to a server that could not be read.
	doubts, unread map[*mesh.Workload]int
}

// countTraffic counts callers without a proxy only outwards: refusing them is what STRICT is for.
func countTraffic(edges []*handshake.Edge) traffic {
	t := traffic{
		map[*mesh.Workload]Traffic{},
		map[*mesh.Workload]Traffic{},
		map[*mesh.Workload]int{},
		map[*mesh.Workload]int{},
	}
	for _, l := range links(slices.Values(edges)) {
		if l.server == nil {
			continue
		}
		if !l.aside() {
			t.outbound[l.client] = t.outbound[l.client].plus(l.worst)
		}
		if l.inMesh() {
			t.inbound[l.server] = t.inbound[l.server].plus(l.worst)
		}
		t.doubt(l)
	}
	return t
}

func (t traffic) doubt(l *link) {
	if l.worst != handshake.Unknown {
		return
	}
	t.doubts[l.client]++
	switch l.blind {
	case l.server:
		t.unread[l.client]++
		t.doubts[l.server]++
	case nil:
		t.doubts[l.server]++
	}
}

// rank orders outcomes from the best to the worst; none at all is below the best.
func rank(v handshake.Verdict) int { return slices.Index(outcomeOrder, v) }

var outcomeOrder = []handshake.Verdict{
	"", handshake.MTLS, handshake.AppTLS, handshake.TLS, handshake.Plaintext,
	unreachable, handshake.Unknown, handshake.Denied, handshake.Fails,
}

func (t Traffic) plus(v handshake.Verdict) Traffic {
	t.Total++
	switch v {
	case handshake.MTLS:
		t.MTLS++
	case handshake.Plaintext:
		t.Plaintext++
	case handshake.TLS, handshake.AppTLS:
		t.TLS++
	case handshake.Unknown:
		t.Unknown++
	case unreachable:
		t.Unreachable++
	case handshake.Denied:
		t.Fails++
		t.Denied++
	default:
		t.Fails++
	}
	return t
}

func (t Traffic) and(o Traffic) Traffic {
	return Traffic{
		Total: t.Total + o.Total, MTLS: t.MTLS + o.MTLS, Plaintext: t.Plaintext + o.Plaintext, TLS: t.TLS + o.TLS,
		Fails: t.Fails + o.Fails, Denied: t.Denied + o.Denied, Unknown: t.Unknown + o.Unknown, Unreachable: t.Unreachable + o.Unreachable,
	}
}
