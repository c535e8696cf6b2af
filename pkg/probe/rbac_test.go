package probe

import (
	"bytes"
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

// TestRolesGrantWhatIsAskedFor compares deploy/rbac.yaml with the lists that the probe makes: a
// new list needs a new rule, and a rule that nothing needs is one too many.
func TestRolesGrantWhatIsAskedFor(t *testing.T) {
	want := []string{
		"get  namespaces", "get  pods/portforward", "create  pods/portforward",
		"list  configmaps istio", "list  configmaps istio-ca-root-cert",
	}
	for _, l := range lists() {
		group := l.Group
		if group == "core" {
			group = ""
		}
		want = append(want, "list "+group+" "+l.Plural)
	}
	roles := readRoles(t)
	for role, want := range map[string][]string{
		"mtls-doctor":      want,
		"mtls-doctor-exec": {"get  pods/exec", "create  pods/exec"},
	} {
		got := roles[role]
		slices.Sort(want)
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-asked for +granted):\n%s", role, diff)
		}
	}
}

// readRoles returns "verb group resource [name]" for each permission of each role.
func readRoles(t *testing.T) map[string][]string {
	t.Helper()
	raw, err := os.ReadFile("../../deploy/rbac.yaml")
	if err != nil {
		t.Fatal(err)
	}
	roles := map[string][]string{}
	for doc := range bytes.SplitSeq(raw, []byte("\n---\n")) {
		var role struct {
			Metadata struct{ Name string }
			Rules    []struct{ APIGroups, Resources, ResourceNames, Verbs []string }
		}
		if err := yaml.UnmarshalStrict(dropHead(doc), &role); err != nil {
			t.Fatal(err)
		}
		for _, rule := range role.Rules {
			for _, group := range rule.APIGroups {
				for _, resource := range rule.Resources {
					for _, verb := range rule.Verbs {
						roles[role.Metadata.Name] = append(roles[role.Metadata.Name], named3(verb+" "+group+" "+resource, rule.ResourceNames)...)
					}
				}
			}
		}
	}
	return roles
}

func named3(permission string, names []string) []string {
	if len(names) == 0 {
		return []string{permission}
	}
	var out []string
	for _, n := range names {
		out = append(out, permission+" "+n)
	}
	return out
}

// dropHead removes apiVersion and kind, so that strict parsing finds misspelt fields.
func dropHead(doc []byte) []byte {
	var lines [][]byte
	for line := range bytes.SplitSeq(doc, []byte("\n")) {
		if !bytes.HasPrefix(line, []byte("apiVersion:")) && !bytes.HasPrefix(line, []byte("kind:")) {
			lines = append(lines, line)
		}
	}
	return bytes.Join(lines, []byte("\n"))
}
