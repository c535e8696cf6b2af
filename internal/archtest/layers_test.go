package archtest

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const module = "github.com/mtls-doctor/kubectl-mtls-doctor/"

// A layer is a folder of the module, with all folders below it that have no
// row of their own.
type layer struct {
	path string
	// owns says what the layer is for, in a few words.
	owns string
	// may lists the other layers that its code may import. Its tests may import
	// what they need.
	may string
	// outside is true for a layer that touches the world: a cluster, a network,
	// files, the clock. All others are pure functions of the evidence.
	outside bool
}

// layers is the import table, from the bottom up. A package that no row covers
// fails the test: decide first where it belongs.
var layers = []layer{
	{path: "pkg/kube", owns: "the Kubernetes and Istio resources we read, in our own small types", may: ""},
	{path: "pkg/certs", owns: "certificate chains, SPIFFE identities, trust bundles, verification", may: ""},
	{path: "pkg/policy", owns: "effective PeerAuthentication and DestinationRule, with derivation", may: "pkg/kube"},
	{path: "pkg/envoy", owns: "Envoy's admin output as a small typed model", may: "pkg/certs"},
	{path: "pkg/mesh", owns: "the evidence of one moment, joined", may: "pkg/envoy pkg/certs pkg/policy pkg/kube"},
	{path: "pkg/handshake", owns: "both sides of an edge replayed to a verdict", may: "pkg/mesh pkg/envoy pkg/certs pkg/policy pkg/kube"},
	{path: "pkg/diagnose", owns: "the check engine: findings, root causes, consequences", may: "pkg/handshake pkg/mesh pkg/policy pkg/envoy pkg/kube"},
	{path: "pkg/checks", owns: "the catalogue of checks", may: "pkg/diagnose pkg/handshake pkg/mesh pkg/policy pkg/envoy pkg/certs pkg/kube"},
	{path: "pkg/report", owns: "the versioned report and its renderers", may: "pkg/diagnose pkg/handshake pkg/mesh pkg/policy pkg/envoy pkg/certs pkg/kube"},
	{path: "pkg/gotemplate", owns: "templates of text/template over JSON", may: ""},
	{path: "pkg/manifest", owns: "the lines of resources in the YAML files of people", may: "pkg/kube"},

	{path: "pkg/bundle", owns: "evidence on disk", may: "pkg/mesh pkg/envoy pkg/kube", outside: true},
	{path: "pkg/probe", owns: "evidence from a live cluster", may: "pkg/bundle pkg/mesh pkg/envoy pkg/kube", outside: true},

	{path: "internal/cli", owns: "commands, flags, exit codes, terminal", may: "pkg", outside: true},
	{path: "cmd/kubectl-mtls-doctor", owns: "main, one statement", may: "internal/cli", outside: true},

	{path: "internal/archtest", owns: "these tests", may: ""},
	{path: "internal/racing", owns: "what sweeps of tests leave out under the race detector", may: ""},
	{path: "internal/testca", owns: "certificate chains for tests, named by their defect", may: ""},
}

// Import paths that pure layers may not reach, however indirectly.
var unreachableWhenPure = []string{"net/http", "k8s.io/client-go"}

// Import paths that code of pure layers may not import itself. What fmt and
// crypto/x509 import for their own use is theirs; net is allowed for its
// address types, and a linter forbids to dial.
var bannedWhenPure = []string{"os", "os/exec", "log"}

// Import paths that nothing of ours may reach: their method calls by name make
// the linker keep every exported method of the program, 11 MB of them.
var unreachable = []string{"text/template", "html/template"}

// cobra imports text/template for the templates that its users may set. The linker drops it as
// long as nobody does: TestNoTemplateIsLinked looks.
const cobra = "github.com/spf13/cobra"

// gomponents imports html/template for its function that escapes, which executes no template.
const gomponents = "maragu.dev/gomponents"

// gotemplate lets text/template/parse read its templates, which executes none and looks no method up.
const gotemplate = module + "pkg/gotemplate"

func TestImportTable(t *testing.T) {
	for _, crossing := range crossings(layers, listImports(t, hostOS)) {
		t.Error(crossing)
	}
}

func TestPureLayersReachNoNetwork(t *testing.T) {
	for _, leak := range leaks(layers, listImports(t, hostOS)) {
		t.Error(leak)
	}
}

func TestNoTemplatesAnywhere(t *testing.T) {
	for _, goos := range []string{"linux", "darwin", "windows"} {
		t.Run(goos, func(t *testing.T) {
			imports := listImports(t, goos)
			imports[cobra] = slices.DeleteFunc(imports[cobra], func(pkg string) bool { return pkg == "text/template" })
			imports[gomponents] = slices.DeleteFunc(imports[gomponents], func(pkg string) bool { return pkg == "html/template" })
			imports[gotemplate] = slices.DeleteFunc(imports[gotemplate], func(pkg string) bool { return pkg == "text/template/parse" })
			for _, pkg := range imports.ours() {
				for _, banned := range unreachable {
					if chain := imports.chain(pkg, banned); chain != nil {
						t.Errorf("templates keep all methods in the binary: %s", arrows(chain))
					}
				}
			}
		})
	}
}

