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
				got, err := compare(t, c, mutant{}, KnownDifferences())
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
			have[m.name] = find(t, "mutant/"+m.name, m, KnownDifferences(), caught)
		}
		got, err := compareOnce(t, have[m.name], m, KnownDifferences())
		if err != nil || !caught(got) {
			t.Errorf("%s is not caught on testdata/mutant/%s.yaml (-update looks for another): %v", m.name, m.name, err)
		}
	}
}

// TestKnown holds every known difference to its fixture: it must still be there, and nothing
// else with it.
func TestKnown(t *testing.T) {
	have := fixtures(t, "known")
	for _, k := range KnownDifferences() {
		seen := func(c *Comparison) bool { return c.Compared["known difference "+k.Name] > 0 && len(c.Differences) == 0 }
		if have[k.Name] == nil && *update {
			have[k.Name] = find(t, "known/"+k.Name, mutant{}, KnownDifferences(), seen)
		}
		got, err := compareOnce(t, have[k.Name], mutant{}, KnownDifferences())
		if err != nil || !seen(got) {
			t.Errorf("%s is not to be seen any more on testdata/known/%s.yaml: remove the entry (%v)", k.Name, k.Name, err)
			continue
		}
		bare, err := compareOnce(t, have[k.Name], mutant{}, nil)
		if err != nil || len(bare.Differences) == 0 {
			t.Errorf("%s makes no difference on testdata/known/%s.yaml: remove the entry (%v)", k.Name, k.Name, err)
		}
	}
	if len(have) != len(KnownDifferences()) {
		t.Errorf("testdata/known has %d fixtures for %d entries", len(have), len(KnownDifferences()))
	}
}

// find looks for a mesh on which a comparison does something, and shrinks and keeps it.
func find(t *testing.T, name string, m mutant, known []Known, does func(*Comparison) bool) Case {
	t.Helper()
	for n := range uint64(5000) {
		c := Generate(*seed, n)
		got, err := compareOnce(t, c, m, known)
		if err != nil || !does(got) {
			continue
		}
		c = shrink(t, c, does, m, known)
		write(t, name, c, strings.TrimSuffix(filepath.Base(name), ".yaml"))
		return c
	}
	t.Errorf("%s: nothing found", name)
	return nil
}
