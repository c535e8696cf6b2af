package manifest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

const rules = `# rules of the shop
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: server, namespace: shop}
spec:
  host: server
  trafficPolicy:
    tls:
      mode: DISABLE
  subsets:
  - name: v1
  - name: v2
    trafficPolicy: {tls: {mode: SIMPLE}}
---
# nothing
---
just text
---
apiVersion: v1
kind: List
items:
- apiVersion: security.istio.io/v1
  kind: PeerAuthentication
  metadata: {name: server}
  spec:
    portLevelMtls:
      80: {mode: STRICT}
- kind: Deployment
  metadata: {name: server, namespace: shop}
  spec:
    template:
      metadata:
        annotations:
          traffic.sidecar.istio.io/excludeInboundPorts: "80"
---
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data:
  mesh: |
    # the mesh
    enableAutoMtls: false
  quoted: "enableAutoMtls: false"
`

func TestFind(t *testing.T) {
	var x Index
	if err := x.Add("rules.yaml", []byte(rules)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		kind, namespace, name, field string
		line                         int
	}{
		{"DestinationRule", "shop", "server", "spec.trafficPolicy.tls.mode", 9},
		{"DestinationRule", "shop", "server", "spec.subsets[1].trafficPolicy.tls.mode", 13},
		{"DestinationRule", "shop", "server", "spec.subsets[7].name", 10},
		{"DestinationRule", "shop", "server", "spec.exportTo", 5},
		{"DestinationRule", "shop", "server", "", 2},
		{"DestinationRule", "shop", "server", "port 8080", 2},
		{"DestinationRule", "pay", "server", "spec", 0},
		{"PeerAuthentication", "shop", "server", "spec.portLevelMtls.80.mode", 27},
		{"Deployment", "shop", "server", "spec.template.metadata.annotations[traffic.sidecar.istio.io/excludeInboundPorts]", 34},
		{"Deployment", "shop", "server", "spec.template.metadata.labels[app]", 32},
		{"ConfigMap", "istio-system", "istio", "data.mesh.enableAutoMtls", 41},
		{"ConfigMap", "istio-system", "istio", "data.mesh.trustDomainAliases", 39},
		{"ConfigMap", "istio-system", "istio", "data.quoted.enableAutoMtls", 42},
	} {
		at, found := x.Find(kube.Ref{Kind: c.kind, Namespace: c.namespace, Name: c.name}, c.field)
		want := Place{"rules.yaml", c.line}
		if c.line == 0 {
			want = Place{}
		}
		if at != want || found != (c.line > 0) {
			t.Errorf("%s %s/%s %s: %v %v, want line %d", c.kind, c.namespace, c.name, c.field, at, found, c.line)
		}
	}
}

