package archtest

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// TestKrewManifest fills in the template as krew-release-bot would and checks
// what krew's own review asks for.
func TestKrewManifest(t *testing.T) {
	manifest := renderKrew(t)
	const maxShort = 50 // longer ones are cut in `kubectl krew search`
	if short := manifest.Spec.ShortDescription; len(short) > maxShort || strings.HasSuffix(short, ".") {
		t.Errorf("short description %q: at most %d characters, no full stop", short, maxShort)
	}
	var platforms []string
	for _, p := range manifest.Spec.Platforms {
		platform := p.Selector.MatchLabels["os"] + "_" + p.Selector.MatchLabels["arch"]
		platforms = append(platforms, platform)
		if !strings.HasSuffix(p.URI, "/v1.2.3/kubectl-mtls_doctor_v1.2.3_"+platform+".tar.gz") {
			t.Errorf("%s: downloads %s", platform, p.URI)
		}
		if !p.ships(p.Bin) || !p.ships("LICENSE") {
			t.Errorf("%s: must ship %s and LICENSE, ships %v", platform, p.Bin, p.Files)
		}
	}
	want := []string{"linux_amd64", "linux_arm64", "darwin_amd64", "darwin_arm64", "windows_amd64", "windows_arm64"}
	if !slices.Equal(platforms, want) {
		t.Errorf("platforms %v, want %v", platforms, want)
	}
}

type krewManifest struct {
	Spec struct {
		ShortDescription string         `json:"shortDescription"`
		Platforms        []krewPlatform `json:"platforms"`
	} `json:"spec"`
}

type krewPlatform struct {
	Selector struct {
		MatchLabels map[string]string `json:"matchLabels"`
	} `json:"selector"`
	URI   string `json:"uri"`
	Bin   string `json:"bin"`
	Files []struct {
		From string `json:"from"`
	} `json:"files"`
}

func (p krewPlatform) ships(name string) bool {
	for _, file := range p.Files {
		if file.From == name {
			return true
		}
	}
	return false
}

// renderKrew does with strings what the bot does with text/template, which is
// banned here.
func renderKrew(t *testing.T) krewManifest {
	t.Helper()
	template, err := os.ReadFile(filepath.Join(root, ".krew.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer(`{{addURIAndSha "`, "uri: ", `" .TagName }}`, "", "{{ .TagName }}", "v1.2.3").Replace(string(template))
	if strings.Contains(text, "{{") {
		t.Fatalf("not all of the template was understood:\n%s", text)
	}
	var manifest krewManifest
	if err := yaml.Unmarshal([]byte(text), &manifest); err != nil {
		t.Fatal(err)
	}
	return manifest
}
