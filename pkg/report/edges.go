package report

import (
	"time"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// EdgeList is the answer of `edges -o json`: the contract by which verdicts are measured.
type EdgeList struct {
	APIVersion string    `json:"apiVersion"`
	Kind       string    `json:"kind"` // EdgeList
	CapturedAt time.Time `json:"capturedAt,omitzero"`
	// Unlisted are lists that were not read and without which connections may be missing.
	Unlisted []string `json:"unlisted"`
	// Only are the verdicts to which the list is limited; absent when it has all connections.
	Only  []handshake.Verdict `json:"only,omitempty"`
	Edges []Edge              `json:"edges"`
}

// Edge is one connection with its verdict.
type Edge struct {
	Client      Client                 `json:"client"`
	Server      Server                 `json:"server"`
	Verdict     handshake.Verdict      `json:"verdict"`
	Reason      handshake.Reason       `json:"reason"`
	Why         string                 `json:"why"`
	Blockers    []handshake.Blocker    `json:"blockers"`
	Evidence    []handshake.Fact       `json:"evidence"`
	Assumptions []handshake.Assumption `json:"assumptions"`
	TLS         *handshake.Session     `json:"tls,omitempty"`
	// Observed is what the client's proxy counted of the endpoint, Agreement how that compares with
	// the verdict: agrees, contradicts, or "" when it says nothing.
	Observed  *handshake.Observation `json:"observed,omitempty"`
	Agreement handshake.Agreement    `json:"agreement,omitempty"`
	// Route is there when a VirtualService leads the call elsewhere than it was dialled.
	Route *Route `json:"route,omitempty"`
	// Steps are the way of the connection; `trace` tells them.
	Steps []handshake.Step `json:"steps,omitempty"`
}

// Client is the calling pod.
type Client struct {
	Namespace string     `json:"namespace"`
	Pod       string     `json:"pod"`
	Workload  string     `json:"workload"`
	Proxy     mesh.Plane `json:"proxy"`
}

// Server is the destination as it was dialled and the endpoint that it leads to.
type Server struct {
	Host      string     `json:"host"`
	Port      uint32     `json:"port"`
	Subset    string     `json:"subset"`
	Namespace string     `json:"namespace"`
	Pod       string     `json:"pod"`
	Workload  string     `json:"workload"`
	Address   string     `json:"address"`
	Proxy     mesh.Plane `json:"proxy"`
}

// Route is where a VirtualService leads a call.
type Route struct {
	By kube.Ref `json:"by"`
	// To is what takes the call: "api.pay.svc.cluster.local:80", "subset v2 of api.pay.svc.cluster.local:80".
	To string `json:"to"`
	// Conditional is there when only some requests, or a share of them, go there.
	Conditional bool `json:"conditional,omitempty"`
}

func route(e *handshake.Edge) *Route {
	if e.Outbound.Routed == nil {
		return nil
	}
	return &Route{e.Outbound.Route, e.Outbound.Routed.To, e.Outbound.Routed.Conditional}
}

// Edges builds the edge list of a snapshot.
func Edges(s *mesh.Snapshot, edges []*handshake.Edge) *EdgeList {
	l := &EdgeList{APIVersion: APIVersion, Kind: "EdgeList", CapturedAt: s.CapturedAt.UTC(), Unlisted: Unlisted(s), Edges: make([]Edge, 0, len(edges))}
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
		TLS: e.TLS, Observed: e.Observed, Agreement: e.Agreement(), Route: route(e), Steps: e.Steps,
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