// TestContributorsCanReadTheTable keeps the page that people read in step with
// the table that the tests read.
func TestContributorsCanReadTheTable(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root, "CONTRIBUTING.md"))
	if err != nil {
		t.Fatal(err)
	}
	written := map[string]string{}
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(line, "|")
		if len(cells) == 5 && strings.HasPrefix(cells[1], " `") {
			written[strings.Trim(cells[1], " `")] = pageImports(cells[3])
		}
	}
	for _, l := range layers {
		if got, ok := written[l.path]; !ok || got != l.may {
			t.Errorf("CONTRIBUTING.md says that %s (%s) may import %q; the table says %q", l.path, l.owns, got, l.may)
		}
	}
}

// pageImports turns "mesh, envoy" into "pkg/mesh pkg/envoy".
func pageImports(cell string) string {
	cell = strings.ReplaceAll(strings.TrimSpace(cell), "`", "")
	switch cell {
	case "nothing":
		return ""
	case "all of pkg":
		return "pkg"
	}
	var out []string
	for name := range strings.SplitSeq(cell, ", ") {
		if !strings.Contains(name, "/") {
			name = "pkg/" + name
		}
		out = append(out, name)
	}
	return strings.Join(out, " ")
}

// crossings returns one sentence for each import that the table does not allow.
func crossings(table []layer, imports importGraph) []string {
	var found []string
	for _, pkg := range imports.ours() {
		from, ok := layerOf(table, pkg)
		if !ok {
			found = append(found, fmt.Sprintf("%s is in no row of the import table", short(pkg)))
			continue
		}
		for _, imported := range imports[pkg] {
			if to, ok := layerOf(table, imported); ok && !from.allows(to) {
				found = append(found, fmt.Sprintf("%s (%s) may not import %s (%s)", short(pkg), from.owns, short(imported), to.owns))
			}
		}
	}
	return found
}

// leaks returns one sentence for each way from a pure layer to the world.
func leaks(table []layer, imports importGraph) []string {
	var found []string
	for _, pkg := range imports.ours() {
		if from, ok := layerOf(table, pkg); !ok || from.outside {
			continue
		}
		for _, banned := range unreachableWhenPure {
			if chain := imports.chain(pkg, banned); chain != nil {
				found = append(found, "a pure package reaches the network: "+arrows(chain))
			}
		}
		for _, banned := range bannedWhenPure {
			if slices.Contains(imports[pkg], banned) {
				found = append(found, fmt.Sprintf("%s is pure and may not import %s", short(pkg), banned))
			}
		}
	}
	return found
}

// layerOf finds the row that covers an import path, the longest if several do.
func layerOf(table []layer, pkg string) (layer, bool) {
	rel, ok := strings.CutPrefix(pkg, module)
	if !ok {
		return layer{}, false
	}
	var best layer
	for _, l := range table {
		if within(rel, l.path) && len(l.path) > len(best.path) {
			best = l
		}
	}
	return best, best.path != ""
}

func (l layer) allows(to layer) bool {
	return l.path == to.path || slices.ContainsFunc(strings.Fields(l.may), func(parent string) bool {
		return within(to.path, parent)
	})
}

// within reports whether path is folder or lies below it.
func within(path, folder string) bool {
	return path == folder || strings.HasPrefix(path, folder+"/")
}

func short(pkg string) string { return strings.TrimPrefix(pkg, module) }

func arrows(chain []string) string {
	for i, pkg := range chain {
		chain[i] = short(pkg)
	}
	return strings.Join(chain, " → ")
}

func TestTheRulesBite(t *testing.T) {
	table := []layer{
		{path: "pkg/low", owns: "facts"},
		{path: "pkg/low/own", owns: "other facts"},
		{path: "pkg/high", owns: "views", may: "pkg/low"},
		{path: "cmd", owns: "main", may: "pkg", outside: true},
	}
	tests := map[string]struct {
		imports   importGraph
		crossings []string
		leaks     []string
	}{
		"down is allowed": {
			imports: importGraph{"pkg/high": {"pkg/low", "fmt"}, "cmd": {"pkg/high", "os", "net/http"}},
		},
		"up is not": {
			imports:   importGraph{"pkg/low": {"pkg/high"}},
			crossings: []string{"pkg/low (facts) may not import pkg/high (views)"},
		},
		"a folder belongs to the nearest row": {
			imports:   importGraph{"pkg/low/sub": {"pkg/low"}, "pkg/high": {"pkg/low/own/sub"}},
			crossings: nil,
		},
		"a row of its own is a layer of its own": {
			imports:   importGraph{"pkg/low": {"pkg/low/own"}},
			crossings: []string{"pkg/low (facts) may not import pkg/low/own (other facts)"},
		},
		"a stranger must be placed": {
			imports:   importGraph{"pkg/lowest": nil},
			crossings: []string{"pkg/lowest is in no row of the import table"},
		},
		"a long way to the network": {
			imports: importGraph{"pkg/high": {"pkg/low"}, "pkg/low": {"other"}, "other": {"k8s.io/client-go/rest"}},
			leaks: []string{
				"a pure package reaches the network: pkg/high → pkg/low → other → k8s.io/client-go/rest",
				"a pure package reaches the network: pkg/low → other → k8s.io/client-go/rest",
			},
		},
		"files": {
			imports: importGraph{"pkg/low": {"fmt", "os"}, "fmt": {"os"}},
			leaks:   []string{"pkg/low is pure and may not import os"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			graph := test.imports.inModule()
			if diff := cmp.Diff(test.crossings, crossings(table, graph)); diff != "" {
				t.Errorf("crossings (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.leaks, leaks(table, graph)); diff != "" {
				t.Errorf("leaks (-want +got):\n%s", diff)
			}
		})
	}
}
