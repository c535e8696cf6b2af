package report

import (
	"cmp"
	"slices"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// CallsDiff says what became of the calls between workloads. Pods are not compared: their names
// change.
type CallsDiff struct {
	// Worse fare worse than before, or are new and do not get through; Better fare better; Other
	// changed in another way. Unseen had a verdict, and AFTER lacks the evidence for one.
	Worse  []ChangedCall `json:"worse"`
	Better []ChangedCall `json:"better"`
	Other  []ChangedCall `json:"other"`
	Unseen []ChangedCall `json:"unseen"`
	// New and Gone count calls of one side only; those that are new and fail are among Worse too.
	New  int `json:"new"`
	Gone int `json:"gone"`
	// Missing counts those of BEFORE only when AFTER lacks lists that would show them: none is then known to be gone.
	Missing   int `json:"missing"`
	Unchanged int `json:"unchanged"`
}

// ChangedCall is a call of one workload to another, by the worst of its replicas.
type ChangedCall struct {
	Client CallEnd `json:"client"`
	Host   string  `json:"host"`
	Port   uint32  `json:"port"`
	Subset string  `json:"subset,omitempty"`
	Server CallEnd `json:"server"`
	// Before is absent for a call that is new.
	Before *CallOutcome `json:"before,omitempty"`
	After  CallOutcome  `json:"after"`
}

// CallEnd is the workload at an end of a call; without a name it is outside the cluster.
type CallEnd struct {
	Namespace string     `json:"namespace"`
	Workload  string     `json:"workload"`
	Proxy     mesh.Plane `json:"proxy"`
}

// CallOutcome is how a call fares.
type CallOutcome struct {
	Verdict handshake.Verdict `json:"verdict"`
	Reason  handshake.Reason  `json:"reason,omitempty"`
	Why     string            `json:"why"`
}

// outcome is the verdict, but that a failure which is none of TLS is told apart.
func (o *CallOutcome) outcome() handshake.Verdict {
	if o.Verdict == handshake.Fails && o.Reason.NotTLS() {
		return unreachable
	}
	return o.Verdict
}

// severity is how bad it is that the call became what it is: an error when it does not get through,
// new or not; a warning when it was mutual TLS. That a caller without a proxy is refused
// is for STRICT to decide, and what leads nowhere for others.
func (c *ChangedCall) severity() string {
	switch is := c.After.outcome(); {
	case c.Client.Proxy == mesh.NoProxy && c.Before == nil, is == unreachable, is == handshake.Unknown:
		return ""
	case !is.Works():
		return string(diagnose.Error)
	case c.Before != nil && c.Before.Verdict == handshake.MTLS:
		return string(diagnose.Warning)
	}
	return ""
}

// callKey names a call in every run.
type callKey struct {
	clientNamespace, client, host string
	port                          uint32
	subset                        string
	serverNamespace, server       string
}

func compareCalls(before, after []Edge) *CallsDiff {
	d := &CallsDiff{Worse: []ChangedCall{}, Better: []ChangedCall{}, Other: []ChangedCall{}, Unseen: []ChangedCall{}}
	_, was := foldCalls(before)
	order, is := foldCalls(after)
	for _, k := range order {
		c, old := is[k], was[k]
		if old == nil {
			d.New++
			if c.severity() != "" {
				d.Worse = append(d.Worse, *c)
			}
			continue
		}
		c.Before = &old.After
		d.add(c)
	}
	for k := range was {
		if is[k] == nil {
			d.Gone++
		}
	}
	for _, list := range [][]ChangedCall{d.Worse, d.Better, d.Other, d.Unseen} {
		slices.SortStableFunc(list, func(a, b ChangedCall) int { return cmp.Compare(rank(b.After.outcome()), rank(a.After.outcome())) })
	}
	return d
}

// unlisted is told which lists of AFTER were not read: what they do not show is not gone.
func (d *CallsDiff) unlisted(lists []string) {
	if len(lists) > 0 {
		d.Missing, d.Gone = d.Gone, 0
	}
}

// add sorts a call of both sides by how it changed. That nothing is left to call makes no call better, and what is
// not seen any more is neither better nor worse.
func (d *CallsDiff) add(c *ChangedCall) {
	before, after := rank(c.Before.outcome()), rank(c.After.outcome())
	switch {
	case c.After.Verdict == handshake.Unknown && after != before:
		d.Unseen = append(d.Unseen, *c)
	case after > before:
		d.Worse = append(d.Worse, *c)
	case after < before && c.After.Verdict.Works():
		d.Better = append(d.Better, *c)
	case after != before, c.After.Reason != c.Before.Reason && c.After.Verdict != handshake.Unknown:
		d.Other = append(d.Other, *c)
	default:
		d.Unchanged++
	}
}

// foldCalls folds connections by workloads, host and port, each with its worst outcome.
func foldCalls(edges []Edge) ([]callKey, map[callKey]*ChangedCall) {
	var order []callKey
	calls := map[callKey]*ChangedCall{}
	for i := range edges {
		e := &edges[i]
		k := callKey{e.Client.Namespace, e.Client.Workload, e.Server.Host, e.Server.Port, e.Server.Subset, e.Server.Namespace, e.Server.Workload}
		o := CallOutcome{e.Verdict, e.Reason, e.Why}
		c := calls[k]
		if c == nil {
			c = &ChangedCall{
				Client: CallEnd{e.Client.Namespace, e.Client.Workload, e.Client.Proxy}, Host: e.Server.Host, Port: e.Server.Port, Subset: e.Server.Subset,
				Server: CallEnd{e.Server.Namespace, e.Server.Workload, e.Server.Proxy},
			}
			calls[k] = c
			order = append(order, k)
		}
		if rank(o.outcome()) > rank(c.After.outcome()) {
			c.After = o
		}
	}
	return order, calls
}
