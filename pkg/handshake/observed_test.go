package handshake

import (
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/internal/racing"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// TestAgreement compares verdicts with counters.
func TestAgreement(t *testing.T) {
	for _, c := range []struct {
		name    string
		verdict Verdict
		stats   map[string]uint64
		want    Agreement
	}{
		{"no traffic", MTLS, nil, Silent},
		{"requests that succeed", MTLS, map[string]uint64{"cx_total": 1, "rq_success": 3}, Agrees},
		{"an application that fails", MTLS, map[string]uint64{"cx_total": 1, "rq_error": 3}, Silent},
		{"both", MTLS, map[string]uint64{"cx_total": 1, "rq_success": 3, "rq_error": 1}, Silent},
		{"connections that come up", Plaintext, map[string]uint64{"cx_total": 2}, Silent},
		{"connections that do not come up", MTLS, map[string]uint64{"cx_total": 2, "cx_connect_fail": 2}, Contradicts},
		{"some that do not come up", MTLS, map[string]uint64{"cx_total": 2, "cx_connect_fail": 1}, Silent},
		{"a failure that is seen", Fails, map[string]uint64{"cx_total": 2, "rq_error": 2}, Agrees},
		{"a failure that is not", Fails, map[string]uint64{"cx_total": 2, "rq_success": 2}, Contradicts},
		{"refused after the handshake", Fails, map[string]uint64{"cx_total": 2}, Silent},
		{"denied", Denied, map[string]uint64{"cx_total": 1, "rq_success": 1}, Silent},
		{"unknown", Unknown, map[string]uint64{"cx_total": 1, "rq_success": 1}, Silent},
	} {
		e := &Edge{Verdict: c.verdict, Observed: observe(&envoy.Host{Stats: c.stats})}
		if got := e.Agreement(); got != c.want {
			t.Errorf("%s: %s with %v: %q, want %q", c.name, c.verdict, c.stats, got, c.want)
		}
	}
}

// TestUnreadContradictsNothing: what a proxy counted before it died, or its peer did, says nothing of now.
func TestUnreadContradictsNothing(t *testing.T) {
	read, plain := &mesh.Pod{Plane: mesh.Sidecar, Proxy: &envoy.Proxy{}}, &mesh.Pod{Plane: mesh.NoProxy}
	unread := &mesh.Pod{Plane: mesh.Sidecar}
	for name, c := range map[string]struct {
		client, server *mesh.Pod
		want           Agreement
	}{
		"both":                {read, read, Contradicts},
		"no proxy to read":    {read, plain, Contradicts},
		"outside":             {read, nil, Contradicts},
		"the server's is not": {read, unread, Silent},
		"the client's is not": {unread, read, Silent},
	} {
		e := &Edge{Client: c.client, Server: Server{Pod: c.server}, Verdict: Fails, Observed: &Observation{Connections: 1, Successes: 1}}
		if got := e.Agreement(); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// TestNothingContradictsTheRecordings: in meshes where every call was made before the capture,
// the proxies' own counters confirm the verdicts.
func TestNothingContradictsTheRecordings(t *testing.T) {
	agree := 0
	onEveryCapture(t, func(t *testing.T, ev *mesh.Evidence) {
		for _, e := range New(mesh.New(ev)).Edges(Query{}) {
			switch e.Agreement() {
			case Agrees:
				agree++
			case Contradicts:
				t.Errorf("%s -> %s:%d %s: %s, and %s", e.Client.Key(), e.Server.Name, e.Server.Port, e.Server.Address, e.Verdict, e.Observed)
			}
		}
	})
	if agree < racing.Least(1000) {
		t.Errorf("only %d verdicts are confirmed", agree)
	}
}
