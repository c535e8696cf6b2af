package report

import (
	"cmp"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// Matrix is the answer of `matrix` and `graph`: who calls whom, and how.
type Matrix struct {
	APIVersion string    `json:"apiVersion"`
	Kind       string    `json:"kind"` // Matrix
	CapturedAt time.Time `json:"capturedAt,omitzero"`
	// By says what the parties are: workload or namespace.
	By By `json:"by"`
	// Unlisted are lists that were not read and without which calls may be missing.
	Unlisted []string `json:"unlisted"`

	Clients []Party `json:"clients"`
	Servers []Party `json:"servers"`
	// Cells are the pairs between which a call is possible, those that fare worst first.
	Cells []Cell `json:"cells"`
	// Calls, Outside and ControlPlane count what the cells count together, as the summary of a report does.
	Calls        Traffic `json:"calls"`
	Outside      Traffic `json:"outside"`
	ControlPlane Traffic `json:"controlPlane"`
}

// By is what a matrix is about.
type By string

// The kinds of parties.
const (
	ByWorkload  By = "workload"
	ByNamespace By = "namespace"
)

// Party is a client or a server: a workload, a namespace, or Outside.
type Party struct {
	Ref kube.Ref `json:"ref"`
	// NoProxy says that none of its pods has a proxy; never of a namespace.
	NoProxy bool `json:"noProxy,omitempty"`
}

// Outside is the party of destinations outside the cluster.
const Outside = "outside"

// Cell is how the calls of one client to one server fare.
type Cell struct {
	Client kube.Ref `json:"client"`
	Server kube.Ref `json:"server"`
	// Worst is the worst verdict of its calls; a call that fails for another reason than TLS is
	// "unreachable".
	Worst handshake.Verdict `json:"worst"`
	// Calls counts pairs of workloads, host and port, each with its worst verdict.
	Calls Traffic `json:"calls"`
}

// mixed reports whether not all calls of the cell fare alike.
func (c *Cell) mixed() bool {
	t := c.Calls
	n := 0
	for _, count := range []int{t.MTLS, t.Plaintext, t.TLS, t.Fails - t.Denied, t.Denied, t.Unknown, t.Unreachable} {
		if count > 0 {
			n++
		}
	}
	return n > 1
}

// NewMatrix folds edges by workloads or by namespaces.
func NewMatrix(s *mesh.Snapshot, edges iter.Seq[*handshake.Edge], by By) *Matrix {
	m := &Matrix{APIVersion: APIVersion, Kind: "Matrix", CapturedAt: s.CapturedAt.UTC(), By: by, Unlisted: Unlisted(s)}
	type pair struct{ client, server kube.Ref }
	cells := map[pair]*Cell{}
	clients, servers := map[kube.Ref]Party{}, map[kube.Ref]Party{}
	all := links(edges)
	m.Calls, m.Outside, m.ControlPlane = countCalls(all)
	for _, l := range all {
		client, server := partyOf(l.client, by), partyOf(l.server, by)
		k := pair{client.Ref, server.Ref}
		if cells[k] == nil {
			cells[k] = &Cell{Client: client.Ref, Server: server.Ref}
		}
		cells[k].Calls = cells[k].Calls.plus(l.worst)
		if rank(l.worst) > rank(cells[k].Worst) {
			cells[k].Worst = l.worst
		}
		clients[client.Ref], servers[server.Ref] = client, server
	}
	m.Cells = make([]Cell, 0, len(cells))
	for _, c := range cells {
		m.Cells = append(m.Cells, *c)
	}
	slices.SortFunc(m.Cells, func(a, b Cell) int {
		return cmp.Or(cmp.Compare(rank(b.Worst), rank(a.Worst)), compareRefs(a.Client, b.Client), compareRefs(a.Server, b.Server))
	})
	m.Clients = m.worstFirst(clients, func(c *Cell) kube.Ref { return c.Client }, clients)
	m.Servers = m.worstFirst(servers, func(c *Cell) kube.Ref { return c.Server }, clients)
	return m
}

func partyOf(w *mesh.Workload, by By) Party {
	switch {
	case w == nil:
		return Party{Ref: kube.Ref{Kind: "Host", Name: Outside}}
	case by == ByNamespace:
		return Party{Ref: kube.Ref{Kind: "Namespace", Name: w.Namespace}}
	}
	return Party{Ref: w.Ref, NoProxy: !slices.ContainsFunc(w.Pods, (*mesh.Pod).HasProxy)}
}

// worstFirst orders parties by how many of their calls fail, then by name. Those of clients
// without a proxy do not count, and come last: that STRICT refuses them is its job.
func (m *Matrix) worstFirst(parties map[kube.Ref]Party, of func(*Cell) kube.Ref, strangers map[kube.Ref]Party) []Party {
	bad := map[kube.Ref]int{}
	for i := range m.Cells {
		if c := &m.Cells[i]; !c.Worst.Works() && !strangers[c.Client].NoProxy {
			bad[of(c)] += c.Calls.Fails
		}
	}
	aside := func(p Party) int { return btoi(strangers[p.Ref].NoProxy || p.Ref.Name == Outside) }
	return slices.SortedFunc(maps.Values(parties), func(a, b Party) int {
		return cmp.Or(cmp.Compare(aside(a), aside(b)), cmp.Compare(bad[b.Ref], bad[a.Ref]), compareRefs(a.Ref, b.Ref))
	})
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func compareRefs(a, b kube.Ref) int {
	return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Kind, b.Kind))
}

// WorkloadsOf counts the workloads at either end of edges.
func WorkloadsOf(edges iter.Seq[*handshake.Edge]) int {
	seen := map[*mesh.Workload]bool{}
	for e := range edges {
		seen[e.Client.Workload] = true
		if e.Server.Pod != nil {
			seen[e.Server.Pod.Workload] = true
		}
	}
	return len(seen)
}
