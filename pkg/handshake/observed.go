package handshake

import (
	"fmt"
	"net/netip"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// Observation is what the client's proxy has counted of an endpoint since it was told of the
// cluster in its present form (Envoy's admin page /clusters, host statistics).
type Observation struct {
	// Connections were begun, ConnectFailures of them never came up: the TLS handshake is part of that.
	Connections     uint64 `json:"connections"`
	ConnectFailures uint64 `json:"connectFailures"`
	// Successes are HTTP requests that were answered with less than 500, Errors the others.
	Successes uint64 `json:"successes"`
	Errors    uint64 `json:"errors"`
}

func observe(h *envoy.Host) *Observation {
	o := &Observation{h.Stats["cx_total"], h.Stats["cx_connect_fail"], h.Stats["rq_success"], h.Stats["rq_error"]}
	if *o == (Observation{}) {
		return nil
	}
	return o
}

// String tells the counts.
func (o *Observation) String() string {
	s := fmt.Sprintf("%s (%d failed to establish)", counted(o.Connections, "connection"), o.ConnectFailures)
	if o.Successes+o.Errors > 0 {
		s += fmt.Sprintf(", %s succeeded, %d failed", counted(o.Successes, "request"), o.Errors)
	}
	return s
}

func counted(n uint64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// Agreement is how a verdict compares with what was counted.
type Agreement string

// The agreements.
const (
	Silent      Agreement = ""            // no traffic, or counts that speak for neither side
	Agrees      Agreement = "agrees"      // the counts confirm the verdict
	Contradicts Agreement = "contradicts" // a stale capture, or a verdict that is wrong
)

// Agreement compares the verdict with the counters. Only what is clear counts: requests that all
// succeeded, and for a verdict that the connection fails requests that all failed, for one that it works
// connections of which none came up. Connections that came up say nothing: the server's refusal of a
// client's certificate comes after that (TLS 1.3), and so does that of plaintext. Requests that
// failed over a connection that works are the application's; a denied one is a success in these counters.
// Where a proxy could not be read the counts are older than what stopped it: they contradict nothing.
func (e *Edge) Agreement() Agreement {
	o := e.Observed
	if o == nil || e.Verdict == Unknown || e.Verdict == Denied {
		return Silent
	}
	succeeded := o.Successes > 0 && o.Errors == 0
	unconnected := o.Successes == 0 && o.Connections > 0 && o.ConnectFailures == o.Connections
	failed := unconnected || o.Successes == 0 && o.Errors > 0
	works := e.Verdict.Works()
	switch {
	case works && succeeded, !works && failed:
		return Agrees
	case e.bothRead() && (works && unconnected || !works && succeeded):
		return Contradicts
	}
	return Silent
}

// bothRead reports whether each end that has a proxy was read.
func (e *Edge) bothRead() bool {
	read := func(p *mesh.Pod) bool { return p == nil || !p.HasProxy() || p.Proxy != nil }
	return read(e.Client) && read(e.Server.Pod)
}

// hostKey is an endpoint of a cluster.
type hostKey struct {
	cluster string
	address netip.AddrPort
}

// observed attaches what the client's proxy counted.
func (r *replay) observed(ix *proxyIndex, c *envoy.Cluster) {
	if h := ix.host(c.Name, r.Server.Address); h != nil {
		r.Observed = observe(h)
	}
}

// host is what /clusters says of an endpoint, nil if nothing.
func (ix *proxyIndex) host(cluster string, address netip.AddrPort) *envoy.Host {
	if ix.hosts == nil {
		ix.hosts = map[hostKey]*envoy.Host{}
		for name, list := range ix.proxy.Hosts {
			for i := range list {
				ix.hosts[hostKey{name, list[i].Address}] = &list[i]
			}
		}
	}
	if !address.IsValid() || !address.Addr().IsValid() {
		return nil // hosts of one DNS name share it
	}
	return ix.hosts[hostKey{cluster, address}]
}

// Ledger counts how verdicts compare with what was observed.
type Ledger struct {
	Agree      int `json:"agree"`
	Contradict int `json:"contradict"`
}

// Tally makes the ledger of some edges.
func Tally(edges []*Edge) Ledger {
	var l Ledger
	for _, e := range edges {
		switch e.Agreement() {
		case Agrees:
			l.Agree++
		case Contradicts:
			l.Contradict++
		}
	}
	return l
}
