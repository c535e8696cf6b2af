package report

import (
	"encoding/csv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
)

// TestNoFormulas: a spreadsheet runs nothing that a cluster calls its things.
func TestNoFormulas(t *testing.T) {
	tests := map[string]string{
		"=1+1": "'=1+1", "+1": "'+1", "-1": "'-1", "@x": "'@x", "\t=1": `\x09=1`, "\r=1": `\x0d=1`, "a=1": "a=1", "": "", "1": "1", "a\nb": `a\x0ab`,
	}
	for text, want := range tests {
		if got := plainCell(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestEdgeSheet(t *testing.T) {
	p := ends("a", "b", "nobody")
	edges := []*handshake.Edge{call(p["a"], p["b"], 80, handshake.MTLS, ""), call(p["nobody"], p["b"], 81, handshake.Fails, handshake.PlaintextRefused)}
	edges[1].Why = `a "quoted", reason`
	want := [][]string{
		{"shop", "a", "a-0", "sidecar", "host", "80", "", "shop", "b", "b-0", "sidecar", "10.0.0.1:80", "mTLS", "", ""},
		{"shop", "nobody", "nobody-0", "none", "host", "81", "", "shop", "b", "b-0", "sidecar", "10.0.0.1:81", "fails", "plaintext-refused", `a "quoted", reason`},
	}
	var b strings.Builder
	if err := RenderEdges(&b, allListed(), edges, Style{Format: CSV, NoHeaders: true}); err != nil {
		t.Fatal(err)
	}
	got, err := csv.NewReader(strings.NewReader(b.String())).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
