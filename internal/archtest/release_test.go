package archtest

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// goreleaser is the part of .goreleaser.yaml that other files depend on.
type goreleaser struct {
	Builds []struct {
		Binary string   `json:"binary"`
		GOOS   []string `json:"goos"`
		GOARCH []string `json:"goarch"`
	} `json:"builds"`
	Archives []struct {
		NameTemplate string   `json:"name_template"`
		Formats      []string `json:"formats"`
		Files        []struct {
			Src string `json:"src"`
		} `json:"files"`
	} `json:"archives"`
}

// TestKrewTakesWhatIsReleased: krew downloads the archives that a release has, and finds in them
// what it installs.
func TestKrewTakesWhatIsReleased(t *testing.T) {
	var release goreleaser
	if err := yaml.Unmarshal(readFile(t, ".goreleaser.yaml"), &release); err != nil {
		t.Fatal(err)
	}
	build, archive := release.Builds[0], release.Archives[0]
	var built []string
	for _, goos := range build.GOOS {
		for _, arch := range build.GOARCH {
			name := strings.NewReplacer("{{ .Tag }}", "v1.2.3", "{{ .Os }}", goos, "{{ .Arch }}", arch).Replace(archive.NameTemplate)
			built = append(built, name+"."+archive.Formats[0])
		}
	}
	var taken []string
	for _, p := range renderKrew(t).Spec.Platforms {
		taken = append(taken, filepath.Base(p.URI))
		if strings.TrimSuffix(p.Bin, ".exe") != build.Binary {
			t.Errorf("krew installs %s, and %s is built", p.Bin, build.Binary)
		}
	}
	if !slices.Equal(built, taken) {
		t.Errorf("released %v\nkrew takes %v", built, taken)
	}
	for _, f := range archive.Files {
		if f.Src == "LICENSE" {
			return
		}
	}
	t.Error("the archives lack LICENSE, which krew installs")
}

// TestWorkflowsRunWhatContributorsRun: a workflow is YAML, and what it runs is a target of the
// Makefile, a test or .ci/run.
func TestWorkflowsRunWhatContributorsRun(t *testing.T) {
	makefile := string(readFile(t, "Makefile"))
	for _, name := range []string{"ci.yml", "release.yml"} {
		var workflow struct {
			Jobs map[string]struct {
				Steps []struct {
					Run string `json:"run"`
				} `json:"steps"`
			} `json:"jobs"`
		}
		if err := yaml.Unmarshal(readFile(t, ".github/workflows/"+name), &workflow); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		ran := 0
		for _, job := range workflow.Jobs {
			for _, step := range job.Steps {
				target, isMake := strings.CutPrefix(step.Run, "make ")
				if isMake && !strings.Contains(makefile, "\n"+target+": ") {
					t.Errorf("%s: there is no target %s", name, target)
				}
				if step.Run != "" {
					ran++
				}
			}
		}
		if ran == 0 {
			t.Errorf("%s runs nothing", name)
		}
	}
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return text
}
