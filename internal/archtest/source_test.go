package archtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestSource holds every file of ours to what a linter cannot say.
func TestSource(t *testing.T) {
	documented := map[string]bool{}
	for _, path := range sourceFiles(t) {
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, path), nil, parser.ParseComments)
		if err != nil {
			t.Error(err)
			continue
		}
		dir := filepath.Dir(path)
		documented[dir] = documented[dir] || hasPackageComment(file)
		for _, fault := range faults(file) {
			t.Errorf("%s: %s", path, fault)
		}
	}
	if len(documented) == 0 {
		t.Fatal("found no source files")
	}
	for dir, ok := range documented {
		if !ok {
			t.Errorf("%s: no package comment", dir)
		}
	}
}

// sourceFiles lists the Go files of the product, relative to the root.
func sourceFiles(t *testing.T) []string {
	t.Helper()
	var files []string
	for _, top := range []string{"cmd", "internal", "pkg"} {
		err := filepath.WalkDir(filepath.Join(root, top), func(path string, entry fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if entry.Name() == "testdata" {
				return filepath.SkipDir
			}
			if strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") {
				path, err = filepath.Rel(root, path)
				files = append(files, path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// hasPackageComment reports whether the file says what its package is for.
func hasPackageComment(file *ast.File) bool {
	want := "Package " + file.Name.Name + " "
	if file.Name.Name == "main" {
		want = "Command "
	}
	return strings.HasPrefix(file.Doc.Text(), want)
}

// faults returns one sentence for each function that breaks a rule: code runs
// when somebody calls it, and says what went wrong with an error.
func faults(file *ast.File) []string {
	var found []string
	for _, decl := range file.Decls {
		function, ok := decl.(*ast.FuncDecl)
		if !ok {
			continue
		}
		name := function.Name.Name
		if name == "init" && function.Recv == nil {
			found = append(found, "init runs before anybody asked: use a table or a constructor")
		}
		if panics(function) && !strings.HasPrefix(name, "Must") && !strings.HasPrefix(name, "must") {
			found = append(found, fmt.Sprintf("%s panics: return an error, or call it Must…", name))
		}
	}
	return found
}

func panics(function *ast.FuncDecl) bool {
	found := false
	ast.Inspect(function, func(node ast.Node) bool {
		if call, ok := node.(*ast.CallExpr); ok {
			callee, ok := call.Fun.(*ast.Ident)
			found = found || ok && callee.Name == "panic"
		}
		return !found
	})
	return found
}

func TestFaults(t *testing.T) {
	tests := map[string]struct {
		source string
		want   []string
	}{
		"clean":         {"func F() error { return nil }", nil},
		"init":          {"func init() {}", []string{"init runs before anybody asked: use a table or a constructor"}},
		"init method":   {"type T int; func (T) init() {}", nil},
		"panic":         {"func F() { func() { panic(1) }() }", []string{"F panics: return an error, or call it Must…"}},
		"panic in Must": {"func MustF() { panic(1) }", nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			file, err := parser.ParseFile(token.NewFileSet(), "", "package p; "+test.source, 0)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, faults(file)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestHasPackageComment(t *testing.T) {
	tests := map[string]bool{
		"package p":                                    false,
		"// Copyright somebody.\n\npackage p":          false,
		"// Notes about things.\npackage p":            false,
		"// Package p does things.\npackage p":         true,
		"// Package q does things.\npackage p":         false,
		"// Command doctor does things.\npackage main": true,
	}
	for source, want := range tests {
		file, err := parser.ParseFile(token.NewFileSet(), "", source, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		if got := hasPackageComment(file); got != want {
			t.Errorf("%q: got %t", source, got)
		}
	}
}