// Of several files the one that has most of the field counts; of equal ones none.
func TestFindAmongSeveral(t *testing.T) {
	const head = "kind: Sidecar\nmetadata: {name: a, namespace: shop}\n"
	ref := kube.Ref{Kind: "Sidecar", Namespace: "shop", Name: "a"}
	var x Index
	for file, text := range map[string]string{"base.yaml": head, "patch.yaml": head + "spec:\n  egress: []\n"} {
		if err := x.Add(file, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if at, found := x.Find(ref, "spec.egress[0].hosts"); !found || at != (Place{"patch.yaml", 4}) {
		t.Errorf("%v %v", at, found)
	}
	if at, found := x.Find(ref, ""); found {
		t.Errorf("which of two is applied cannot be told: %v", at)
	}
}

// A file that leaves the namespace out may be meant as well as one that names it.
func TestFindBesideOneWithoutNamespace(t *testing.T) {
	const spec = "spec:\n  egress: []\n"
	var x Index
	for file, head := range map[string]string{
		"dup.yaml":  "kind: Sidecar\nmetadata: {name: a, namespace: shop}\n",
		"nons.yaml": "kind: Sidecar\nmetadata: {name: a}\n",
	} {
		if err := x.Add(file, []byte(head+spec)); err != nil {
			t.Fatal(err)
		}
	}
	if at, found := x.Find(kube.Ref{Kind: "Sidecar", Namespace: "shop", Name: "a"}, "spec.egress"); found {
		t.Errorf("which of two is applied cannot be told: %v", at)
	}
	if at, found := x.Find(kube.Ref{Kind: "Sidecar", Namespace: "pay", Name: "a"}, "spec.egress"); !found || at.File != "nons.yaml" {
		t.Errorf("%v %v", at, found)
	}
}

// Kinds of one name in different API groups are different; of a kind that we do not know any group will do.
func TestFindTellsGroupsApart(t *testing.T) {
	const doc = "apiVersion: %s\nkind: %s\nmetadata: {name: a, namespace: shop}\n"
	for _, c := range []struct {
		apiVersion, kind string
		found            bool
	}{
		{"networking.istio.io/v1", "Gateway", true},
		{"networking.istio.io/v1beta1", "Gateway", true},
		{"gateway.networking.k8s.io/v1", "Gateway", false},
		{"serving.knative.dev/v1", "Service", false},
		{"v1", "Service", true},
		{"argoproj.io/v1alpha1", "Rollout", true},
	} {
		var x Index
		if err := x.Add("a.yaml", fmt.Appendf(nil, doc, c.apiVersion, c.kind)); err != nil {
			t.Fatal(err)
		}
		if _, found := x.Find(kube.Ref{Kind: c.kind, Namespace: "shop", Name: "a"}, ""); found != c.found || x.Empty() {
			t.Errorf("%s %s: found %t", c.apiVersion, c.kind, found)
		}
	}
}

func TestAnchors(t *testing.T) {
	var x Index
	text := "kind: Sidecar\nmetadata: &m {name: a, namespace: shop}\n---\nkind: Gateway\nmetadata: &n {name: b}\nspec:\n  x: *n\n"
	if err := x.Add("a.yaml", []byte(text)); err != nil {
		t.Fatal(err)
	}
	if at, found := x.Find(kube.Ref{Kind: "Gateway", Namespace: "any", Name: "b"}, "spec.x.name"); !found || at.Line != 5 {
		t.Errorf("%v %v", at, found)
	}
}

// What stands before the fault of a file counts.
func TestTemplate(t *testing.T) {
	var x Index
	err := x.Add("chart.yaml", []byte("kind: Sidecar\nmetadata: {name: a}\n---\n{{ if .Values.mtls }}\nkind: Gateway\n{{ end }}\n"))
	if err == nil || !strings.Contains(err.Error(), "chart.yaml: ") {
		t.Error(err)
	}
	if _, found := x.Find(kube.Ref{Kind: "Sidecar", Name: "a"}, ""); !found {
		t.Error("the document before it is lost")
	}
}

func TestSteps(t *testing.T) {
	for field, want := range map[string][]string{
		"":                              nil,
		"spec":                          {"spec"},
		"spec.egress[0].hosts":          {"spec", "egress", "0", "hosts"},
		"metadata.annotations[a.b/c]":   {"metadata", "annotations", "a.b/c"},
		"metadata.annotations[a":        {"metadata", "annotations", "a"},
		".spec..tls":                    {"spec", "tls"},
		"spec.rules[0].paths[1][2].x.y": {"spec", "rules", "0", "paths", "1", "2", "x", "y"},
	} {
		if diff := cmp.Diff(want, steps(field)); diff != "" {
			t.Errorf("%s: %s", field, diff)
		}
	}
}

// FuzzAdd: no text makes it crash, and what is found is a line of the text.
func FuzzAdd(f *testing.F) {
	f.Add(rules)
	f.Add("kind: A\nmetadata: {name: &x x}\nspec: *x\n")
	f.Fuzz(func(t *testing.T, text string) {
		var x Index
		if err := x.Add("f", []byte(text)); err != nil {
			return
		}
		for k := range x.resources {
			at, found := x.Find(k.Ref, "spec.trafficPolicy.tls.mode")
			if found && (at.Line < 1 || at.Line > strings.Count(text, "\n")+strings.Count(text, "\r")+1) {
				t.Errorf("line %d of %q", at.Line, text)
			}
		}
	})
}
