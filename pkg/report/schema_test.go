package report

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/invopop/jsonschema"
	validator "github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
)

const (
	modulePath = "github.com/mtls-doctor/kubectl-mtls-doctor/"
	schemas    = "../../docs/schema"
	schemaURL  = "https://raw.githubusercontent.com/mtls-doctor/kubectl-mtls-doctor/main/docs/schema/"
)

// documents are the kinds of documents, by the file of their schema.
var documents = map[string]any{
	"report.json": Report{}, "edge-list.json": EdgeList{}, "certificate-list.json": CertificateList{}, "matrix.json": Matrix{}, "diff.json": Diff{},
}

// TestSchemas: the published schemas are those of the types. `go generate ./pkg/report` writes them.
func TestSchemas(t *testing.T) {
	for file, document := range documents {
		got, err := json.MarshalIndent(schemaOf(t, file, document), "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, '\n')
		path := filepath.Join(schemas, file)
		if *update {
			if err := os.WriteFile(path, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("go generate ./pkg/report writes it (-%s +types):\n%s", file, diff)
		}
	}
}

// schemaOf makes a schema of a type: descriptions are the comments of its fields, and the values
// of a named string are the constants of its type. Fields that a consumer does not know are
// allowed, as the API demands of it.
func schemaOf(t *testing.T, file string, document any) *jsonschema.Schema {
	t.Helper()
	r := &jsonschema.Reflector{AllowAdditionalProperties: true, ExpandedStruct: true}
	words := map[string][]any{}
	for _, pkg := range []string{"report", "handshake", "mesh", "certs", "kube"} {
		// The reflector joins the base with the path, which leads from here to the package.
		if err := r.AddGoComments(modulePath+"pkg/report", "../"+pkg, jsonschema.WithFullComment()); err != nil {
			t.Fatal(err)
		}
		constants(t, pkg, words)
	}
	for name, text := range r.CommentMap {
		r.CommentMap[name] = strings.Join(strings.Fields(text), " ")
	}
	r.Mapper = func(x reflect.Type) *jsonschema.Schema {
		name := x.PkgPath() + "." + x.Name()
		if values := words[name]; x.Kind() == reflect.String && len(values) > 0 {
			return &jsonschema.Schema{Type: "string", Enum: values}
		}
		return nil
	}
	s := r.Reflect(document)
	if cell := s.Definitions["Cell"]; cell != nil { // a call that leads nowhere is a verdict of the matrix alone
		worst, _ := cell.Properties.Get("worst")
		worst.Enum = append(slices.Clone(worst.Enum), string(unreachable))
	}
	s.ID = jsonschema.ID(schemaURL + file)
	fixed(t, s, "apiVersion", APIVersion)
	fixed(t, s, "kind", reflect.TypeOf(document).Name())
	return s
}

func fixed(t *testing.T, s *jsonschema.Schema, property, value string) {
	t.Helper()
	p, ok := s.Properties.Get(property)
	if !ok {
		t.Fatalf("it has no %s", property)
	}
	p.Const = value
}

// openWords are named strings that have other values than their constants: the reasons why a
// certificate is rejected are made of two words.
var openWords = []string{"Reason"}

// constants collects the string constants of a package by the name of their type.
func constants(t *testing.T, pkg string, words map[string][]any) {
	t.Helper()
	paths, err := filepath.Glob("../" + pkg + "/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			of, ok := spec.Type.(*ast.Ident)
			if !ok || slices.Contains(openWords, of.Name) {
				return true
			}
			for _, value := range spec.Values {
				if literal, ok := value.(*ast.BasicLit); ok && literal.Kind == token.STRING {
					word, err := strconv.Unquote(literal.Value)
					if err != nil {
						t.Fatal(err)
					}
					name := modulePath + "pkg/" + pkg + "." + of.Name
					words[name] = append(words[name], word)
				}
			}
			return true
		})
	}
}

// published reads a schema that is in the repository.
func published(t *testing.T, file string) *validator.Schema {
	t.Helper()
	text, err := os.Open(filepath.Join(schemas, file))
	if err != nil {
		t.Fatal(err)
	}
	defer text.Close() //nolint:errcheck // it was only read
	document, err := validator.UnmarshalJSON(text)
	if err != nil {
		t.Fatal(err)
	}
	return compiled(t, document)
}

// TestDocumentsAreValid: every document of every recorded mesh is valid by its schema.
func TestDocumentsAreValid(t *testing.T) {
	kinds := map[string]*validator.Schema{}
	for file := range documents {
		kinds[file] = published(t, file)
	}
	check := func(t *testing.T, file string, write func(*strings.Builder, Style) error) {
		t.Helper()
		var b strings.Builder
		if err := write(&b, Style{Format: JSON}); err != nil {
			t.Fatal(err)
		}
		valid(t, kinds[file], b.String())
	}
	check(t, "matrix.json", func(b *strings.Builder, s Style) error {
		return NewMatrix(allListed(), slices.Values(calls()), ByWorkload).Render(b, s)
	})
	check(t, "diff.json", func(b *strings.Builder, s Style) error { return Compare(compared()).Render(b, s) })
	healthy := &Side{Report: &Report{}, HasEdges: true}
	eachCapture(t, func(t *testing.T, d *diagnose.Result) {
		s := d.Snapshot
		whole := &Side{Report: Build(d, Scope{}), Edges: Edges(s, d.Edges()).Edges, HasEdges: true}
		check(t, "diff.json", func(b *strings.Builder, s Style) error { return Compare(healthy, whole).Render(b, s) })
		check(t, "diff.json", func(b *strings.Builder, s Style) error { return Compare(whole, healthy).Render(b, s) })
		host := s.Hosts[0].Name
		calls := handshake.New(s).EdgesTo(handshake.Target{Name: host}, handshake.Query{})
		traced := handshake.New(s).EdgesTo(handshake.Target{Name: host}, handshake.Query{Trace: true})
		check(t, "report.json", func(b *strings.Builder, s Style) error { return Build(d, Scope{}).Render(b, s) })
		check(t, "report.json", func(b *strings.Builder, s Style) error { return BuildTo(d, Scope{To: host}, calls).Render(b, s) })
		check(t, "edge-list.json", func(b *strings.Builder, style Style) error { return RenderEdges(b, s, d.Edges(), style) })
		check(t, "edge-list.json", func(b *strings.Builder, style Style) error { return RenderTrace(b, s, traced, nil, style) })
		check(t, "certificate-list.json", func(b *strings.Builder, style Style) error { return Certificates(s, everyPod).Render(b, style) })
		for _, by := range []By{ByWorkload, ByNamespace} {
			check(t, "matrix.json", func(b *strings.Builder, style Style) error {
				return NewMatrix(s, slices.Values(d.Edges()), by).Render(b, style)
			})
		}
	})
	if kinds["report.json"].Validate(map[string]any{"apiVersion": APIVersion, "kind": "Report"}) == nil {
		t.Error("a report without anything is valid")
	}
}
