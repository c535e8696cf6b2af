package checks

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// hostile are names that a bundle from a stranger may hold.
var hostile = []string{
	"x; touch /tmp/pwned #", "it's", "$(id)", "`id`", "a\nb: c", "a b", "", "*", "~", "'; id; '", `back\slash`, "%s", "{{x}}",
	"- x", "a: b", "yes", "0x10", "null", "#", "é", "x\"y", "--kubeconfig=x", "x\n---\nkind: Secret", "&anchor", "!!tag",
}

// words is what a shell makes of a command.
func words(t *testing.T, command string) []string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "sh", "-c", `printf '%s\0' `+command).Output()
	if err != nil {
		t.Fatalf("%s: %v", command, err)
	}
	return strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
}

// Whatever a resource is called, the shell sees a single word.
func TestCommandsAreQuoted(t *testing.T) {
	for _, name := range hostile {
		ref := kube.Ref{Kind: "PeerAuthentication", Namespace: name, Name: "n" + name}
		patch := set("/metadata/labels/"+name, jsonText(name))
		want := []string{"kubectl", "-n", name, "patch", "peerauthentication", "n" + name, "--type=json", "-p", "[" + patch + "]"}
		if name == "" {
			want = append(want[:1], want[3:]...)
		}
		got := words(t, jsonPatch(ref, patch))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q: %s", name, diff)
		}
		var ops []map[string]string
		if err := json.Unmarshal([]byte(got[len(got)-1]), &ops); err != nil || ops[0]["value"] != name {
			t.Errorf("%q: the patch says %q: %v", name, ops, err)
		}
	}
	if got, want := kubectl("delete", kube.Ref{Kind: "Service", Name: "--all"}), "kubectl delete service/--all"; got != want {
		t.Errorf("a name that looks like an option: %s", got)
	}
	if got, want := kubectl("patch", kube.Ref{Kind: "Deployment", Namespace: "shop", Name: "server"}), "kubectl -n shop patch deployment server"; got != want {
		t.Errorf("nothing to quote: %s", got)
	}
}

// Whatever a resource is called, its manifest holds that name and nothing else.
func TestManifestsAreEncoded(t *testing.T) {
	for _, name := range hostile {
		ref := kube.Ref{Kind: "PeerAuthentication", Namespace: name, Name: name}
		text := policyManifest(ref, map[string]string{name: name}, name, map[uint32]string{80: name})
		var got map[string]any
		if err := yaml.UnmarshalStrict([]byte(text), &got); err != nil {
			t.Fatalf("%q: %v\n%s", name, err, text)
		}
		spec := map[string]any{"portLevelMtls": map[string]any{"80": map[string]any{"mode": name}}, "selector": map[string]any{"matchLabels": map[string]any{name: name}}}
		if name != "" {
			spec["mtls"] = map[string]any{"mode": name}
		}
		want := map[string]any{
			"apiVersion": "security.istio.io/v1", "kind": "PeerAuthentication",
			"metadata": map[string]any{"name": name, "namespace": name}, "spec": spec,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q: %s", name, diff)
		}
		if strings.Contains(text, "\n---") {
			t.Errorf("%q begins another document:\n%s", name, text)
		}
	}
}

// TestNoCommandIsUnquoted: every command that names something goes through shell or kubectl.
func TestNoCommandIsUnquoted(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if f != "shell.go" && strings.Contains(string(text), "Sprintf(\"kubectl"+" ") {
			t.Errorf("%s formats a command by itself", f)
		}
	}
}
