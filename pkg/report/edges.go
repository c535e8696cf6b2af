package report

import (
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// Edges builds the edge list of a snapshot.
func Edges(s *mesh.Snapshot, edges []*handshake.Edge) *EdgeList {
	l := &EdgeList{APIVersion: APIVersion, Kind: "EdgeList", CapturedAt: s.CapturedAt.UTC(), Edges: make([]Edge, 0, len(edges))}
	for _, e := range edges {
		l.Edges = append(l.Edges, edge(e))
	}
	return l
}

func edge(e *handshake.Edge) Edge {
	return Edge{
		Client:  Client{e.Client.Namespace, e.Client.Name, e.Client.Workload.Name, e.Client.Plane},
		Server:  server(&e.Server),
		Verdict: e.Verdict, Reason: e.Reason, Why: e.Why,
		Blockers: list(e.Blockers), Evidence: list(e.Evidence), Assumptions: list(e.Assumptions),
		TLS: e.TLS, Observed: e.Observed, Agreement: e.Agreement(), Steps: e.Steps,
	}
}

func server(s *handshake.Server) Server {
	out := Server{Host: s.Name, Port: s.Port, Subset: s.Subset, Proxy: mesh.NoProxy}
	if s.Host != nil {
		out.Namespace = s.Host.Namespace
	}
	if s.Address.Addr().IsValid() {
		out.Address = s.Address.String()
	} else {
		out.Address = s.Hostname
	}
	if s.Pod != nil {
		out.Namespace, out.Pod, out.Workload, out.Proxy = s.Pod.Namespace, s.Pod.Name, s.Pod.Workload.Name, s.Pod.Plane
	}
	return out
}

// list makes a nil slice an empty one: arrays are never null.
func list[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

func kubeKey(r kube.Ref) kube.Key { return kube.Key{Namespace: r.Namespace, Name: r.Name} }
