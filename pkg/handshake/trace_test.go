package handshake

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// TestTrace follows some connections step by step: what each says, and at which step it fails.
func TestTrace(t *testing.T) {
	for _, c := range []struct {
		name, from, to string
		given          func(*world)
		want           string
	}{
		{
			name: "mutual TLS", from: "shop/client", to: "server.shop:80",
			given: func(w *world) { w.accept("shop/server", strict) },
			want: `client capture
client listener
client route
client cluster
client endpoint
client transport-socket
 wire
server capture
server listener
server filter-chain
 tls
server certificate
client certificate
server application`,
		},
		{
			name: "plaintext against STRICT", from: "legacy/naked", to: "server.shop:80",
			given: func(w *world) { w.accept("shop/server", strict) },
			want: `client capture
 wire
server capture
server listener
server filter-chain: plaintext-refused`,
		},
		{
			name: "a bare server", from: "shop/client", to: "naked.legacy:80",
			given: func(w *world) { w.rule("naked.legacy", tlsMutual) },
			want: `client capture
client listener
client route
client cluster
client endpoint
client transport-socket
 wire
server capture
server application: tls-to-plaintext`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := shop(t)
			c.given(w)
			edges := w.traced(c.from, c.to)
			if len(edges) != 1 {
				t.Fatalf("%d edges", len(edges))
			}
			if diff := cmp.Diff(c.want, stages(edges[0])); diff != "" {
				t.Error(diff)
			}
			if again := w.edges(c.from, c.to)[0]; again.Steps != nil || outcome(again) != outcome(edges[0]) {
				t.Errorf("without a trace: %s, %d steps; with one: %s", outcome(again), len(again.Steps), outcome(edges[0]))
			}
		})
	}
}

func stages(e *Edge) string {
	var lines []string
	for _, s := range e.Steps {
		line := fmt.Sprintf("%s %s", s.Side, s.At)
		for _, b := range s.Blockers {
			line += ": " + string(b.Reason)
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

// TestTraceTellsWhyChainsLost names the criterion by which each filter chain was dropped.
func TestTraceTellsWhyChainsLost(t *testing.T) {
	w := shop(t)
	w.accept("shop/server", strict)
	e := w.traced("legacy/naked", "server.shop:80")[0]
	last := e.Steps[len(e.Steps)-1]
	if len(last.Chains) == 0 {
		t.Fatal("no filter chain was told")
	}
	for _, c := range last.Chains {
		if c.Lost != "transport_protocol" {
			t.Errorf("%s (%s) was lost by %q", c.Name, c.Matches, c.Lost)
		}
	}
}

// TestTraceTakesTheChain: what a trace says was taken is what matchChain takes.
func TestTraceTakesTheChain(t *testing.T) {
	onEveryCapture(t, func(t *testing.T, ev *mesh.Evidence) {
		for _, e := range New(mesh.New(ev)).Edges(Query{Trace: true}) {
			for _, s := range e.Steps {
				if took := takenOf(s); s.Side == ServerSide && s.At == StageFilterChain && took != e.Inbound.Chain {
					t.Errorf("%s: the trace takes %q, the replay %q", e.Why, took, e.Inbound.Chain)
				}
			}
			complain(t, e)
		}
	})
}

// takenOf are the chains of a step that were not lost.
func takenOf(s Step) string {
	var taken []string
	for _, c := range s.Chains {
		if c.Lost == "" {
			taken = append(taken, c.Name)
		}
	}
	return strings.Join(taken, " ")
}

// complain checks that every blocker of an edge is told at a step.
func complain(t *testing.T, e *Edge) {
	t.Helper()
	var told []Blocker
	for _, s := range e.Steps {
		told = append(told, s.Blockers...)
	}
	if diff := cmp.Diff(e.Blockers, told, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%s: %s", e.Why, diff)
	}
}
