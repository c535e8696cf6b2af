package report

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
)

func drawn(t *testing.T, m *Matrix, style Style) string {
	t.Helper()
	var b strings.Builder
	write := m.Render
	if style.Format == DOT || style.Format == Mermaid {
		write = m.RenderGraph
	}
	if err := write(&b, style); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// calls are connections of every outcome: a fails to b on one of two ports, and n has no proxy.
func calls() []*handshake.Edge {
	p := ends("a", "b", "c", "nobody")
	return []*handshake.Edge{
		call(p["a"], p["b"], 80, handshake.MTLS, ""),
		call(p["a"], p["b"], 81, handshake.Fails, handshake.PlaintextRefused),
		call(p["a"], p["c"], 80, handshake.Plaintext, ""),
		call(p["b"], p["c"], 80, handshake.Unknown, handshake.ServerUnread),
		call(p["c"], p["b"], 80, handshake.Denied, handshake.AuthorizationDenied),
		call(p["c"], p["a"], 80, handshake.Fails, handshake.NoListener),
		call(p["nobody"], p["a"], 80, handshake.Fails, handshake.PlaintextRefused),
		call(p["b"], nil, 443, handshake.AppTLS, ""),
	}
}

func TestMatrix(t *testing.T) {
	m := NewMatrix(allListed(), slices.Values(calls()), ByWorkload)
	want := `CLIENT                         1   2  3  4
shop/deploy/a                  X+  .  P  .
shop/deploy/c                  D   0  .  .
shop/deploy/b                  .   .  ?  T
shop/deploy/nobody (no proxy)  .   X  .  .

1 shop/deploy/b   2 shop/deploy/a   3 shop/deploy/c   4 outside

P plaintext, T other TLS, D denied, X fails, 0 leads nowhere, ? unknown; + others fare better; . no call
1 of 7 possible calls fails, 1 denied, 1 plaintext, 1 other TLS, 1 mTLS, 1 leading nowhere, 1 unknown
callers without a proxy: 1 of 1 possible call fails
`
	if diff := cmp.Diff(want, drawn(t, m, Style{Format: Table})); diff != "" {
		t.Error(diff)
	}
	if got := drawn(t, NewMatrix(allListed(), slices.Values(calls()[:0]), ByWorkload), Style{Format: Table}); got != noEdges+"\n" {
		t.Errorf("got %s", got)
	}
}

func TestMatrixOfNamespaces(t *testing.T) {
	p := ends("a", "b", "c")
	p["c"].Workload.Namespace = "pay"
	m := NewMatrix(allListed(), slices.Values([]*handshake.Edge{
		call(p["a"], p["b"], 80, handshake.MTLS, ""),
		call(p["a"], p["c"], 80, handshake.MTLS, ""),
		call(p["b"], p["c"], 80, handshake.Fails, handshake.TLSVersion),
	}), ByNamespace)
	want := `CLIENT  1   2
shop    X+  M

1 pay    2 shop

M mTLS, X fails; + others fare better; . no call
1 of 3 possible calls fails, 2 mTLS
`
	if diff := cmp.Diff(want, drawn(t, m, Style{Format: Table})); diff != "" {
		t.Error(diff)
	}
}

// TestManyParties: a matrix that does not fit shares one row and one column, and -o wide has all.
func TestManyParties(t *testing.T) {
	var names []string
	for i := range 60 {
		names = append(names, fmt.Sprintf("a%02d", i))
	}
	p := ends(names...)
	var edges []*handshake.Edge
	for i, name := range names {
		verdict := handshake.MTLS
		if i == 55 {
			verdict = handshake.Fails
		}
		edges = append(edges, call(p[name], p[names[(i+1)%len(names)]], 80, verdict, ""))
	}
	m := NewMatrix(allListed(), slices.Values(edges), ByWorkload)
	folded := drawn(t, m, Style{Format: Table})
	for _, want := range []string{"\nshop/deploy/a55 ", "  rest\n", "\nand 30 more clients ", "rest: 40 more servers (-o wide shows them)\n"} {
		if !strings.Contains(folded, want) {
			t.Errorf("no %q in\n%s", want, folded)
		}
	}
	if first := strings.Fields(strings.Split(folded, "\n")[1]); first[0] != "shop/deploy/a55" || first[1] != "X" {
		t.Errorf("the one that fails does not come first: %s", first)
	}
	for line := range strings.Lines(folded) {
		if len(line) > lineWidth+1 {
			t.Errorf("too wide: %s", line)
		}
	}
	if got := strings.Count(drawn(t, m, Style{Format: Wide}), "\nshop/deploy/"); got != 60 {
		t.Errorf("-o wide has %d rows", got)
	}
}

func TestGraph(t *testing.T) {
	p := ends("a", "b")
	p["a"].Workload.Name = "x\"];\n#y"
	m := NewMatrix(allListed(), slices.Values([]*handshake.Edge{
		call(p["a"], p["b"], 80, handshake.Fails, handshake.TLSVersion),
		call(p["a"], p["b"], 81, handshake.MTLS, ""),
		call(p["b"], nil, 443, handshake.AppTLS, ""),
	}), ByWorkload)
	wantDOT := `digraph mtls {
  rankdir=LR;
  node [shape=box, fontname="sans-serif"];
  edge [fontname="sans-serif", fontsize=10];
  n1 [label="shop/deploy/x\"];\\x0a#y"];
  n2 [label="shop/deploy/b"];
  n3 [label="outside"];
  n1 -> n2 [label="fails 1 of 2", style=bold, color="#cf222e", arrowhead=tee];
  n2 -> n3 [label="appTLS", style=dashed, color="#9a6700"];
}
`
	if diff := cmp.Diff(wantDOT, drawn(t, m, Style{Format: DOT})); diff != "" {
		t.Error(diff)
	}
	wantMermaid := `flowchart LR
  n1["shop/deploy/x#quot;];\x0a#35;y"]
  n2["shop/deploy/b"]
  n3["outside"]
  n1 ==x|"fails 1 of 2"| n2
  n2 -.->|"appTLS"| n3
  linkStyle 0 stroke:#cf222e,color:#cf222e
`
	if diff := cmp.Diff(wantMermaid, drawn(t, m, Style{Format: Mermaid})); diff != "" {
		t.Error(diff)
	}
}

// TestMermaidLimit: of more arrows than mermaid draws, those that fare worst are drawn.
func TestMermaidLimit(t *testing.T) {
	m := &Matrix{By: ByWorkload, Cells: []Cell{{Client: deployment("a"), Server: deployment("b"), Worst: handshake.Fails}}}
	for i := range maxMermaid {
		m.Cells = append(m.Cells, Cell{Client: deployment("a"), Server: deployment(fmt.Sprint("s", i)), Worst: handshake.MTLS})
	}
	got := drawn(t, m, Style{Format: Mermaid})
	if n := strings.Count(got, "|\"mTLS\"|"); n != maxMermaid-1 || !strings.Contains(got, "the 500 worst of 501 arrows") {
		t.Errorf("%d arrows:\n%.200s", n, got)
	}
}
