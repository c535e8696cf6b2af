package oracle

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"istio.io/istio/pkg/log"
)

var (
	cases  = flag.Uint64("cases", 300, "how many generated meshes to compare")
	seed   = flag.Uint64("seed", 1, "which meshes: the same seed gives the same")
	first  = flag.Uint64("first", 0, "number of the first mesh")
	update = flag.Bool("update", false, "find and shrink the fixtures of mutants that are missing")

	epoch = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
)

func TestMain(m *testing.M) {
	flag.Parse()
	o := log.DefaultOptions()
	o.SetDefaultOutputLevel("all", log.NoneLevel)
	if err := log.Configure(o); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	m.Run()
}

// compare compares everything over one case. A mutant may misread.
func compare(t *testing.T, c Case, m mutant) (*Comparison, error) {
	t.Helper()
	i, err := Start(t, c)
	if err != nil {
		return nil, err
	}
	if m.proxy != nil {
		return i.CompareReplay(m.edit)
	}
	res, err := c.Resources()
	if err != nil {
		return nil, err
	}
	if m.resources != nil {
		m.resources(res)
	}
	got, err := i.ComparePolicies(res)
	if err != nil || m.resources != nil {
		return got, err
	}
	edges, err := i.CompareReplay(nil)
	if err != nil {
		return nil, err
	}
	got.merge(edges)
	return got, nil
}

// compareOnce is compare with an istiod that ends with it.
func compareOnce(t *testing.T, c Case, m mutant) (got *Comparison, err error) {
	t.Helper()
	t.Run("", func(t *testing.T) { got, err = compare(t, c, m) })
	return got, err
}

// TestDifferential compares the product with istiod over generated meshes. A difference is
// shrunk and written to testdata/regress.
func TestDifferential(t *testing.T) {
	compared := map[string]int{}
	failed := 0
	for n := *first; n < *first+*cases; n++ {
		name := fmt.Sprintf("%d-%d", *seed, n)
		c := Generate(*seed, n)
		got, err := compareOnce(t, c, mutant{})
		if err != nil {
			t.Fatalf("mesh %s: %v", name, err)
		}
		for k, v := range got.Compared {
			compared[k] += v
		}
		if len(got.Differences) == 0 {
			continue
		}
		if failed++; failed > 5 {
			t.Errorf("mesh %s: %s", name, got.Differences[0])
			continue
		}
		what := got.Differences[0].What
		small := shrink(t, c, func(got *Comparison) bool { return differs(got, what) }, mutant{})
		write(t, "regress/"+name, small, got.Differences[0].String())
		t.Errorf("mesh %s, shrunk to testdata/regress/%s.yaml: %s", name, name, got.Differences[0])
	}
	for _, k := range slices.Sorted(maps.Keys(compared)) {
		t.Logf("%8d %s", compared[k], k)
	}
}

func differs(c *Comparison, what string) bool {
	return slices.ContainsFunc(c.Differences, func(d Difference) bool { return d.What == what })
}

func shrink(t *testing.T, c Case, still func(*Comparison) bool, m mutant) Case {
	t.Helper()
	return Shrink(c, func(c Case) bool {
		got, err := compareOnce(t, c, m)
		return err == nil && still(got)
	})
}

// write keeps a case as a fixture, with a comment on top.
func write(t *testing.T, name string, c Case, comment string) {
	t.Helper()
	text, err := c.YAML()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("testdata", name+".yaml")
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	head := "# " + strings.ReplaceAll(strings.TrimSpace(comment), "\n", "\n# ") + "\n"
	if err := os.WriteFile(file, append([]byte(head), text...), 0o644); err != nil {
		t.Fatal(err)
	}
}
