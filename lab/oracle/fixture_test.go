package oracle

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fixtures are the cases of a folder below testdata, by name.
func fixtures(t *testing.T, folder string) map[string]Case {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", folder, "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]Case{}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		c, err := ReadCase(text)
		if err != nil {
			t.Fatal(f, err)
		}
		out[strings.TrimSuffix(filepath.Base(f), ".yaml")] = c
	}
	return out
}

// TestRegress replays what once differed, and the case of every mutant.
func TestRegress(t *testing.T) {
	for _, folder := range []string{"regress", "mutant"} {
		for name, c := range fixtures(t, folder) {
			t.Run(folder+"/"+name, func(t *testing.T) {
				got, err := compare(t, c, mutant{})
				if err != nil {
					t.Fatal(err)
				}
				for _, d := range got.Differences {
					t.Error(d)
				}
			})
		}
	}
}

// TestMutants shows that the comparison can fail: each misreading differs on its case.
func TestMutants(t *testing.T) {
	have := fixtures(t, "mutant")
	for _, m := range mutants() {
		caught := func(c *Comparison) bool { return len(c.Differences) > 0 }
		if have[m.name] == nil && *update {
			have[m.name] = find(t, "mutant/"+m.name, m, caught)
		}
		got, err := compareOnce(t, have[m.name], m)
		if err != nil || !caught(got) {
			t.Errorf("%s is not caught on testdata/mutant/%s.yaml (-update looks for another): %v", m.name, m.name, err)
		}
	}
}

// find looks for a mesh on which a comparison does something, and shrinks and keeps it.
func find(t *testing.T, name string, m mutant, does func(*Comparison) bool) Case {
	t.Helper()
	for n := range uint64(5000) {
		c := Generate(*seed, n)
		got, err := compareOnce(t, c, m)
		if err != nil || !does(got) {
			continue
		}
		c = shrink(t, c, does, m)
		write(t, name, c, strings.TrimSuffix(filepath.Base(name), ".yaml"))
		return c
	}
	t.Errorf("%s: nothing found", name)
	return nil
}
