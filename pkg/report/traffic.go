package report

import (
	"slices"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
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
}

// inMesh reports whether any of the client's pods has a proxy.
func (l *link) inMesh() bool {
	return slices.ContainsFunc(l.client.Pods, (*mesh.Pod).HasProxy)
}

// links folds edges, in their order. A workload's calls to itself are left out: replicas that
// share a service would count it everywhere.
func links(edges []*handshake.Edge) []*link {
	index := map[link]*link{}
	var out []*link
	for _, e := range edges {
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
			index[k] = l
			out = append(out, l)
		}
		if verdictRank(e.Verdict) > verdictRank(l.worst) {
			l.worst = e.Verdict
		}
	}
	return out
}

// traffic counts links by workload.
type traffic struct{ inbound, outbound map[*mesh.Workload]Traffic }

// countTraffic counts callers without a proxy only outwards: refusing them is what STRICT is for.
func countTraffic(edges []*handshake.Edge) traffic {
	t := traffic{map[*mesh.Workload]Traffic{}, map[*mesh.Workload]Traffic{}}
	for _, l := range links(edges) {
		if l.server == nil {
			continue
		}
		t.outbound[l.client] = t.outbound[l.client].plus(l.worst)
		if l.inMesh() {
			t.inbound[l.server] = t.inbound[l.server].plus(l.worst)
		}
	}
	return t
}

// verdictRank orders verdicts from the best to the worst; none at all is below the best.
func verdictRank(v handshake.Verdict) int { return slices.Index(verdictOrder, v) }

var verdictOrder = []handshake.Verdict{
	"", handshake.MTLS, handshake.AppTLS, handshake.TLS, handshake.Plaintext,
	handshake.Unknown, handshake.Denied, handshake.Fails,
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
	default:
		t.Fails++
	}
	return t
}
