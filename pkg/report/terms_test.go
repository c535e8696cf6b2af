package report

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"testing"
)

// TestTermsAreExplained reads the verdicts and the reasons from the sources that declare them: each has its meaning.
func TestTermsAreExplained(t *testing.T) {
	var got []string
	for _, term := range Terms() {
		if term.Kind != WordTerm {
			got = append(got, term.Word)
		}
		if term.Meaning == "" || term.Kind == "" {
			t.Errorf("%s: not all is said", term.Word)
		}
	}
	want := declared(t, "../handshake/edge.go", "Verdict")
	want = append(want, declared(t, "../handshake/reason.go", "Reason")...)
	for _, reason := range declared(t, "../certs/reason.go", "Reason") {
		want = append(want, "client-certificate-"+reason, "server-certificate-"+reason)
	}
	for _, word := range want {
		if !slices.Contains(got, word) {
			t.Errorf("%s is not explained", word)
		}
	}
	slices.Sort(got)
	if distinct := slices.Compact(slices.Clone(got)); len(distinct) != len(want) || len(distinct) != len(got) {
		t.Errorf("%d terms, of which %d are distinct, for %d words", len(got), len(distinct), len(want))
	}
}

// declared are the values of a file's constants of a type.
func declared(t *testing.T, path, kind string) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	ast.Inspect(file, func(node ast.Node) bool {
		value, ok := node.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if of, ok := value.Type.(*ast.Ident); ok && of.Name == kind && len(value.Values) == 1 {
			if literal, ok := value.Values[0].(*ast.BasicLit); ok {
				word, err := strconv.Unquote(literal.Value)
				if err != nil {
					t.Fatal(err)
				}
				out = append(out, word)
			}
		}
		return true
	})
	if len(out) == 0 {
		t.Fatalf("%s declares no %s", path, kind)
	}
	return out
}
