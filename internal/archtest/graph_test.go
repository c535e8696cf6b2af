package archtest

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// root is the repository seen from this package, where go test runs its tests.
const root = "../.."

const hostOS = runtime.GOOS

// importGraph maps each package to what its code, not its tests, imports.
type importGraph map[string][]string

// listImports asks the go command for all packages of the module and all that
// they depend on, as built for an operating system.
func listImports(t *testing.T, goos string) importGraph {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "-json=ImportPath,Imports", "./...")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "GOOS="+goos, "CGO_ENABLED=0")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, stderr(err))
	}
	imports := importGraph{}
	for packages := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := packages.Decode(&p); errors.Is(err, io.EOF) {
			return imports
		} else if err != nil {
			t.Fatalf("go list: %v", err)
		}
		imports[p.ImportPath] = p.Imports
	}
}

func stderr(err error) string {
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return string(exit.Stderr)
	}
	return ""
}

// ours lists the packages of this module in order.
func (g importGraph) ours() []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(g)), func(pkg string) bool {
		return !strings.HasPrefix(pkg, module)
	})
}

// chain returns the shortest way from a package to another, or to anything
// below it, with both ends; nil when there is none.
func (g importGraph) chain(from, to string) []string {
	cameFrom := map[string]string{from: ""}
	for queue := []string{from}; len(queue) > 0; queue = queue[1:] {
		pkg := queue[0]
		if within(pkg, to) {
			return walkBack(cameFrom, pkg)
		}
		for _, next := range g[pkg] {
			if _, seen := cameFrom[next]; !seen {
				cameFrom[next] = pkg
				queue = append(queue, next)
			}
		}
	}
	return nil
}

func walkBack(cameFrom map[string]string, pkg string) []string {
	var chain []string
	for ; pkg != ""; pkg = cameFrom[pkg] {
		chain = append(chain, pkg)
	}
	slices.Reverse(chain)
	return chain
}

// inModule completes the short names that the tests of these rules use.
func (g importGraph) inModule() importGraph {
	full := func(pkg string) string {
		if strings.HasPrefix(pkg, "pkg/") || pkg == "cmd" {
			return module + pkg
		}
		return pkg
	}
	complete := importGraph{}
	for pkg, imports := range g {
		for _, imported := range imports {
			complete[full(pkg)] = append(complete[full(pkg)], full(imported))
		}
		if imports == nil {
			complete[full(pkg)] = nil
		}
	}
	return complete
}
