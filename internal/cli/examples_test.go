package cli

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/util/yaml"
	strict "sigs.k8s.io/yaml"
)

const exampleDir = "../../examples"

func example(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(exampleDir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestExampleTicket: the ticket is what the command in its README writes.
func TestExampleTicket(t *testing.T) {
	var out bytes.Buffer
	env := testEnv(strings.NewReader(""), &out, &bytes.Buffer{}, func(string) string { return "" })
	env.Program, env.Binary = "kubectl mtls-doctor", "kubectl-mtls_doctor"
	if code := run(context.Background(), env, []string{"demo", "-q", "-n", "shop", "-o", "markdown"}); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	if *update {
		if err := os.WriteFile(filepath.Join(exampleDir, "ticket.md"), out.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(example(t, "ticket.md"), out.String()); diff != "" {
		t.Errorf("go generate ./internal/cli writes it (-file +command):\n%s", diff)
	}
}

// TestExampleManifests decodes every object of the CronJob's file strictly.
func TestExampleManifests(t *testing.T) {
	var kinds []string
	for _, text := range strings.Split(example(t, "cronjob.yaml"), "\n---\n") {
		var meta struct{ Kind string }
		if err := yaml.Unmarshal([]byte(text), &meta); err != nil {
			t.Fatal(err)
		}
		object := map[string]any{
			"ServiceAccount": &corev1.ServiceAccount{}, "ClusterRole": &rbacv1.ClusterRole{},
			"ClusterRoleBinding": &rbacv1.ClusterRoleBinding{}, "CronJob": &batchv1.CronJob{},
		}[meta.Kind]
		if err := strict.UnmarshalStrict([]byte(text), object); err != nil {
			t.Errorf("%s: %v", meta.Kind, err)
		}
		kinds = append(kinds, meta.Kind)
	}
	want := []string{"ServiceAccount", "ClusterRoleBinding", "ClusterRole", "ClusterRoleBinding", "CronJob"}
	if diff := cmp.Diff(want, kinds); diff != "" {
		t.Error(diff)
	}
}

// k9sPlugins is the format of k9s' plugins.yaml (internal/config/plugin.go of k9s).
type k9sPlugins struct {
	Plugins map[string]struct {
		ShortCut    string   `json:"shortCut"`
		Description string   `json:"description"`
		Scopes      []string `json:"scopes"`
		Command     string   `json:"command"`
		Background  bool     `json:"background"`
		Args        []string `json:"args"`
	} `json:"plugins"`
}

func TestExampleK9sPlugin(t *testing.T) {
	var file k9sPlugins
	if err := strict.UnmarshalStrict([]byte(example(t, "k9s-plugin.yaml")), &file); err != nil {
		t.Fatal(err)
	}
	scopes := map[string]bool{}
	for name, p := range file.Plugins {
		if p.Command == "" || p.Description == "" || len(p.Args) == 0 {
			t.Errorf("%s lacks a command, its arguments or a description", name)
		}
		for _, s := range p.Scopes {
			if scopes[s] {
				t.Errorf("two plugins have the same key in %s", s)
			}
			scopes[s] = true
		}
	}
	if len(scopes) == 0 {
		t.Error("no plugin")
	}
}

// TestExampleCommands: the command lines of the examples are ones that the program takes.
func TestExampleCommands(t *testing.T) {
	for name, want := range map[string]int{"ci-gate.sh": 1, "cronjob.yaml": 1, "k9s-plugin.yaml": 3} {
		lines := commandLines(example(t, name))
		if len(lines) != want {
			t.Errorf("%s has %d command lines, want %d: %q", name, len(lines), want, lines)
		}
		for _, line := range lines {
			env := testEnv(strings.NewReader(""), &bytes.Buffer{}, &bytes.Buffer{}, func(string) string { return "" })
			root := newRootCmd(env)
			cmd, args, err := root.Find(line)
			if err == nil {
				err = cmd.ParseFlags(args)
			}
			if err == nil {
				err = cmd.ValidateArgs(cmd.Flags().Args())
			}
			if err != nil {
				t.Errorf("%s: %q: %v", name, line, err)
			}
		}
	}
}

// commandLines are the calls of the plugin in a script, with words for its variables.
func commandLines(text string) [][]string {
	text = strings.ReplaceAll(text, "\\\n", " ")
	text = strings.NewReplacer(`${baseline:+--baseline "$baseline"}`, "--baseline x", `$RESOURCE_NAME`, "deployments").Replace(text)
	var out [][]string
	for _, m := range regexp.MustCompile(`(?m)^[^#\n]*?kubectl mtls-doctor ([^|\n]*)`).FindAllStringSubmatch(text, -1) {
		words := strings.Fields(strings.NewReplacer(`"`, "", "$", "").Replace(m[1]))
		out = append(out, words)
	}
	return out
}
