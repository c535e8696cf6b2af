package scenario

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestExpand(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "62-x")
	peer := func(name, mode string) string {
		return fmt.Sprintf("kind: PeerAuthentication\nmetadata: {namespace: shop, name: %s}\nspec: {mtls: {mode: %s}}\n", name, mode)
	}
	files := map[string]string{
		file: `
description: A policy comes and goes.
replicas: {shop/client: 2}
labels: {shop/server: {tier: a}}
steps:
- name: create
  apply: [strict.yaml]
  labels: {shop/server: {track: x}}
  expect: {healthy: true}
- name: edit
  apply: [open.yaml]
  scale: {shop/server: 0}
  labels: {shop/server: {tier: null}}
  preconditions: [{proxy: shop/client, page: clusters, has: x}]
  expect: {cause: {subject: PeerAuthentication shop/a}}
- name: delete
  delete: [PeerAuthentication shop/a]
  expect: {healthy: true}
`,
		"base.yaml": peer("base", "UNSET"), "strict.yaml": peer("a", "STRICT"), "open.yaml": peer("a", "DISABLE"),
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	steps, err := Find(filepath.Dir(dir), "62")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range steps {
		got = append(got, fmt.Sprintf("%s %t healthy=%t proofs=%d %v | %s | %s", s.Name, s.Continues, s.Expect.Healthy, len(s.Preconditions), s.Replicas, modes(s), labels(s)))
	}
	want := []string{
		"62-x/1-create false healthy=true proofs=0 map[shop/client:2] | base=UNSET a=STRICT | tier=a track=x",
		"62-x/2-edit true healthy=false proofs=1 map[shop/client:2 shop/server:0] | base=UNSET a=DISABLE | tier- track=x",
		"62-x/3-delete true healthy=true proofs=0 map[shop/client:2 shop/server:0] | base=UNSET | tier- track=x",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if name := steps[0].FileName(); name != "62-x.1-create" {
		t.Errorf("file name %s", name)
	}
}

func modes(s Scenario) string {
	var all []string
	for _, o := range s.Objects() {
		all = append(all, fmt.Sprintf("%s=%v", o.GetName(), o.Object["spec"].(map[string]any)["mtls"].(map[string]any)["mode"]))
	}
	return strings.Join(all, " ")
}

func labels(s Scenario) string {
	var all []string
	for k, v := range s.Labels["shop/server"] {
		if v == "" {
			all = append(all, k+"-")
			continue
		}
		all = append(all, k+"="+v)
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}
