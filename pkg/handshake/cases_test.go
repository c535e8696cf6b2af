package handshake

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/certs"
)

// edgeCase is one connection in one world. Every case starts from shop.
type edgeCase struct {
	name  string
	given func(*world) // describes and spoils
	from  string
	to    string
	want  string       // as world.says gives it
	takes []Assumption // among the assumptions of the edges
}

// allCases are the tables of the other files.
func allCases() []edgeCase {
	return slices.Concat(clientCases(), serverCases(), observedCases(), routeCases(), captureCases(), registryCases(), entryCases(), selfCases(), rotationCases(),
		tlsCases(), httpCases(), proxyProtocolCases(), certificateCases(), pinCases(), revocationCases(), authzCases(), gatewayCases(), passthroughCases(), staleCases(), unknownCases())
}

func TestEdges(t *testing.T) {
	names := map[string]bool{}
	for _, c := range allCases() {
		if names[c.name] {
			t.Errorf("two cases are called %q", c.name)
		}
		names[c.name] = true
		t.Run(c.name, func(t *testing.T) {
			edges := c.run(t)
			for _, a := range c.takes {
				if !slices.ContainsFunc(edges, func(e *Edge) bool { return slices.Contains(e.Assumptions, a) }) {
					t.Errorf("no edge assumes %s", a)
				}
			}
			for _, e := range edges {
				complete(t, e)
			}
		})
	}
}

func (c *edgeCase) run(t *testing.T) []*Edge {
	t.Helper()
	w := shop(t)
	if c.given != nil {
		c.given(w)
	}
	if got := w.says(c.from, c.to); got != c.want {
		t.Errorf("%s -> %s\n got: %s\nwant: %s", c.from, c.to, got, c.want)
		for _, e := range w.edges(c.from, c.to) {
			t.Logf("%s %s: %s; %v %+v", e.Verdict, e.Server.Address, e.Why, e.Assumptions, e.Outbound)
		}
	}
	return w.edges(c.from, c.to)
}

// complete checks what holds for every edge.
func complete(t *testing.T, e *Edge) {
	t.Helper()
	switch {
	case e.Verdict == "" || e.Why == "":
		t.Errorf("an edge without a verdict or a sentence: %+v", e)
	case e.Verdict.Works() != (len(e.Blockers) == 0):
		t.Errorf("verdict %s with blockers %v", e.Verdict, e.Blockers)
	case (e.Reason == "") != e.Verdict.Works():
		t.Errorf("verdict %s with reason %q", e.Verdict, e.Reason)
	case (e.Verdict == Unknown) != e.Reason.unknown():
		t.Errorf("verdict %s with reason %q", e.Verdict, e.Reason)
	case (e.Verdict == Denied) != (e.Reason == AuthorizationDenied):
		t.Errorf("verdict %s with reason %q", e.Verdict, e.Reason)
	case strings.HasSuffix(e.Why, "."):
		t.Errorf("a sentence with a full stop: %q", e.Why)
	}
}

// TestEveryWordHasACase walks the constants of the package: each Reason, Verdict and Assumption
// must be the outcome of a case above.
func TestEveryWordHasACase(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range allCases() {
		w := shop(t)
		if c.given != nil {
			c.given(w)
		}
		for _, e := range w.edges(c.from, c.to) {
			seen["Verdict "+string(e.Verdict)] = true
			for _, b := range e.Blockers {
				seen["Reason "+string(b.Reason)] = true
			}
			for _, a := range e.Assumptions {
				seen["Assumption "+string(a)] = true
			}
		}
	}
	for _, file := range []string{"reason.go", "edge.go"} {
		for _, word := range constants(t, file, "Verdict", "Reason", "Assumption") {
			if !seen[word] {
				t.Errorf("%s: no case has it", word)
			}
		}
	}
	for _, side := range []Side{ClientSide, ServerSide} {
		for _, r := range []certs.Reason{certs.Expired, certs.NotYetValid, certs.UnknownRoot, certs.KeyUsage, certs.WrongTrustDomain, certs.NotSPIFFE} {
			if word := "Reason " + string(CertificateReason(side, r)); !seen[word] {
				t.Errorf("%s: no case has it", word)
			}
		}
	}
}

// constants lists the string constants of those types in a file, "Type value".
func constants(t *testing.T, file string, types ...string) []string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	ast.Inspect(f, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || spec.Type == nil {
			return true
		}
		name, ok := spec.Type.(*ast.Ident)
		if !ok || !slices.Contains(types, name.Name) {
			return true
		}
		for _, v := range spec.Values {
			if lit, ok := v.(*ast.BasicLit); ok {
				value, err := strconv.Unquote(lit.Value)
				if err != nil {
					t.Fatal(err)
				}
				out = append(out, name.Name+" "+value)
			}
		}
		return true
	})
	if len(out) == 0 && file == "reason.go" {
		t.Fatalf("no constants found in %s", file)
	}
	return out
}
